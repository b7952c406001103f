/**
 * What a training stage will need, before it runs: steps exactly where the data says them, memory and time as estimates.
 * Time follows from counted operations and the matrix speed measured now; nothing is trained and nothing written.
 */
import { type GemmShape, measureGemmPeak } from '@tuiqiao/kernels';
import { type ModelConfig, parameterCount, parseConfig, readModelConfig } from '@tuiqiao/lm';
import type {
  DpoRecipe,
  GrpoRecipe,
  KtoRecipe,
  PretrainRecipe,
  RmRecipe,
  RunControls,
  SftRecipe,
  StagePlan,
} from '@tuiqiao/schema';
import type { Kernels } from '@tuiqiao/tensor';
import { countSteps, type Example, exampleDataset, preferenceDataset } from '@tuiqiao/tune';
import { describeKernels, openKernels } from './compute.ts';
import { openCorpus } from './corpus-source.ts';
import { findDatasets, holdOut } from './dataset-source.ts';
import { loadExamples } from './examples.ts';
import { openTokenizer, resolveModelFolder } from './models.ts';
import { chooseFiles, loadPairs } from './preference-files.ts';

/** Share of the measured matrix speed that a training step reaches; measured on the base model it is above this. */
const ASSUMED_SHARE = 0.5;
/** Control tokens before a poem of average knowledge, and its end. */
const CONTROL_TOKENS = 8;
/** Node, the compiled code, the corpus while it is read. */
const BASE_MEMORY_BYTES = 400e6;
/** Values kept per token, layer and channel for the backward pass, in units of the hidden size, at 2 bytes or 4. */
const KEPT_PER_CHANNEL = 16;
/** Tokens of one forward pass when the recipe counts samples. */
const MICRO_BATCH_TOKENS = 4096;
/** Characters of a request and a poem, roughly; for pairs, which do not exist before they are sampled. */
const PAIR_TOKENS = 160;
/** One of the two. */
const COMPLETION_TOKENS = PAIR_TOKENS / 2;

type TrainingRecipe = PretrainRecipe | SftRecipe | DpoRecipe | KtoRecipe | RmRecipe | GrpoRecipe;

interface Workload {
  readonly config: ModelConfig;
  readonly totalSteps: number;
  readonly samples: number;
  /** Of one epoch. */
  readonly tokens: number;
  /** Of the whole run. */
  readonly totalTokens: number;
  readonly notes: readonly string[];
}

/** Parameters of the adapters on the layers a recipe names. */
function adapterParameterCount(config: ModelConfig, rank: number, targets: 'all-linear' | readonly string[]): number {
  const { hiddenSize: C, intermediateSize: I } = config;
  const Q = config.heads * config.headDim;
  const K = config.kvHeads * config.headDim;
  const shapes: Readonly<Record<string, number>> = {
    q_proj: C + Q,
    k_proj: C + K,
    v_proj: C + K,
    o_proj: Q + C,
    gate_proj: C + I,
    up_proj: C + I,
    down_proj: I + C,
  };
  const names = targets === 'all-linear' ? Object.keys(shapes) : targets;
  return config.layers * rank * names.reduce((sum, name) => sum + (shapes[name] ?? 0), 0);
}

/** Of the model that reads on, or of the new one. */
async function pretrainConfig({ model, geometry }: PretrainRecipe): Promise<ModelConfig> {
  if (model !== undefined) return readModelConfig(resolveModelFolder(model));
  return parseConfig({
    architectures: ['Qwen3ForCausalLM'],
    model_type: 'qwen3',
    vocab_size: geometry.vocabSize,
    hidden_size: geometry.hiddenSize,
    intermediate_size: geometry.intermediateSize,
    num_hidden_layers: geometry.layers,
    num_attention_heads: geometry.heads,
    num_key_value_heads: geometry.kvHeads ?? geometry.heads,
    head_dim: geometry.headDim ?? geometry.hiddenSize / geometry.heads,
    rms_norm_eps: 1e-6,
    rope_theta: geometry.ropeTheta,
    max_position_embeddings: geometry.maxPositions,
    tie_word_embeddings: geometry.tieWordEmbeddings,
  });
}

