// Trains a tiny random model by one stage and one optimizer, with frequent checkpoints in the folder given, resuming
// whatever is there; prints each step, and at the end a hash of what was trained. Killed and started again by
// resume-matrix.slow.test.ts. Arguments: folder, steps, stage, optimizer, and what else is switched on.
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createKernels } from '@tuiqiao/kernels';
import { createLanguageModel } from '@tuiqiao/lm';
import {
  createAdafactor,
  createAdamW,
  createAdamW8bit,
  createArena,
  createLion,
  createMuon,
  createRandom,
  createSgd,
} from '@tuiqiao/tensor';
import {
  attachLora,
  computeReferenceLogProbs,
  computeUnpairedReference,
  createScoreHead,
  evaluateLoss,
  exampleDataset,
  findResumable,
  grpoObjective,
  ktoObjective,
  openTrainerLog,
  preferenceDataset,
  preferenceObjective,
  rewardObjective,
  rolloutSource,
  sftObjective,
  train,
  trainFrom,
  unpairedDataset,
} from '../dist/index.js';

const [directory, steps, stage, optimizerName, ...features] = process.argv.slice(2);
const has = (feature) => features.includes(feature);
await mkdir(directory, { recursive: true });

// The embedding alone is large enough for 8-bit state.
const VOCABULARY = 80;

const kernels = createKernels();
const config = {
  model_type: 'qwen3',
  vocab_size: VOCABULARY,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 8,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  max_position_embeddings: 128,
  tie_word_embeddings: true,
  initializer_range: 0.1,
};
const isFull = has('full');
const model = createLanguageModel(config, { kernels, seed: 1, computeType: 'f32', trainable: isFull });
const adapter = isFull
  ? null
  : attachLora(model, {
      rank: 4,
      alpha: 8,
      dropout: has('dropout') ? 0.2 : 0,
      targetModules: 'all-linear',
      useDora: has('dora'),
      seed: 3,
    });
const head = stage === 'rm' ? createScoreHead(model, 4) : null;
const parameters = [
  ...(adapter === null ? model.parameters.values() : adapter.parameters),
  ...(head === null ? [] : [head.weight]),
];

function openOptimizer() {
  const groups = [{ parameters, weightDecay: 0.01 }];
  const paged = { pagedFolder: directory };
  switch (optimizerName) {
    case 'adamw':
      return createAdamW(kernels, groups);
    case 'paged_adamw':
      return createAdamW(kernels, groups, paged);
    case 'adamw_8bit':
      return createAdamW8bit(kernels, groups);
    case 'paged_adamw_8bit':
      return createAdamW8bit(kernels, groups, paged);
    case 'lion':
      return createLion(kernels, groups);
    case 'paged_lion':
      return createLion(kernels, groups, paged);
    case 'adafactor':
      return createAdafactor(kernels, groups);
    case 'sgd':
      return createSgd(kernels, groups, { momentum: 0.9 });
    case 'muon': {
      const isHidden = ({ name, shape }) => shape.length === 2 && !name.includes('embed_tokens');
      const matrices = [{ parameters: parameters.filter(isHidden), weightDecay: 0.01 }];
      const others = [{ parameters: parameters.filter((one) => !isHidden(one)), weightDecay: 0 }];
      return createMuon(kernels, createArena(kernels), matrices, others);
    }
    default:
      throw new Error(`unknown optimizer ${optimizerName}`);
  }
}

const random = createRandom(5);
const ids = (length) => Array.from({ length }, () => random.integer(VOCABULARY));
const examples = Array.from({ length: 14 }, (_, i) => ({
  id: `example ${i}`,
  promptIds: ids(1 + random.integer(4)),
  completionIds: ids(2 + random.integer(6)),
}));
const pairs = examples.map(({ id, promptIds, completionIds }) => ({
  id,
  promptIds,
  chosenIds: completionIds,
  rejectedIds: ids(4),
}));
const held = exampleDataset(
  Array.from({ length: 4 }, (_, i) => ({ id: `h${i}`, promptIds: ids(2), completionIds: ids(5) })),
);

const log = await openTrainerLog(directory, { resumedFromStep: (await findResumable(directory))?.step ?? null });
const common = {
  model,
  parameters,
  optimizer: openOptimizer(),
  schedule: (step) => (optimizerName === 'sgd' ? 0.05 : 0.01) / (1 + 0.05 * step),
  totalSteps: Number(steps),
  loggingSteps: 1,
  gradientCheckpointing: has('checkpointing'),
  neftuneAlpha: has('neftune') ? 5 : undefined,
  checkpoints: { directory, everySteps: 2, keep: 2 },
  ...(has('stopping')
    ? {
        evaluation: {
          everySteps: 3,
          keepBest: true,
          patience: 2,
          run: () => evaluateLoss({ model, data: held }),
        },
      }
    : {}),
  onStep: (step) => void process.stdout.write(`step ${step}\n`),
  onEvent: log.onEvent,
};
const batching = { seed: 7, itemsPerStep: 4, maxTokensPerMicroBatch: 48 };

async function run() {
  switch (stage) {
    case 'sft':
    case 'pretrain':
      return train({ ...common, data: exampleDataset(examples), batching, objective: sftObjective() });
    case 'dpo': {
      const data = preferenceDataset(pairs);
      const references = await computeReferenceLogProbs({ model, data, reference: 'start' });
      const objective = preferenceObjective({ loss: 'sigmoid', beta: 0.1 }, references);
      return train({ ...common, data, batching, objective });
    }
    case 'rm':
      return train({ ...common, data: preferenceDataset(pairs), batching, objective: rewardObjective(head) });
    case 'kto': {
      const data = unpairedDataset(examples.map((example, i) => ({ ...example, isDesirable: i % 2 === 0 })));
      const references = await computeUnpairedReference(model, data);
      const objective = ktoObjective({ loss: 'kto', beta: 0.1, desirableWeight: 1, undesirableWeight: 1 }, references);
      return train({ ...common, data, batching, objective });
    }
    case 'grpo': {
      const source = rolloutSource({
        model,
        prompts: examples.map(({ id, promptIds }) => ({ id, promptIds })),
        seed: 7,
        promptsPerRollout: 2,
        groupSize: 4,
        iterations: 2,
        stepsPerRollout: 1,
        sampling: { temperature: 1 },
        maxNewTokens: 6,
        stopId: 0,
        scale: 'group',
        masksTruncated: false,
        // Many different tokens are good.
        score: async (completions) => ({
          totals: Float64Array.from(completions, (one) => new Set(one.ids).size + (one.ids[0] ?? 0) / VOCABULARY),
          parts: {},
        }),
      });
      return trainFrom(source, { ...common, objective: grpoObjective({ loss: 'grpo', beta: 0, epsilon: 0.2 }) });
    }
    default:
      throw new Error(`unknown stage ${stage}`);
  }
}
const result = await run();
await log.close();

const hash = createHash('sha256');
for (const parameter of parameters) hash.update(await kernels.readBytes(parameter.value));
process.stdout.write(`weights ${hash.digest('hex')} after ${result.step}\n`);
