/** Files under `dataset:`, from their names to finished runs of a tiny model. */
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  CHAT_TEMPLATE,
  controlTokens,
  END_TOKEN,
  loadStarter,
  PAD_TOKEN,
  POEM_TOKEN,
  type Poem,
  TITLE_TOKEN,
  UNKNOWN_TOKEN,
  writePoemFile,
} from '@tuiqiao/corpus';
import { createKernels } from '@tuiqiao/kernels';
import {
  createCharacterTokenizer,
  createLanguageModel,
  createTokenizer,
  saveLanguageModel,
  saveTokenizer,
  type Tokenizer,
} from '@tuiqiao/lm';
import {
  type DpoRecipe,
  type PrepareRecipe,
  parseRecipe,
  type RunEvent,
  type SftRecipe,
  TuiqiaoError,
} from '@tuiqiao/schema';
import { readTrainerLog } from '@tuiqiao/tune';
import { beforeAll, describe, expect, it } from 'vitest';
import { findDatasets, holdOut, loadRows } from './dataset-source.ts';
import { runDpo } from './dpo.ts';
import { loadExamples, poemExample } from './examples.ts';
import { plainRequest } from './poet/requests.ts';
import { chooseFiles } from './preference-files.ts';
import { runPrepare } from './prepare.ts';
import { runSft } from './sft.ts';

const BIG_ENOUGH = 24;
let folder = '';
let corpus = '';
let model = '';
let poems: Poem[] = [];
let tokenizer: Tokenizer;

const at = (...parts: string[]) => path.join(folder, ...parts);
const prepare = (input: object) =>
  runPrepare(parseRecipe({ stage: 'prepare', dataset: [corpus], ...input }).recipe as PrepareRecipe);
const sft = (input: object) =>
  parseRecipe({ stage: 'sft', model, kernels: 'reference', batchSize: 8, lora: { rank: 2 }, ...input })
    .recipe as SftRecipe;
const dpo = (input: object) =>
  parseRecipe({ stage: 'dpo', model, kernels: 'reference', batchSize: 8, lora: { rank: 2 }, ...input })
    .recipe as DpoRecipe;

async function refusal(run: () => unknown): Promise<TuiqiaoError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof TuiqiaoError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

/** A model of some thousand weights over the characters of the test's poems. */
async function createTinyModel(target: string): Promise<void> {
  const specials = [PAD_TOKEN, UNKNOWN_TOKEN, END_TOKEN, POEM_TOKEN, TITLE_TOKEN];
  for (const poem of poems) specials.push(...controlTokens(plainRequest(poem)));
  const characters = [...new Set(poems.flatMap(({ text, title }) => [...text, ...title]))];
  const files = createCharacterTokenizer({
    specials: [...new Set(specials)],
    characters,
    unknownToken: UNKNOWN_TOKEN,
    eosToken: END_TOKEN,
    padToken: PAD_TOKEN,
    chatTemplate: CHAT_TEMPLATE,
  });
  tokenizer = createTokenizer(files);
  const kernels = createKernels({ prefer: 'reference' });
  const tiny = createLanguageModel(
    {
      architectures: ['Qwen3ForCausalLM'],
      model_type: 'qwen3',
      vocab_size: tokenizer.vocabSize,
      hidden_size: 8,
      intermediate_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      num_key_value_heads: 1,
      head_dim: 8,
      hidden_act: 'silu',
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      max_position_embeddings: 256,
      tie_word_embeddings: true,
      attention_bias: false,
      eos_token_id: 2,
      pad_token_id: 0,
    },
    { kernels, seed: 1 },
  );
  await saveLanguageModel(tiny, target, { dtype: 'f32' });
  await saveTokenizer(files, target);
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-files-'));
  const starter = (await loadStarter()).filter(({ labels }) => labels.isFlawless && labels.form === '五绝');
  const part = (split: string, count: number) => starter.filter(({ labels }) => labels.split === split).slice(0, count);
  poems = [...part('train', BIG_ENOUGH), ...part('validation', 8), ...part('test', 4)];
  corpus = at('some.jsonl.gz');
  await writePoemFile(corpus, poems);
  model = at('model');
  await createTinyModel(model);
  await mkdir(at('data'));
  const info = {
    chats: { file_name: 'chats.jsonl', num_samples: 9 },
    wrong: { file_name: 'chats.jsonl', formating: 'alpaca' },
  };
  await writeFile(at('data', 'dataset_info.json'), JSON.stringify(info));
  const rows = Array.from({ length: 10 }, (_, i) =>
    JSON.stringify({ id: i, prompt: `山${i}`, completion: '白日依山盡' }),
  );
  await writeFile(at('data', 'chats.jsonl'), rows.join('\n'));
  await writeFile(at('prompts.jsonl'), JSON.stringify({ prompt: '山' }));
});

