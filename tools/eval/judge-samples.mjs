// Developer tool: judges poems a second time by the independent checker and prints both verdicts side by side.
//
//   node tools/eval/judge-samples.mjs runs/evaluate/samples.jsonl [--table ../shared/data/prosody/pingshui.tsv]
//   node tools/eval/judge-samples.mjs --model models/base-poet --n 400 [--adapter runs/dpo] [--seed 42]
//
// With --model the poems are written first, without constraints, n of each form. TABLE is a table of readings that the
// product does not use: character, simplified, group, level, tone, in columns with a header.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { wilson } from '@tuiqiao/eval';
import { check } from '@tuiqiao/prosody';
import { runEvaluate } from '@tuiqiao/recipes';
import { parseRecipe } from '@tuiqiao/schema';
import { judgePoem, loadReadings } from './independent-checker.mjs';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    table: { type: 'string', default: path.resolve(import.meta.dirname, '../../../shared/data/prosody/pingshui.tsv') },
    model: { type: 'string' },
    adapter: { type: 'string', multiple: true, default: [] },
    n: { type: 'string', default: '400' },
    seed: { type: 'string', default: '42' },
  },
});
const RULES = ['length', 'rhyme', 'meter', 'all'];
const readings = loadReadings(values.table);

async function readSamples(file) {
  const text = await readFile(file, 'utf8');
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
}

async function writeSamples() {
  const folder = await mkdtemp(path.join(tmpdir(), 'tuiqiao-judge-'));
  try {
    const { recipe } = parseRecipe({
      stage: 'evaluate',
      models: [{ name: values.model, model: values.model, adapter: values.adapter }],
      count: Number(values.n),
      seed: Number(values.seed),
      perplexity: false,
      outputDir: folder,
    });
    await runEvaluate(recipe);
    return await readSamples(path.join(folder, 'samples.jsonl'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const samples = values.model === undefined ? await readSamples(positionals[0]) : await writeSamples();
const rows = samples.flatMap((sample) => {
  const other = sample.form === undefined ? null : judgePoem(sample.text, sample.form, readings);
  if (other === null) return [];
  const own = check({ text: sample.text || '　', form: sample.form }).strict;
  const name = `${sample.model}${sample.constrained ? ' (constrained)' : ''}`;
  return [
    {
      name,
      form: sample.form,
      other,
      own: own.length ? own : { length: false, rhyme: false, meter: false, all: false },
    },
  ];
});
const share = (part, side, rule) => {
  const { k, n, ci } = wilson(part.filter((row) => row[side][rule]).length, part.length);
  return `${((100 * k) / n).toFixed(1)} [${ci.map((x) => (100 * x).toFixed(1)).join(', ')}]`;
};
const print = (name, part) => {
  process.stdout.write(`${name}, n ${part.length}\n`);
  for (const [side, title] of [
    ['own', 'product'],
    ['other', 'independent'],
  ]) {
    process.stdout.write(
      `  ${title.padEnd(12)} ${RULES.map((rule) => `${rule} ${share(part, side, rule)}`).join(' · ')}\n`,
    );
  }
  const agreed = part.filter(({ own, other }) => own.all === other.all).length;
  process.stdout.write(`  agree on all rules: ${((100 * agreed) / part.length).toFixed(1)} %\n`);
};
for (const name of new Set(rows.map((row) => row.name))) {
  const own = rows.filter((row) => row.name === name);
  for (const form of new Set(own.map((row) => row.form)))
    print(
      `${name} · ${form}`,
      own.filter((row) => row.form === form),
    );
  print(`${name} · all forms`, own);
}
