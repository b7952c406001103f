// Pretraining and supervised fine-tuning through the product's own loop: batching, objective, clipping, optimizer and
// checks included; data on disk, evaluation and checkpoints not.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createKernels } from '@tuiqiao/kernels';
import { createLanguageModel, loadLanguageModel } from '@tuiqiao/lm';
import { createAdamW, createRandom, groupParameters } from '@tuiqiao/tensor';
import { attachLora, exampleDataset, sftObjective, train } from '@tuiqiao/tune';
import { adapterOperations, fullTrainingOperations, measurePeak, TINY_CONFIG } from './geometry.mjs';
import { maxRssMegabytes, Stopwatch, summarise } from './meter.mjs';

const BASE_MODEL = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../models/base-poet');
/** Predictions of a sequence. Its tokens are one more: the last one is predicted and predicts nothing. */
export const PREDICTIONS = 64;
export const SEQUENCES = 64;
const WARM_UP_STEPS = 4;
const LORA_RANK = 16;
/** Of a fine-tuning sequence, tokens before the part that carries loss; and sequences a step, as the recipe has them. */
const PROMPT_TOKENS = 16;
const FINE_TUNING_SEQUENCES = 32;

/** Random sequences: which tokens they are makes no difference to the speed. */
export function randomExamples({ count, promptTokens, vocabSize }) {
  const random = createRandom(1);
  return exampleDataset(
    Array.from({ length: count }, (_, index) => {
      const ids = Array.from({ length: PREDICTIONS + 1 }, () => Math.floor(random.uniform() * vocabSize));
      return { id: `${index}`, promptIds: ids.slice(0, promptTokens), completionIds: ids.slice(promptTokens) };
    }),
  );
}

export function newTinyModel(kernels) {
  return createLanguageModel(TINY_CONFIG, { kernels, seed: 0, trainable: true });
}

export function adamw(kernels, parameters, weightDecay) {
  return createAdamW(kernels, groupParameters(parameters, weightDecay), { beta2: 0.95 });
}

/** Trains for `steps` steps and calls `onStep` after each. */
export function trainSteps({ model, parameters, optimizer, data, sequences, steps, onStep }) {
  return train({
    model,
    parameters,
    optimizer,
    schedule: () => 1e-4,
    data,
    batching: { seed: 0, itemsPerStep: sequences, maxTokensPerMicroBatch: sequences * (PREDICTIONS + 1) },
    objective: sftObjective(),
    totalSteps: steps,
    onStep,
  });
}

/** Laps of the steps after the warm-up. */
async function timeSteps(options, count) {
  const watch = new Stopwatch();
  const laps = [];
  await trainSteps({
    ...options,
    steps: WARM_UP_STEPS + count,
    onStep: (step) => {
      const lap = watch.lap();
      if (step > WARM_UP_STEPS) laps.push(lap);
    },
  });
  return laps;
}

async function trainingResult(name, laps, { tokens, operations, model, parameters, note }) {
  const peakMegabytes = maxRssMegabytes();
  const peak = await measurePeak(model.kernels, model.config, model.computeType);
  const rate = summarise(laps, tokens);
  const gigaflops = operations / rate.seconds / 1e9;
  return {
    rows: [{ name, unit: 'tokens/s', ...rate }],
    note,
    peakMegabytes,
    secondsPerStep: rate.seconds,
    tokensPerStep: tokens,
    trainedParameters: parameters.reduce((sum, { value }) => sum + value.length, 0),
    computeType: model.computeType,
    gigaflops,
    peak,
    mfu: gigaflops / peak.withHead,
    mfuOfLayersPeak: gigaflops / peak.layers,
  };
}

/** Full training of the tiny base model, every token a target, AdamW. */
export async function runPretraining({ isQuick }) {
  const kernels = createKernels({ prefer: 'native' });
  const model = newTinyModel(kernels);
  const { config } = model;
  const parameters = [...model.parameters.values()];
  const optimizer = adamw(kernels, parameters, 0.1);
  const data = randomExamples({ count: SEQUENCES * 8, promptTokens: 1, vocabSize: config.vocabSize });
  const laps = await timeSteps({ model, parameters, optimizer, data, sequences: SEQUENCES }, isQuick ? 8 : 30);
  const tokens = SEQUENCES * PREDICTIONS;
  const operations = fullTrainingOperations(config, { tokens, targets: tokens, length: PREDICTIONS });
  const note = `all weights, AdamW, ${SEQUENCES} sequences of ${PREDICTIONS} tokens a step, each a target`;
  return trainingResult('pretraining', laps, { tokens, operations, model, parameters, note });
}

/** LoRA on every linear layer of the base model that ships, or of one of its size where it is not there. */
export async function runFineTuning({ isQuick }) {
  const kernels = createKernels({ prefer: 'native' });
  const hasBase = existsSync(path.join(BASE_MODEL, 'model.safetensors'));
  const model = hasBase
    ? await loadLanguageModel(BASE_MODEL, { kernels })
    : createLanguageModel(TINY_CONFIG, { kernels, seed: 0, trainable: false });
  const { config } = model;
  const adapter = attachLora(model, {
    rank: LORA_RANK,
    alpha: 2 * LORA_RANK,
    targetModules: 'all-linear',
    seed: 0,
  });
  const { parameters } = adapter;
  const optimizer = adamw(kernels, parameters, 0);
  const sequences = FINE_TUNING_SEQUENCES;
  const data = randomExamples({ count: sequences * 8, promptTokens: PROMPT_TOKENS, vocabSize: config.vocabSize });
  const laps = await timeSteps({ model, parameters, optimizer, data, sequences }, isQuick ? 8 : 30);
  const tokens = sequences * PREDICTIONS;
  const targets = sequences * (PREDICTIONS + 1 - PROMPT_TOKENS);
  const operations = adapterOperations(config, { tokens, targets });
  const modelName = hasBase ? 'models/base-poet' : 'a model of the base model’s size';
  const note = `LoRA rank ${LORA_RANK} on all linear layers of ${modelName}, AdamW, ${sequences} sequences of ${PREDICTIONS} tokens a step, ${targets / sequences} of them targets`;
  return trainingResult('fine-tuning (LoRA)', laps, { tokens, operations, model, parameters, note });
}
