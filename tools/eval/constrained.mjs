// Developer tool: what is written under the rules, judged by the independent checker. Four forms, 排律 of twelve lines and
// twenty common tunes, the same number of each; also for a random model over any tokenizer, since the rules are to hold
// whatever the model prefers.
//
//   node tools/eval/constrained.mjs --model models/base-poet --n 50 [--seed 7] [--slots 64] [--data ../shared/data]
//
// DATA is the folder of tables that the product does not use. Poems with a character that is not in them are named and not
// judged: a random model writes characters that no poem has. The written poems go to --output as JSON lines. Exit status
// 1 when a poem was given up, has the wrong length, or more than one in a thousand breaks rhyme or meter.
import { appendFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { wilson } from '@tuiqiao/eval';
import { createKernels } from '@tuiqiao/kernels';
import { loadLanguageModel, loadTokenizer } from '@tuiqiao/lm';
import { createTokenInventory, writePoemsStream } from '@tuiqiao/verse';
import { addVariants, judgeCi, judgePoem, loadParts, loadReadings, loadVariants } from './independent-checker.mjs';

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'models/base-poet' },
    n: { type: 'string', default: '50' },
    seed: { type: 'string', default: '7' },
    slots: { type: 'string', default: '64' },
    data: { type: 'string', default: path.resolve(import.meta.dirname, '../../../shared/data') },
    output: { type: 'string' },
  },
});
const SHI = ['五绝', '七绝', '五律', '七律', '五排', '七排'];
const TUNES =
  '浣溪沙 水调歌头 鹧鸪天 菩萨蛮 念奴娇 满江红 西江月 临江仙 蝶恋花 减字木兰花 贺新郎 沁园春 点绛唇 清平乐 满庭芳 玉楼春 水龙吟 虞美人 如梦令 卜算子'.split(
    ' ',
  );
const MOST_BROKEN = 0.001;

const readings = loadReadings(path.join(values.data, 'prosody/pingshui.tsv'));
const parts = loadParts(path.join(values.data, 'prosody/cilin.tsv'));
for (const table of [readings, parts]) addVariants(table, path.join(values.data, 'prosody/variants.tsv'));
const variants = loadVariants(path.join(values.data, 'forms/cipu.json.gz'));
const n = Number(values.n);
const tokenizer = await loadTokenizer(values.model);
const model = await loadLanguageModel(values.model, { kernels: createKernels({ prefer: 'native' }), trainable: false });

const names = [...SHI, ...TUNES];
const requestOf = (name) =>
  SHI.includes(name)
    ? {
        form: name,
        title: '秋夜',
        ...(name.endsWith('排') ? { lineCount: 12 } : { noRepeatedCharacters: true, allowsDoubling: true }),
      }
    : { form: '词', tune: name, title: '春愁' };
// One of each in turn: what is written when the tool is stopped is as much of every kind.
const requests = Array.from({ length: n }, () => names.map(requestOf)).flat();
const tally = new Map(
  names.map((name) => [
    name,
    { written: 0, given: 0, strange: 0, judged: 0, length: 0, rhyme: 0, meter: 0, all: 0, attempts: 0, tokens: 0 },
  ]),
);
if (values.output !== undefined) writeFileSync(values.output, '');
const cpuBefore = process.cpuUsage();
const events = writePoemsStream({
  model,
  tokenizer,
  requests,
  tokens: createTokenInventory(tokenizer),
  isConstrained: true,
  seed: Number(values.seed),
  sampling: { temperature: 0.8 },
  slots: Number(values.slots),
});
for await (const event of events) {
  if (event.type !== 'poem') continue;
  const { text, isAccepted, attempts, tokens } = event.poem;
  const name = names[event.index % names.length];
  const row = tally.get(name);
  row.tokens += tokens;
  if (!isAccepted) {
    row.given++;
    continue;
  }
  row.written++;
  row.attempts += attempts;
  const table = SHI.includes(name) ? readings : parts;
  const strange = [...text.normalize('NFC')].filter((char) => /\p{Script=Han}/u.test(char) && !table.has(char));
  if (strange.length > 0) {
    row.strange++;
    console.error(`${name}: the second checker has no reading for ${strange.join(' ')}`);
    continue;
  }
  const verdict = SHI.includes(name) ? judgePoem(text, name, readings) : judgeCi(text, variants.get(name), parts);
  row.judged++;
  for (const rule of ['length', 'rhyme', 'meter', 'all']) if (verdict[rule]) row[rule]++;
  if (values.output !== undefined) {
    appendFileSync(values.output, `${JSON.stringify({ name, text, attempts, verdict })}\n`);
  }
}
const { user, system } = process.cpuUsage(cpuBefore);

const groups = [...SHI.map((name) => [name, [name]]), [`${TUNES.length} tunes`, TUNES], ['all', names]];
const sum = (own, key) => own.reduce((total, name) => total + tally.get(name)[key], 0);
console.log('| | poems | given up | attempts a poem | judged | length | rhyme | meter | all, 95 % |');
console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
for (const [label, own] of groups) {
  const written = sum(own, 'written');
  const { k, ci } = wilson(sum(own, 'all'), sum(own, 'judged'));
  const shares = ['length', 'rhyme', 'meter'].map((rule) => `${sum(own, rule)}`);
  const interval = `${k} (${ci.map((bound) => (100 * bound).toFixed(2)).join('–')} %)`;
  const attempts = (sum(own, 'attempts') / written).toFixed(2);
  console.log(
    `| ${[label, written, sum(own, 'given'), attempts, sum(own, 'judged'), ...shares, interval].join(' | ')} |`,
  );
}
const judged = sum(names, 'judged');
console.log(
  `\n${path.basename(values.model)}, seed ${values.seed}, ${sum(names, 'tokens')} tokens, ${((user + system) / 1e6).toFixed(0)} s of processor time`,
);
const isBroken = judged - Math.min(sum(names, 'rhyme'), sum(names, 'meter')) > MOST_BROKEN * judged;
process.exitCode = sum(names, 'given') > 0 || sum(names, 'length') < judged || isBroken ? 1 : 0;