describe('a name under dataset:', () => {
  it('is a built-in corpus, else an entry of dataset_info.json, else a file', async () => {
    const found = await findDatasets(['starter', 'chats', corpus, at('data', 'chats.jsonl')], at('data'));
    expect(found).toMatchObject([
      { kind: 'corpus', name: 'starter' },
      { kind: 'file', name: 'chats', file: at('data', 'chats.jsonl'), numSamples: 9 },
      { kind: 'corpus', name: corpus },
      { kind: 'file', file: at('data', 'chats.jsonl') },
    ]);
  });

  it.each([
    [['startr'], 'did you mean "starter"?'],
    [['chat'], 'did you mean "chats"?'],
    [['chats.jsonl'], 'data/chats.jsonl"?'],
    [['nothing-like-it'], 'and no such file'],
  ])('%s is not found, with what is near', async (names, end) => {
    const error = await refusal(() => findDatasets(names, at('data')));
    expect(error.code).toBe('dataset-not-found');
    expect(error.message.endsWith(end), error.message).toBe(true);
  });

  it('says when an entry or the whole table cannot be used', async () => {
    expect((await refusal(() => findDatasets(['wrong'], at('data')))).message).toContain(
      '"formating" is not understood; did you mean "formatting"?',
    );
    expect((await refusal(() => findDatasets(['x'], at('none')))).message).toContain('no dataset_info.json in');
  });
});

describe('the rows of a file', () => {
  const load = async (name: string, options: { seed: number; maxSamples?: number }) =>
    loadRows((await findDatasets([name], at('data')))[0] as never, options);

  it('are at most maxSamples and num_samples, chosen by the seed', async () => {
    const ids = async (seed: number, maxSamples?: number) =>
      (await load('chats', { seed, ...(maxSamples === undefined ? {} : { maxSamples }) })).rows.map(({ id }) => id);
    expect(await ids(1)).toHaveLength(9);
    expect(await ids(1, 4)).toHaveLength(4);
    expect(await ids(1, 4)).toEqual(await ids(1, 4));
    expect(await ids(2, 4)).not.toEqual(await ids(1, 4));
  });

  it('are noted by hash and number', async () => {
    const { manifestEntry } = await load('chats', { seed: 1 });
    expect(manifestEntry).toMatchObject({ name: 'chats', samples: 9, path: at('data', 'chats.jsonl') });
    expect(manifestEntry.sha256).toMatch(/^[0-9a-f]{64}$/u);
  });
});

describe('holdOut', () => {
  const items = Array.from({ length: 20 }, (_, i) => i);
  it.each([
    [0, 0],
    [0.1, 2],
    [0.001, 1],
    [5, 5],
  ])('%f of 20 rows are %i', (valSize, count) => {
    const { training, validation } = holdOut(items, valSize, 'x', 7);
    expect(validation).toHaveLength(count);
    expect([...training, ...validation].sort((a, b) => a - b)).toEqual(items);
    expect(holdOut(items, valSize, 'x', 7).validation).toEqual(validation);
  });

  it('refuses to hold everything out', async () => {
    expect((await refusal(() => holdOut(items, 20, 'x', 7))).message).toBe(
      'valSize: expected less than the 20 rows of x, got 20',
    );
  });
});

describe('loadExamples', () => {
  it('reads prepared poems in control tokens as it reads the corpus itself', async () => {
    await prepare({ outputDir: at('control'), promptStyle: 'control' });
    const { training, validation, warnings } = await loadExamples(
      sft({ dataset: ['control-train'], evalDataset: ['control-validation'], datasetDir: at('control') }),
      tokenizer,
    );
    const expected = (split: string) =>
      poems
        .filter(({ labels }) => labels.split === split)
        .map((poem) => poemExample(poem, plainRequest(poem), tokenizer));
    const byId = (examples: readonly { id: string }[]) => [...examples].sort((a, b) => (a.id < b.id ? -1 : 1));
    expect(byId(training)).toEqual(byId(expected('train')));
    expect(byId(validation)).toEqual(byId(expected('validation')));
    expect(warnings).toEqual([]);
  });

  it('validates a file with a corpus’s validation part, and the other way round', async () => {
    const mixed = await loadExamples(
      sft({ dataset: ['chats'], evalDataset: [corpus], datasetDir: at('data') }),
      tokenizer,
    );
    expect([mixed.training.length, mixed.validation.length]).toEqual([9, 8]);
    const other = await loadExamples(
      sft({ dataset: [corpus], evalDataset: ['chats'], datasetDir: at('data') }),
      tokenizer,
    );
    expect([other.training.length, other.validation.length]).toEqual([BIG_ENOUGH, 9]);
    expect(other.manifestEntries.map(({ samples }) => samples)).toEqual([poems.length, 9]);
  });

  it('learns the prompts of a corpus too when asked to', async () => {
    const { training } = await loadExamples(sft({ dataset: [corpus], completionOnlyLoss: false }), tokenizer);
    expect(training.every(({ promptIds }) => promptIds.length === 0)).toBe(true);
  });

  it.each([
    [{ dataset: ['prompts.jsonl'] }, 'expected rows with an answer, got prompts without one'],
    [
      { dataset: ['data/chats.jsonl'], evalDataset: ['data/chats.jsonl'], valSize: 2 },
      'recipe: expected evalDataset or valSize, got both',
    ],
    [{ dataset: ['data/chats.jsonl'], valSize: 10 }, 'expected less than the 10 rows'],
    [{ dataset: ['data/chats.jsonl'], evalDataset: ['gone'] }, 'gone: no built-in corpus'],
  ])('refuses %j', async (input, sentence) => {
    const absolute = Object.fromEntries(
      Object.entries(input).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.map((file) => at(file)) : value,
      ]),
    );
    expect((await refusal(() => loadExamples(sft(absolute), tokenizer))).message).toContain(sentence);
  });
});

