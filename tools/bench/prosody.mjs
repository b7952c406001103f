// `npm run bench:prosody`: how fast verse is checked, on one thread. Over the full corpus where it is there
// (`tuiqiao corpus pull`), else over the starter corpus. Processor seconds stand beside seconds: on a machine that others
// use too, only the former say something.
//
//   npm run bench:prosody -- [--quick] [--json FILE]
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findCorpus, loadStarter, readCorpus } from '@tuiqiao/corpus';
import { check } from '@tuiqiao/prosody';
import { maxRssMegabytes, median } from './meter.mjs';

/** What the checker is held to: seconds for so many poems. */
const GOALS = { shi: { poems: 312_000, seconds: 10 }, ci: { poems: 21_000, seconds: 5 }, coldStart: { seconds: 0.3 } };
const QUICK_STRIDE = 10;
const COLD_STARTS = 7;
const POEM = '床前明月光，疑是地上霜。举头望明月，低头思故乡。';
const command = fileURLToPath(new URL('../../apps/cli/bin/tuiqiao.mjs', import.meta.url));

function processorSeconds({ user, system }) {
  return (user + system) / 1e6;
}

async function loadInputs(isQuick) {
  const isFull = (await findCorpus()) !== null;
  const poems = isFull ? readCorpus() : await loadStarter();
  const inputs = { shi: [], ci: [] };
  let index = 0;
  for await (const { text, labels } of poems) {
    if (isQuick && index++ % QUICK_STRIDE !== 0) continue;
    if (labels.tune === null) inputs.shi.push({ text });
    else inputs.ci.push({ text, tune: labels.tune });
  }
  return { source: isFull ? 'full corpus' : 'starter corpus (`tuiqiao corpus pull` brings the full one)', inputs };
}

/**
 * One pass; the tables are loaded and the code is warm after the first poems, which count too. A verdict words its lines
 * and findings when they are read: `isReadInFull` reads all but the suggestions, as a report does.
 */
function measure(name, inputs, options, isReadInFull = false) {
  const wallBefore = performance.now();
  const cpuBefore = process.cpuUsage();
  let flawless = 0;
  let read = 0;
  for (const input of inputs) {
    const verdict = check(input, options);
    if (verdict.strict.all) flawless++;
    if (isReadInFull) read += verdict.lines.length + verdict.findings.length;
  }
  const cpuSeconds = processorSeconds(process.cpuUsage(cpuBefore));
  return { name, poems: inputs.length, flawless, read, cpuSeconds, seconds: (performance.now() - wallBefore) / 1000 };
}

function measureColdStart(name, args, input) {
  const runs = Array.from({ length: COLD_STARTS }, () => {
    const usageBefore = childSeconds();
    const startedAt = performance.now();
    const { status } = spawnSync(process.execPath, args, { input });
    if (status !== 0) throw new Error(`${name}: expected exit status 0, got ${status}`);
    return { seconds: (performance.now() - startedAt) / 1000, cpuSeconds: childSeconds() - usageBefore };
  });
  return {
    name,
    runs: runs.length,
    seconds: median(runs.map(({ seconds }) => seconds)),
    cpuSeconds: median(runs.map(({ cpuSeconds }) => cpuSeconds)),
  };
}

/** Processor seconds of children that have ended; NaN where the system does not say (only Linux does, in ticks). */
function childSeconds() {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1].split(' ');
    return (Number(fields[13]) + Number(fields[14])) / 100;
  } catch {
    return Number.NaN;
  }
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } } });
const { source, inputs } = await loadInputs(values.quick);
check(POEM);
check({ text: POEM, tune: '浣溪沙' });
const rows = [
  measure('shi, form recognised', inputs.shi),
  measure('ci of a given tune', inputs.ci),
  measure('shi, lines and findings read', inputs.shi, {}, true),
  measure('ci, lines and findings read', inputs.ci, {}, true),
  measure('shi, couplets scored too', inputs.shi, { parallelism: true }),
];
const coldStarts = [
  measureColdStart('tuiqiao check, one poem', [command, 'check', '-'], POEM),
  measureColdStart('node alone', ['-e', '0'], ''),
];
const scale = ({ poems, cpuSeconds }, goal) => (cpuSeconds / poems) * goal.poems;
const goals = [
  ['312 thousand shi, processor seconds', scale(rows[0], GOALS.shi), GOALS.shi.seconds],
  ['21 thousand ci, processor seconds', scale(rows[1], GOALS.ci), GOALS.ci.seconds],
  ['cold start, processor seconds', coldStarts[0].cpuSeconds, GOALS.coldStart.seconds],
  ['cold start, seconds by the clock', coldStarts[0].seconds, GOALS.coldStart.seconds],
];
const lines = [
  `${source}; Node ${process.version}; one thread`,
  '',
  `${''.padEnd(30)}${'poems'.padStart(9)}${'CPU s'.padStart(9)}${'s'.padStart(9)}${'poems/CPU s'.padStart(13)}`,
  ...rows.map(
    ({ name, poems, cpuSeconds, seconds }) =>
      `${name.padEnd(30)}${String(poems).padStart(9)}${cpuSeconds.toFixed(2).padStart(9)}${seconds.toFixed(2).padStart(9)}${(poems / cpuSeconds).toFixed(0).padStart(13)}`,
  ),
  '',
  ...coldStarts.map(
    ({ name, runs, cpuSeconds, seconds }) =>
      `${name.padEnd(30)}${`${runs} runs`.padStart(9)}${cpuSeconds.toFixed(2).padStart(9)}${seconds.toFixed(2).padStart(9)}`,
  ),
  '',
  ...goals.map(
    ([name, got, wanted]) => `${name}: ${got.toFixed(2)} (goal ${wanted})${got < wanted ? '' : '  not reached'}`,
  ),
  `peak memory ${maxRssMegabytes().toFixed(0)} MB, the poems included`,
];
process.stdout.write(`${lines.join('\n')}\n`);
if (values.json !== undefined) {
  writeFileSync(values.json, `${JSON.stringify({ source, rows, coldStarts, goals }, null, 2)}\n`);
}
