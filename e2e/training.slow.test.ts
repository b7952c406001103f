/** A tiny model through the stages by real processes: trained, interrupted, resumed, fine-tuned, asked for a poem. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'apps/cli/bin/tuiqiao.mjs');
const POEMS = [
  { text: '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。', form: '五绝', start: '仄起', rhyme: '尤' },
  {
    text: '秦時明月漢時關，萬里長征人未還。但使龍城飛將在，不教胡馬度陰山。',
    form: '七绝',
    start: '平起',
    rhyme: '刪',
  },
];
const TIMEOUT_MS = 120_000;

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

let folder = '';
let recipe = '';
const run = (name: string) => path.join(folder, name);

function start(args: readonly string[]): { child: ChildProcess; outcome: Promise<Outcome> } {
  const child = spawn(process.execPath, [bin, ...args], { cwd: root, env: { ...process.env, LANG: 'C.UTF-8' } });
  const outcome: Outcome = { status: null, stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    outcome.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    outcome.stderr += text;
  });
  return { child, outcome: new Promise((resolve) => child.on('close', (status) => resolve({ ...outcome, status }))) };
}

const tuiqiao = (...args: readonly string[]): Promise<Outcome> => start(args).outcome;

beforeAll(async () => {
  if (!existsSync(path.join(root, 'apps/cli/dist/main.js'))) throw new Error('not built: run `npm run setup` first');
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-training-'));
  const lines = Array.from({ length: 60 }, (_, i) => {
    const { text, form, start, rhyme } = POEMS[i % POEMS.length]!;
    const split = i % 10 === 0 ? 'validation' : 'train';
    const labels = { form, start, firstLineRhymes: form === '七绝', rhyme, tune: null, theme: null, faults: 0 };
    const poem = { id: `p${i}`, source: 'shi.tang', dynasty: '唐', author: '某', title: '題', text };
    return JSON.stringify({ ...poem, labels: { ...labels, isFlawless: true, cluster: i, split } });
  });
  const corpus = run('poems.jsonl.gz');
  await writeFile(corpus, gzipSync(`${lines.join('\n')}\n`));
  recipe = run('recipe.yaml');
  await writeFile(
    recipe,
    `stage: pretrain
corpus: ${corpus}
geometry: { hiddenSize: 32, intermediateSize: 64, layers: 1, heads: 2, vocabSize: 512, maxPositions: 128 }
tokensPerStep: 256
max_steps: 12
logging_steps: 2
save_steps: 4
output_dir: ${run('base')}
`,
  );
});

describe('the stages from the command line', { timeout: TIMEOUT_MS }, () => {
  it('pretrains, leaves a run that says how it was made, and does not run over it', async () => {
    const done = await tuiqiao('pretrain', recipe, '--json');
    expect(done.status, done.stderr).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ outcome: 'done', step: 12, outputDir: run('base') });
    expect(done.stderr).toContain('12/12 steps');
    for (const name of ['model.safetensors', 'tokenizer.json', 'recipe.yaml', 'manifest.json', 'checkpoint-12']) {
      expect(existsSync(path.join(run('base'), name)), name).toBe(true);
    }
    const again = await tuiqiao('pretrain', recipe);
    expect(again.status).toBe(2);
    expect(again.stderr).toMatch(/^error .*holds a run that is finished\nhint /u);
  });

  it('tells steps and estimates without running', async () => {
    const { status, stdout } = await tuiqiao(
      'train',
      recipe,
      '--dry-run',
      '--json',
      '--set',
      `outputDir=${run('dry')}`,
    );
    expect(status).toBe(0);
    const { recipe: resolved, plan } = JSON.parse(stdout);
    expect(resolved).toMatchObject({ stage: 'pretrain', maxSteps: 12, geometry: { layers: 1 } });
    expect(plan).toMatchObject({ totalSteps: 12, samples: 54 });
    expect(plan.seconds).toBeGreaterThan(0);
    expect(existsSync(run('dry'))).toBe(false);
  });

  it('stops at Ctrl-C with a checkpoint and exit 130, and goes on with --resume', async () => {
    const target = run('stopped');
    const { child, outcome } = start(['pretrain', recipe, '--output-dir', target, '--max-steps', '200']);
    await new Promise<void>((resolve) => {
      child.stderr!.on('data', (text: string) => {
        if (text.includes('/200 steps')) resolve();
      });
    });
    child.kill('SIGINT');
    const stopped = await outcome;
    expect(stopped.status, stopped.stderr).toBe(130);
    expect(stopped.stdout).toMatch(/^Stopped at step \d+; go on with --resume/u);
    const step = Number(/step (\d+)/u.exec(stopped.stdout)![1]);
    const manifest = JSON.parse(await readFile(path.join(target, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({ outcome: 'aborted', stage: 'pretrain' });
    expect(existsSync(path.join(target, `checkpoint-${step}`))).toBe(true);
    const more = await tuiqiao('pretrain', '--resume', target, '--json');
    expect(more.status, more.stderr).toBe(0);
    expect(more.stderr).toContain(`going on from step ${step}`);
    expect(JSON.parse(more.stdout)).toMatchObject({ outcome: 'done', step: 200, resumedFromStep: step });
  });

  it('fine-tunes the model and writes with it', async () => {
    const sft = await tuiqiao(
      ...['sft', '--model', run('base'), '--dataset', run('poems.jsonl.gz'), '--max-steps', '2', '--lora_rank', '4'],
      ...['--output-dir', run('sft'), '--quiet'],
    );
    expect(sft).toMatchObject({ status: 0, stderr: '' });
    const config = JSON.parse(await readFile(path.join(run('sft'), 'adapter_config.json'), 'utf8'));
    expect(config).toMatchObject({ peft_type: 'LORA', r: 4 });
    const written = await tuiqiao(
      ...['write', '--model', run('base'), '--adapter', run('sft'), '--form', '五绝', '--no-constraints'],
      ...['--count', '2', '--seed', '7', '--max-new-tokens', '30', '--json', '--quiet'],
    );
    expect(written.status, written.stderr).toBe(0);
    const poems = written.stdout.trimEnd().split('\n');
    expect(poems).toHaveLength(2);
    expect(JSON.parse(poems[0]!)).toMatchObject({ form: '五绝', seed: 7, verdict: {}, novelty: {} });
  });

  it('goes on reading with a model that is there: its vocabulary, its shape, and a lower loss', async () => {
    const target = run('further');
    const more = await tuiqiao(
      ...['pretrain', recipe, '--model', run('base'), '--output-dir', target, '--max-steps', '6', '--json'],
    );
    expect(more.status, more.stderr).toBe(0);
    expect(more.stderr).toContain(`of ${run('base')} on `);
    const lossOf = async (folder: string): Promise<number> =>
      JSON.parse(await readFile(path.join(folder, 'manifest.json'), 'utf8')).metrics.eval_loss;
    expect(await lossOf(target)).toBeLessThan(await lossOf(run('base')));
    for (const name of ['tokenizer.json', 'config.json']) {
      const read = (folder: string): Promise<string> => readFile(path.join(folder, name), 'utf8');
      expect(JSON.parse(await read(target))).toEqual(JSON.parse(await read(run('base'))));
    }
  });

  it('says so when the folder cannot be written', async () => {
    // A file where the run folder should be stands for a disk that refuses.
    const blocked = run('blocked');
    await writeFile(blocked, '');
    const outcome = await tuiqiao('pretrain', recipe, '--output-dir', path.join(blocked, 'run'));
    expect(outcome.status).toBe(3);
    expect(outcome.stderr).toMatch(/^error .*cannot write there/u);
  });
});