describe('a run on files', () => {
  it('sft: learns from a file, validates with held-out rows, tells what was cut', async () => {
    const events: RunEvent[] = [];
    const outputDir = at('runs', 'sft');
    const recipe = sft({ dataset: ['chats'], datasetDir: at('data'), valSize: 3, maxLength: 8, outputDir });
    const result = await runSft(recipe, { onEvent: (event) => events.push(event) });
    expect(result.outcome).toBe('done');
    const types = events.map(({ type }) => type);
    expect(types.indexOf('run-warning')).toBeGreaterThan(types.indexOf('run-start'));
    expect(events.find(({ type }) => type === 'run-warning')).toMatchObject({ code: 'dataset-truncated' });
    const log = await readTrainerLog(path.join(outputDir, 'trainer_log.jsonl'));
    expect(log.filter((entry) => typeof entry.eval_loss === 'number')).toHaveLength(1);
    const manifest = JSON.parse(await readFile(path.join(outputDir, 'manifest.json'), 'utf8')) as { data: unknown };
    expect(manifest.data).toMatchObject([{ name: 'chats', samples: 9 }]);
  });

  it('dpo: takes the pairs of a file instead of sampling, and validates with others', async () => {
    await prepare({ outputDir: at('pairs'), promptStyle: 'control', format: 'preference' });
    const events: RunEvent[] = [];
    const outputDir = at('runs', 'dpo');
    const recipe = dpo({
      dataset: ['pairs-train'],
      evalDataset: ['pairs-validation'],
      datasetDir: at('pairs'),
      outputDir,
      learningRate: 0.01,
      epochs: 2,
    });
    await runDpo(recipe, { onEvent: (event) => events.push(event) });
    expect(events.filter((event) => event.type === 'progress' && event.label === 'sampling pairs')).toEqual([]);
    const start = events.find((event) => event.type === 'run-start')!;
    expect(start.notes.join('\n')).toMatch(
      /Pairs: 24 from pairs-train; nothing is sampled\.\nHeld out for validation: 8 pairs\./u,
    );
    const last = events.findLast((event) => event.type === 'eval-end')!;
    expect(last.metrics).toMatchObject({
      eval_loss: expect.any(Number),
      'eval_rewards/accuracies': expect.any(Number),
      'eval_rewards/margins': expect.any(Number),
    });
    // The policy has moved away from the reference.
    expect(last.metrics['eval_rewards/chosen']).not.toBe(0);
  });

  it('dpo: at the start, where policy and reference agree, held-out pairs lose ln 2', async () => {
    const events: RunEvent[] = [];
    const recipe = dpo({
      dataset: ['pairs-train'],
      valSize: 4,
      datasetDir: at('pairs'),
      outputDir: at('runs', 'start'),
      learningRate: 0,
      maxSteps: 1,
    });
    await runDpo(recipe, { onEvent: (event) => events.push(event) });
    const { metrics } = events.findLast((event) => event.type === 'eval-end')!;
    expect(metrics.eval_loss).toBeCloseTo(Math.LN2, 6);
    expect(metrics['eval_rewards/margins']).toBeCloseTo(0, 6);
  });

  it('dpo: refuses files that hold no pairs, and files beside corpora', async () => {
    const single = dpo({ dataset: ['chats'], datasetDir: at('data'), outputDir: at('runs', 'no') });
    expect((await refusal(() => runDpo(single))).message).toBe(
      'dpo: chats: expected rows with chosen and rejected, got rows with one answer',
    );
    const both = await findDatasets(['starter', 'chats'], at('data'));
    expect((await refusal(() => chooseFiles(both))).message).toContain('got both (starter, chats)');
    expect(chooseFiles(both.slice(0, 1))).toBeNull();
  });
});
