/** What `--dry-run` says against what then happens: small runs, each in a process of its own. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { createLanguageModel, readModelConfig, saveLanguageModel } from '@tuiqiao/lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveModelFolder } from './models.ts';

const child = path.join(import.meta.dirname, '../test/measure-child.mjs');
const isBuilt = existsSync(path.join(import.meta.dirname, '../dist/index.js'));
/** Share of what happens by which an estimate may miss it. */
const TOLERANCE = 0.15;
const LINES = ['白日依山盡，黃河入海流。欲窮千里目，更上一層樓。', '空山新雨後，天氣晚來秋。明月松間照，清泉石上流。'];

interface Measured {
  readonly memoryBytes: number;
  readonly seconds: number;
}

let folder = '';
let model = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'estimate-'));
  model = path.join(folder, 'model');
  // The shipped model's tokenizer over a wider and deeper model: 50 million weights, so that its layers are sampled.
  const base = resolveModelFolder('models/base-poet');
  await cp(base, model, { recursive: true });
  const { raw } = await readModelConfig(base);
  const geometry = { hidden_size: 640, intermediate_size: 1920, num_hidden_layers: 9, num_attention_heads: 10 };
  const config = { ...raw, ...geometry, num_key_value_heads: 10, head_dim: 64 };
  const kernels = createReferenceKernels();
  await saveLanguageModel(createLanguageModel(config, { kernels, seed: 1, trainable: false }), model, {
    dtype: 'bf16',
  });
  const answers = Array.from({ length: 120 }, (_, i) => ({ instruction: `詩 ${i}`, input: '', output: LINES[i % 2]! }));
  await writeFile(path.join(folder, 'answers.json'), JSON.stringify(answers));
  await writeFile(path.join(folder, 'dataset_info.json'), JSON.stringify({ answers: { file_name: 'answers.json' } }));
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

async function measure(mode: 'plan' | 'run', stage: string, overrides: readonly string[]): Promise<Measured> {
  const { stdout } = await promisify(execFile)(process.execPath, [child, mode, stage, ...overrides], {
    env: { ...process.env, NODE_OPTIONS: '' },
    maxBuffer: 1 << 20,
  });
  return JSON.parse(stdout) as Measured;
}

const sft = (...more: string[]) => ['sft', 'dataset=answers', 'maxSteps=12', 'sampleSteps=0', ...more] as const;

/** The steps read pairs of other lengths than the mean, and share what they begin with. */
const pairs = (stage: string) =>
  [
    stage,
    ...['dataset=starter', 'pairs.source=negatives', 'pairs.prompts=48', 'batchSize=8', 'maxSteps=4'],
    ...(stage === 'rm' ? [] : ['sampleSteps=0']),
  ] as const;

const CASES: Readonly<Record<string, readonly [stage: string, ...overrides: string[]]>> = {
  LoRA: sft(),
  'LoRA, checkpointed': sft('gradientCheckpointing=true'),
  DPO: pairs('dpo'),
  KTO: pairs('kto'),
  'reward model': pairs('rm'),
  GRPO: [
    'grpo',
    ...['dataset=starter', 'maxSteps=2', 'sampleSteps=0', 'grpo.prompts=8', 'grpo.evalPrompts=0'],
    ...['batchSize=8', 'grpo.numGenerations=4', 'maxNewTokens=48', 'rewards=[shape,tones]'],
  ],
  pretraining: ['pretrain', 'corpus=starter', 'maxSteps=6', 'saveSteps=0', 'geometry.layers=4'],
};

describe.skipIf(!isBuilt)('what a dry run tells (needs the built packages)', () => {
  it.each(Object.entries(CASES))(
    '%s: memory within 15 % of what then happens',
    async (name, [stage, ...given]) => {
      const isOnModel = stage !== 'pretrain';
      const overrides = [
        ...(isOnModel ? [`model=${model}`] : []),
        ...(stage === 'sft' ? [`datasetDir=${folder}`] : []),
        ...given,
        `outputDir=${path.join(folder, name)}`,
      ];
      const plan = await measure('plan', stage, overrides);
      const run = await measure('run', stage, overrides);
      const show = (a: number, b: number): string => `${a.toPrecision(4)} estimated, ${b.toPrecision(4)} measured`;
      const bytes = show(plan.memoryBytes, run.memoryBytes);
      // Told, not held: a machine whose speed changes between the two would fail the test and not the estimate.
      console.log(`${name}: bytes ${bytes}; processor seconds ${show(plan.seconds, run.seconds)}`);
      expect(Math.abs(plan.memoryBytes / run.memoryBytes - 1), bytes).toBeLessThan(TOLERANCE);
    },
    600_000,
  );
});