async function pretrainWorkload(recipe: PretrainRecipe, controls: RunControls): Promise<Workload> {
  const config = await pretrainConfig(recipe);
  const { poems } = await openCorpus(recipe.corpus, controls);
  let samples = 0;
  let tokens = 0;
  for (const poem of poems) {
    const length = [...poem.text].length;
    if (poem.labels.split !== 'train' || length > recipe.maxPoemTokens) continue;
    const isWhole = poem.labels.form !== null && poem.labels.form !== '古';
    const share = (isWhole ? 1 : recipe.oldStyleShare) * recipe.requestsPerPoem;
    samples += share;
    tokens += share * (length + CONTROL_TOKENS);
  }
  const perStep = recipe.tokensPerStep * recipe.gradientAccumulationSteps;
  const totalSteps =
    recipe.maxSteps ??
    Math.ceil(recipe.totalTokens === undefined ? (recipe.epochs * tokens) / perStep : recipe.totalTokens / perStep);
  const isCounted = recipe.maxSteps !== undefined || recipe.totalTokens !== undefined;
  return {
    config,
    totalSteps,
    samples: Math.round(samples),
    tokens: Math.round(tokens),
    totalTokens: totalSteps * perStep,
    notes: isCounted ? [] : ['Steps are estimated from the length of the poems.'],
  };
}

async function sftWorkload(recipe: SftRecipe, controls: RunControls): Promise<Workload> {
  const config = await readModelConfig(resolveModelFolder(recipe.model));
  const { training } = await loadExamples(recipe, await openTokenizer(recipe), controls);
  if (recipe.ownPoems.count > 0) return ownWorkload(recipe, config, training);
  const data = exampleDataset(training);
  const itemsPerStep = recipe.batchSize * recipe.gradientAccumulationSteps;
  const totalSteps = recipe.maxSteps ?? countSteps(data, { seed: recipe.seed, itemsPerStep }, recipe.epochs);
  const tokens = tokensOf(training);
  const totalTokens = (tokens / training.length) * itemsPerStep * totalSteps;
  return { config, totalSteps, samples: training.length, tokens, totalTokens, notes: [] };
}

/** Poems that do not exist yet: as long as those of the data on average. */
function ownWorkload(recipe: SftRecipe, config: ModelConfig, training: readonly Example[]): Workload {
  const itemsPerStep = recipe.batchSize * recipe.gradientAccumulationSteps;
  const samples = recipe.ownPoems.count + (recipe.ownPoems.mixed ? training.length : 0);
  const totalSteps = recipe.maxSteps ?? Math.ceil((recipe.epochs * samples) / itemsPerStep);
  const length = tokensOf(training) / training.length;
  return {
    config,
    totalSteps,
    samples,
    tokens: Math.round(samples * length),
    totalTokens: length * itemsPerStep * totalSteps,
    notes: ['The model writes its own poems before step 1; that is not in the time.'],
  };
}

function tokensOf(examples: readonly Example[]): number {
  return examples.reduce((sum, example) => sum + example.promptIds.length + example.completionIds.length, 0);
}

async function dpoWorkload(recipe: DpoRecipe | KtoRecipe | RmRecipe, controls: RunControls): Promise<Workload> {
  const config = await readModelConfig(resolveModelFolder(recipe.model));
  const itemsPerStep = recipe.batchSize * recipe.gradientAccumulationSteps;
  const files = chooseFiles(await findDatasets(recipe.dataset, recipe.datasetDir));
  if (files !== null) {
    const { pairs } = await loadPairs(files, recipe, await openTokenizer(recipe), controls);
    const data = preferenceDataset(holdOut(pairs, recipe.valSize, recipe.dataset.join(', '), recipe.seed).training);
    const totalSteps = recipe.maxSteps ?? countSteps(data, { seed: recipe.seed, itemsPerStep }, recipe.epochs);
    let tokens = 0;
    for (let i = 0; i < data.length; i++) tokens += data.tokensOf(i);
    const totalTokens = (tokens / data.length) * itemsPerStep * totalSteps;
    return { config, totalSteps, samples: data.length, tokens, totalTokens, notes: [] };
  }
  const { source, samplesPerPrompt } = recipe.pairs;
  const prompts = recipe.pairs.prompts * (source === 'both' ? 2 : 1);
  const totalSteps = recipe.maxSteps ?? Math.ceil((recipe.epochs * prompts) / itemsPerStep);
  return {
    config,
    totalSteps,
    samples: prompts,
    tokens: prompts * PAIR_TOKENS,
    totalTokens: totalSteps * itemsPerStep * PAIR_TOKENS,
    notes:
      source === 'negatives'
        ? []
        : [
            `At most so many steps: each of the ${recipe.pairs.prompts} prompts gives a pair only if its ${samplesPerPrompt} samples differ in keeping the rules.`,
            'Writing those samples comes before step 1 and is not in the time.',
          ],
  };
}

