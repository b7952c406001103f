// What is trained, and how many operations it takes. The share of the machine's matrix speed that a step reaches (MFU)
// counts useful operations only: padding, recomputation, element-wise work and the optimizer do not count.
import { measureGemmPeak } from '@tuiqiao/kernels';
import { Stopwatch } from './meter.mjs';

/** A base model of 8.9 million parameters, as `config.json` has it. */
export const TINY_CONFIG = {
  architectures: ['Qwen3ForCausalLM'],
  model_type: 'qwen3',
  vocab_size: 8192,
  hidden_size: 256,
  intermediate_size: 768,
  num_hidden_layers: 8,
  num_attention_heads: 4,
  num_key_value_heads: 4,
  head_dim: 64,
  hidden_act: 'silu',
  rms_norm_eps: 1e-6,
  rope_theta: 1e6,
  max_position_embeddings: 512,
  tie_word_embeddings: true,
};

/** Rows of the products that the matrix speed is measured with: the tokens of a pretraining step. */
const PEAK_ROWS = 4096;
/** The matrix speed is the best of so many measurements that others did not disturb, or of this many in all. */
const CLEAN_MEASUREMENTS = 2;
const MAX_MEASUREMENTS = 6;
/** Each is the best of so many rounds, a fifth of a second together, and clean with less than this of a core lost. */
const ROUNDS = 12;
const CLEAN_MEASUREMENT_CORES = 0.3;

/** Weight matrices of a model: those of one layer (q, k, v are one product, as are gate and up) and the head. */
function matrices({ hiddenSize, intermediateSize, heads, kvHeads, headDim, vocabSize }) {
  return {
    layer: [
      { K: hiddenSize, N: (heads + 2 * kvHeads) * headDim },
      { K: heads * headDim, N: hiddenSize },
      { K: hiddenSize, N: 2 * intermediateSize },
      { K: intermediateSize, N: hiddenSize },
    ],
    head: { K: hiddenSize, N: vocabSize },
  };
}

function weightsOf(config) {
  const { layer, head } = matrices(config);
  const [queryKeyValue, ...rest] = layer.map(({ K, N }) => K * N);
  const afterAttention = rest.reduce((sum, count) => sum + count, 0);
  return { layers: config.layers * (queryKeyValue + afterAttention), afterAttention, head: head.K * head.N };
}

/**
 * Full training: 6 operations a weight and token (forward, gradient of the input, gradient of the weight), and causal
 * attention over sequences of `length` tokens.
 */
export function fullTrainingOperations(config, { tokens, targets, length }) {
  const { layers, head } = weightsOf(config);
  const attention = (12 * config.layers * length * config.heads * config.headDim) / 2;
  return (6 * layers + attention) * tokens + 6 * head * targets;
}

/**
 * LoRA: frozen weights need no gradient of their own, and what comes after the last attention works where there is a target
 * only. `rows` are those of the packed batch: what samples begin with alike is one, and counts once.
 */
export function adapterOperations(config, { rows, targets }) {
  const { layers, afterAttention, head } = weightsOf(config);
  return 4 * (layers * rows + (afterAttention + head) * targets - afterAttention * rows);
}

/**
 * GFLOP/s of this machine's matrix product, weighted by operations: over the shapes of the layers, and with the head's.
 * To be called after the training: its operands are as large as a step's, and would count into the peak memory.
 */
export async function measurePeak(kernels, config, dtype, { rows = PEAK_ROWS, rounds = ROUNDS } = {}) {
  const { layer, head } = matrices(config);
  const layers = await bestOfRounds(kernels, { M: rows, rounds, dtype, shapes: layer });
  const withHead = await bestOfRounds(kernels, {
    M: rows,
    rounds,
    dtype,
    shapes: [...layer.map((shape) => ({ ...shape, count: config.layers })), head],
  });
  return { layers: layers.best, withHead: withHead.best, isContended: layers.isContended || withHead.isContended };
}

async function bestOfRounds(kernels, sizes) {
  const watch = new Stopwatch();
  let best = 0;
  let clean = 0;
  for (let i = 0; i < MAX_MEASUREMENTS && clean < CLEAN_MEASUREMENTS; i++) {
    watch.lap();
    best = Math.max(best, await measureGemmPeak(kernels, sizes));
    const { foreignCores } = watch.lap();
    if (foreignCores === null || foreignCores < CLEAN_MEASUREMENT_CORES) clean++;
  }
  return { best, isContended: clean === 0 };
}
