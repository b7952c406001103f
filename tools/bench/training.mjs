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
const PREDICTIONS = 64;
const SEQUENCES = 64;
export const PRETRAINING = { sequences: SEQUENCES, predictions: PREDICTIONS };
const WARM_UP_STEPS = 4;
const LORA_RANK = 16;
/** Of a fine-tuning sequence, tokens before the part that carries loss; and sequences a step, as the recipe has them. */
const PROMPT_TOKENS = 16;
const FINE_TUNING_SEQUENCES = 32;

/** Random sequences: which tokens they are makes no difference to the speed. */
function randomExamples({ count, promptTokens, vocabSize }) {
  const random = createRandom(1);
  return exampleDataset(
    Array.from({ length: count }, (_, index) => {
      const ids = Array.from({ length: PREDICTIONS + 1 }, () => Math.floor(random.uniform() * vocabSize));
      return { id: `${index}`, promptIds: ids.slice(0, promptTokens), completionIds: ids.slice(promptTokens) };
    }),
  );
}

function adamw(kernels, parameters, weightDecay) {
  return createAdamW(kernels, groupParameters(parameters, weightDecay), { beta2: 0.95 });
}

/** The tiny base model, every token a target, AdamW. */
export function preparePretraining(kernels) {
  const model = createLanguageModel(TINY_CONFIG, { kernels, seed: 0, trainable: true });
  const { config } = model;
  const parameters = [...model.parameters.values()];
  const tokens = SEQUENCES * PREDICTIONS;
  return {
    name: 'pretraining',
    note: `all weights, AdamW, ${SEQUENCES} sequences of ${PREDICTIONS} tokens a step, each a target`,
    model,
    parameters,
    optimizer: adamw(kernels, parameters, 0.1),
    sequences: SEQUENCES,
    data: randomExamples({ count: SEQUENCES * 8, promptTokens: 1, vocabSize: config.vocabSize }),
    tokens,
    operations: fullTrainingOperations(config, { tokens, targets: tokens, length: PREDICTIONS }),
  };
}

/** LoRA on every linear layer of the base model that ships, or of one of its size where it is not there. */
export async function prepareFineTuning(kernels) {
  const hasBase = existsSync(path.join(BASE_MODEL, 'model.safetensors'));
  const model = hasBase
    ? await loadLanguageModel(BASE_MODEL, { kernels })
    : createLanguageModel(TINY_CONFIG, { kernels, seed: 0, trainable: false });
  const { config } = model;
  const options = { rank: LORA_RANK, alpha: 2 * LORA_RANK, targetModules: 'all-linear', seed: 0 };
  const { parameters } = attachLora(model, options);
  const sequences = FINE_TUNING_SEQUENCES;
  const tokens = sequences * PREDICTIONS;
  const targets = sequences * (PREDICTIONS + 1 - PROMPT_TOKENS);
  const modelName = hasBase ? 'models/base-poet' : 'a model of the base model’s size';
  return {
    name: 'fine-tuning (LoRA)',
    note: `LoRA rank ${LORA_RANK} on all linear layers of ${modelName}, AdamW, ${sequences} sequences of ${PREDICTIONS} tokens a step, ${targets / sequences} of them targets`,
    model,
    parameters,
    optimizer: adamw(kernels, parameters, 0),
    sequences,
    data: randomExamples({ count: sequences * 8, promptTokens: PROMPT_TOKENS, vocabSize: config.vocabSize }),
    tokens,
    operations: adapterOperations(config, { rows: tokens, targets }),
  };
}

export async function runPretraining({ isQuick }) {
  return measureTraining(preparePretraining(createKernels({ prefer: 'native' })), isQuick);
}

export async function runFineTuning({ isQuick }) {
  return measureTraining(await prepareFineTuning(createKernels({ prefer: 'native' })), isQuick);
}

async function measureTraining(workload, isQuick) {
  const { name, note, model, parameters, tokens, operations } = workload;
  const laps = await timeSteps(workload, isQuick ? 8 : 30);
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

/** Laps of `count` steps after a warm-up; `onLap` is told after each step whether it counts. */
export async function timeSteps({ model, parameters, optimizer, data, sequences }, count, onLap) {
  const watch = new Stopwatch();
  const laps = [];
  await train({
    model,
    parameters,
    optimizer,
    schedule: () => 1e-4,
    data,
    batching: { seed: 0, itemsPerStep: sequences, maxTokensPerMicroBatch: sequences * (PREDICTIONS + 1) },
    objective: sftObjective(),
    totalSteps: WARM_UP_STEPS + count,
    onStep: (step) => {
      const lap = watch.lap();
      const counts = step > WARM_UP_STEPS;
      if (counts) laps.push(lap);
      onLap?.(counts);
    },
  });
  return laps;
}