async function grpoWorkload(recipe: GrpoRecipe): Promise<Workload> {
  const config = await readModelConfig(resolveModelFolder(recipe.model));
  const { prompts, numGenerations, numIterations, stepsPerGeneration, beta } = recipe.grpo;
  const itemsPerStep = recipe.batchSize * recipe.gradientAccumulationSteps;
  const rollouts = Math.ceil((prompts * numGenerations) / (itemsPerStep * stepsPerGeneration));
  const totalSteps = recipe.maxSteps ?? Math.ceil(recipe.epochs * rollouts * numIterations * stepsPerGeneration);
  const tokens = prompts * numGenerations * COMPLETION_TOKENS;
  return {
    config,
    totalSteps,
    samples: prompts,
    tokens,
    // The reference reads every poem once more, forward only: half of what an update costs with frozen weights.
    totalTokens: totalSteps * itemsPerStep * COMPLETION_TOKENS * (beta > 0 ? 1 + 0.5 / numIterations : 1),
    notes: [
      `Each of the ${prompts} requests is written for ${numGenerations} times; writing takes about as long again as learning and is not in the time.`,
    ],
  };
}

async function workloadOf(recipe: TrainingRecipe, controls: RunControls): Promise<Workload> {
  switch (recipe.stage) {
    case 'pretrain':
      return pretrainWorkload(recipe, controls);
    case 'sft':
      return sftWorkload(recipe, controls);
    case 'dpo':
    case 'rm':
      return dpoWorkload(recipe, controls);
    case 'kto': {
      // Two answers of every pair.
      const plan = await dpoWorkload(recipe, controls);
      const totalSteps = recipe.maxSteps ?? 2 * plan.totalSteps;
      return { ...plan, totalSteps, samples: 2 * plan.samples };
    }
    case 'grpo':
      return grpoWorkload(recipe);
    default:
      return recipe satisfies never;
  }
}

/** GFLOP/s of the products this model is made of. */
function measureSpeed(kernels: Kernels, config: ModelConfig, recipe: TrainingRecipe): Promise<number> {
  const isBf16 = recipe.computeType === 'bf16' || (recipe.computeType === 'auto' && kernels.features.hasFastBf16);
  const { hiddenSize: C, intermediateSize: I } = config;
  const shapes: GemmShape[] = [
    { K: C, N: 2 * I },
    { K: I, N: C },
    { K: C, N: C, count: 4 },
  ];
  const isNative = kernels.features.name === 'native';
  return measureGemmPeak(kernels, {
    M: isNative ? 1024 : 64,
    dtype: isBf16 ? 'bf16' : 'f32',
    shapes,
    rounds: isNative ? 5 : 1,
  });
}

/**
 * Steps, sizes and estimates of a training recipe.
 * @throws what the stage itself would throw for a missing model or data set
 */
export async function planStage(recipe: TrainingRecipe, controls: RunControls = {}): Promise<StagePlan> {
  const workload = await workloadOf(recipe, controls);
  const { config } = workload;
  const kernels = openKernels(recipe);
  const parameters = parameterCount(config);
  const embedding = config.vocabSize * config.hiddenSize;
  const isFull = recipe.stage === 'pretrain' || recipe.finetuning === 'full';
  const trainable = isFull ? parameters : adapterParameterCount(config, recipe.lora.rank, recipe.lora.targetModules);
  // Two operations a weight and token forward, as many for the inputs' gradient, as many again for a trained weight's.
  const operations =
    (isFull ? 6 : 4) * (parameters - (config.tieWordEmbeddings ? 0 : embedding)) * workload.totalTokens;
  const speed = await measureSpeed(kernels, config, recipe);
  const bytesPerValue = kernels.features.hasFastBf16 && recipe.computeType !== 'f32' ? 2 : 4;
  const microTokens = recipe.stage === 'pretrain' ? recipe.tokensPerStep : MICRO_BATCH_TOKENS;
  const memoryBytes =
    BASE_MEMORY_BYTES +
    parameters * bytesPerValue +
    // f32 master, gradient and two moments.
    trainable * 16 +
    microTokens *
      config.layers *
      (config.hiddenSize + config.intermediateSize) *
      KEPT_PER_CHANNEL *
      bytesPerValue *
      0.5;
  return {
    totalSteps: workload.totalSteps,
    samples: workload.samples,
    tokens: workload.tokens,
    trainableParameters: trainable,
    memoryBytes: Math.round(memoryBytes),
    seconds: operations / (speed * 1e9 * ASSUMED_SHARE),
    notes: [...workload.notes, describeKernels(kernels)],
  };
}
