// Trains a tiny random model with frequent checkpoints in the folder given, resuming whatever is there; prints each
// step, and at the end a hash of the trained weights. Killed and started again by kill.slow.test.ts.
import { createHash } from 'node:crypto';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { createLanguageModel } from '@tuiqiao/lm';
import { createAdamW, createRandom } from '@tuiqiao/tensor';
import {
  attachLora,
  exampleDataset,
  findResumable,
  openTrainerLog,
  saveAdapter,
  sftObjective,
  train,
} from '../dist/index.js';

const [directory, totalSteps] = process.argv.slice(2);

const kernels = createReferenceKernels();
const config = {
  model_type: 'qwen3',
  vocab_size: 40,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  head_dim: 8,
  rms_norm_eps: 1e-6,
  rope_theta: 10000,
  max_position_embeddings: 128,
  tie_word_embeddings: true,
};
const model = createLanguageModel(config, { kernels, seed: 1, computeType: 'f32', trainable: false });
const adapter = attachLora(model, { rank: 2, alpha: 4, dropout: 0.1, targetModules: 'all-linear', seed: 3 });
const random = createRandom(5);
const ids = (length) => Array.from({ length }, () => random.integer(40));
const examples = Array.from({ length: 14 }, (_, i) => ({
  id: `example ${i}`,
  promptIds: ids(1 + random.integer(4)),
  completionIds: ids(2 + random.integer(6)),
}));

const log = await openTrainerLog(directory, { resumedFromStep: (await findResumable(directory))?.step ?? null });
await train({
  model,
  parameters: adapter.parameters,
  optimizer: createAdamW(kernels, [{ parameters: adapter.parameters, weightDecay: 0.01 }]),
  schedule: (step) => 0.02 / (1 + 0.01 * step),
  data: exampleDataset(examples),
  batching: { seed: 7, itemsPerStep: 4, maxTokensPerMicroBatch: 24 },
  objective: sftObjective(),
  totalSteps: Number(totalSteps),
  loggingSteps: 1,
  checkpoints: {
    directory,
    everySteps: 2,
    keep: 2,
    exportTo: (folder) => saveAdapter(kernels, adapter, folder),
  },
  onStep: (step) => void process.stdout.write(`step ${step}\n`),
  onEvent: log.onEvent,
});
await log.close();

const hash = createHash('sha256');
for (const parameter of adapter.parameters) hash.update(await kernels.readBytes(parameter.value));
process.stdout.write(`weights ${hash.digest('hex')}\n`);
