// `npm run bench`: how fast this machine trains, writes and checks. Every task runs in a process of its own, one after
// the other, so that its peak memory is its own; the matrix speed that a share (MFU) refers to is measured in the same
// process. What is counted and how stands in `geometry.mjs` and `meter.mjs`.
//
// Where `tools/peers/setup` has built an environment, Python's libraries do the same work in the same run.
//
//   npm run bench -- [--quick] [--train-only] [--no-peers] [--only TASK,…] [--profile | --scaling] [--json FILE] [--write]
import { fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { describeMachine } from './machine.mjs';
import { peersPython, peerVersions, runPeers } from './peers.mjs';
import { markdownReport, printProfile, printReport } from './report.mjs';
import { measureScaling } from './scaling.mjs';
import { scalingMarkdown, scalingPlot, scalingTable } from './scaling-report.mjs';
import { PROFILES, SCALING_TASK, TASKS, TRAINING_TASKS } from './tasks.mjs';

const reportFile = new URL('../../docs/benchmarks.md', import.meta.url);
const HELP = `npm run bench -- [options]
  --quick        fewer repetitions
  --train-only   pretraining and fine-tuning only
  --no-peers     leave out the comparison with Python's libraries
  --only TASK,…  only these tasks of ours: ${Object.keys(TASKS).join(', ')}
  --profile      time of each kernel within a step of pretraining and of fine-tuning, and nothing else
  --scaling      fine-tuning over sequence length, batch, rank and model size, and nothing else; takes long, and 10 GB of
                 disk for the larger models
  --json FILE    write all figures to FILE
  --write        write docs/benchmarks.md (with --scaling docs/benchmarks-scaling.md and its plot)`;

function readOptions() {
  try {
    return parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        'train-only': { type: 'boolean', default: false },
        'no-peers': { type: 'boolean', default: false },
        only: { type: 'string' },
        profile: { type: 'boolean', default: false },
        scaling: { type: 'boolean', default: false },
        json: { type: 'string' },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`bench: ${error.message}\n${HELP}\n`);
    process.exit(2);
  }
}

/** Runs one task in a new process and returns what it reports. */
function runTask(task, options) {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./run-task.mjs', import.meta.url), [task, JSON.stringify(options)], {
      stdio: ['ignore', 2, 2, 'ipc'],
    });
    let result;
    child.on('message', (message) => {
      result = message;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0 && result !== undefined) resolve(result);
      else reject(new Error(`${task}: expected a result, got ${signal ?? `exit code ${code}`}`));
    });
  });
}

async function runScaling() {
  const run = (point) => runTask(SCALING_TASK, { isQuick: options.quick, point });
  const curves = await measureScaling(run, (name) => process.stderr.write(`${name} …\n`));
  const report = { date: new Date().toISOString(), machine: describeMachine(), curves };
  process.stdout.write(scalingTable(curves));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (!options.write) return;
  const plotFile = 'benchmarks-scaling.svg';
  writeFileSync(new URL(plotFile, reportFile), scalingPlot(curves));
  writeFileSync(new URL('benchmarks-scaling.md', reportFile), scalingMarkdown({ ...report, plotFile }));
}

const options = readOptions();
if (options.help) {
  process.stdout.write(`${HELP}\n`);
  process.exit(0);
}
if (options.scaling) {
  await runScaling();
  process.exit(0);
}
const wanted = options.profile ? Object.keys(PROFILES) : Object.keys(TASKS);
const chosen = options.only?.split(',');
const names = options['train-only'] && !options.profile ? TRAINING_TASKS : (chosen ?? wanted);
const report = { date: new Date().toISOString(), quick: options.quick, machine: describeMachine(), tasks: {} };
try {
  for (const name of names) {
    process.stderr.write(`${name} …\n`);
    try {
      report.tasks[name] = await runTask(name, { isQuick: options.quick });
    } catch (error) {
      // What was measured before it, and comes after it, is worth having.
      process.stderr.write(`bench: ${error.message}\n`);
      process.exitCode = 1;
    }
  }
  const python = peersPython();
  if (!options.profile && !options['no-peers'] && python !== null) {
    const rows = Object.values(report.tasks).flatMap((task) => task.rows);
    report.peerVersions = await peerVersions(python);
    report.peers = await runPeers(python, {
      isQuick: options.quick,
      threads: report.machine.threads,
      ourRows: new Map(rows.map((row) => [row.name, row])),
      onStart: (name) => process.stderr.write(`${name} …\n`),
    });
  }
  if (options.profile) printProfile(report);
  else printReport(report);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  if (options.write && !options.profile) writeFileSync(reportFile, markdownReport(report));
} catch (error) {
  process.stderr.write(`bench: ${error.message}\n`);
  process.exit(1);
}
