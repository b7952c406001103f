/**
 * Stage `pretrain`: a new base model from nothing. Poems → vocabulary and tokenizer → a Qwen3-architecture model whose
 * embeddings start from the rhyme tables → full training → a Hugging Face folder. Or further reading: a model that is
 * there goes on, all its weights trained. No poem of the validation and test clusters is seen, not even by the
 * vocabulary.
 */
import { CHAT_TEMPLATE, END_TOKEN, PAD_TOKEN, type Poem, UNKNOWN_TOKEN } from '@tuiqiao/corpus';
import {
  createCharacterTokenizer,
  createLanguageModel,
  createTokenizer,
  type LanguageModel,
  saveLanguageModel,
  saveTokenizer,
  type Tokenizer,
} from '@tuiqiao/lm';
import type { Metrics, PretrainRecipe, RunControls } from '@tuiqiao/schema';
import { createRandom, type Kernels, syncCompute } from '@tuiqiao/tensor';
import { type BatchingOptions, countSteps, evaluateLoss, sftObjective, train } from '@tuiqiao/tune';
import { describeKernels, openKernels } from './compute.ts';
import { openCorpus } from './corpus-source.ts';
import { saveTrainingLines } from './line-indexes.ts';
import { type OpenModelOptions, openModel, openTokenizer, resolveModelFolder } from './models.ts';
import { openOptimizer, openSchedule } from './optimizer.ts';
import { embeddingWithProsody } from './poet/embedding-prior.ts';
import { DEFAULT_KEEP_RATES, poemToExample, type SequenceExample, sampledRequest } from './poet/examples.ts';
import { createTokenStore, type TokenStore } from './poet/token-store.ts';
import { buildVocabulary, type PoetVocabulary } from './poet/vocabulary.ts';
import { evaluationInterval, type StageResult, withTrainingRun } from './training-run.ts';

/** Held-out poems scored while training: enough for about ± 0.02 bits, few enough to cost little. */
const VALIDATION_POEMS = 1000;
/** Standard deviation of new embeddings, as `initializer_range` of the config. */
const INITIALIZER_RANGE = 0.02;

export async function runPretrain(recipe: PretrainRecipe, controls: RunControls = {}): Promise<StageResult> {
  const corpus = await openCorpus(recipe.corpus, controls);
  return withTrainingRun(recipe, controls, async (run) => {
    const kernels = openKernels(recipe);
    const { poems, tokenizer, data, validation, batching, totalSteps, open } = await openPretraining(
      recipe,
      corpus.poems,
    );
    const { model, name } = await open(kernels);
    const parameters = [...model.parameters.values()];
    const parameterCount = parameters.reduce((sum, parameter) => sum + parameter.value.length, 0);

    await run.start({
      totalSteps,
      notes: [
        `Training all ${parameterCount.toLocaleString('en')} parameters of ${name} on ${data.length.toLocaleString('en')} poems (${data.tokens.toLocaleString('en')} tokens, ${data.completionTokens.toLocaleString('en')} with loss).`,
        describeKernels(kernels),
      ],
      data: [corpus.manifestEntry],
      kernels,
    });

    // Training.
    const save = async (folder: string): Promise<void> => {
      await saveLanguageModel(model, folder, { dtype: 'bf16' });
      await saveTokenizer(tokenizer.files, folder);
    };
    const result = await train({
      ...run.loop(save),
      model,
      parameters,
      optimizer: openOptimizer(kernels, parameters, recipe),
      schedule: openSchedule(recipe, totalSteps),
      data,
      batching,
      objective: sftObjective(),
      totalSteps,
      evaluation: {
        everySteps: evaluationInterval(recipe.evalSteps, totalSteps),
        run: () => heldOut(model, validation, controls.signal),
      },
    });
    await save(run.folder.folder);
    const before = recipe.model === undefined ? undefined : resolveModelFolder(recipe.model);
    await saveTrainingLines(splitOf(poems, 'train'), run.folder.folder, before);
    return result;
  });
}

/** What a pretraining reads, and the model it begins with, which can be opened more than once. */
export interface Pretraining {
  readonly poems: readonly Poem[];
  readonly tokenizer: Tokenizer;
  readonly data: TokenStore;
  readonly validation: TokenStore;
  readonly batching: BatchingOptions;
  readonly totalSteps: number;
  /** `name`, for the notes: `a new model`, or the folder it goes on from. */
  open(kernels: Kernels, choice?: ModelChoice): Promise<{ readonly model: LanguageModel; readonly name: string }>;
}

/** For measuring without the whole model: see `OpenModelOptions`. */
export type ModelChoice = Pick<OpenModelOptions, 'readsWeights' | 'layers'>;

export async function openPretraining(recipe: PretrainRecipe, allPoems: readonly Poem[]): Promise<Pretraining> {
  const { model: folder, computeType } = recipe;
  const poems = allPoems.filter((poem) => isRead(poem, recipe));
  const train = splitOf(poems, 'train');
  const vocabulary =
    folder === undefined ? buildVocabulary(train, { size: recipe.geometry.vocabSize, ...recipe.vocabulary }) : null;
  const tokenizer =
    vocabulary === null ? await openTokenizer({ model: folder! }) : createPoetTokenizer(vocabulary, recipe);
  const data = storeOf(train, tokenizer, recipe.seed, recipe.requestsPerPoem);
  const batching = {
    seed: recipe.seed,
    tokensPerStep: recipe.tokensPerStep * recipe.gradientAccumulationSteps,
    maxTokensPerMicroBatch: recipe.tokensPerStep,
  };
  return {
    poems,
    tokenizer,
    data,
    validation: storeOf(splitOf(poems, 'validation').slice(0, VALIDATION_POEMS), tokenizer, recipe.seed),
    batching,
    totalSteps: stepsOf(recipe, data, batching),
    open: async (kernels, choice = {}) => {
      if (vocabulary === null) {
        const { model } = await openModel(folder!, { kernels, computeType, isTrainable: true, ...choice });
        return { model, name: folder! };
      }
      const geometry = { ...recipe.geometry, layers: choice.layers ?? recipe.geometry.layers };
      return { model: newModel({ ...recipe, geometry }, vocabulary, tokenizer, kernels), name: 'a new model' };
    },
  };
}

/** Regulated verse and ci are read whole; of the rest a fixed share, chosen by the poem's id. */
function isRead(poem: Poem, recipe: PretrainRecipe): boolean {
  // Control tokens and title come on top of the text.
  if ([...poem.text].length > recipe.maxPoemTokens) return false;
  const { form } = poem.labels;
  if (form !== null && form !== '古') return true;
  return createRandom(recipe.seed).fork(poem.id).uniform() < recipe.oldStyleShare;
}

function createPoetTokenizer(vocabulary: PoetVocabulary, recipe: PretrainRecipe): Tokenizer {
  return createTokenizer(
    createCharacterTokenizer({
      specials: vocabulary.specials,
      characters: vocabulary.characters,
      unknownToken: UNKNOWN_TOKEN,
      eosToken: END_TOKEN,
      padToken: PAD_TOKEN,
      chatTemplate: CHAT_TEMPLATE,
      maxLength: recipe.geometry.maxPositions,
    }),
  );
}

function splitOf(poems: readonly Poem[], split: Poem['labels']['split']): Poem[] {
  return poems.filter((poem) => poem.labels.split === split);
}

/** Each poem `requestsPerPoem` times, under requests drawn independently. */
function storeOf(poems: readonly Poem[], tokenizer: Tokenizer, seed: number, requestsPerPoem = 1): TokenStore {
  const random = createRandom(seed);
  return createTokenStore(examples(), tokenizer.vocabSize);

  function* examples(): Generator<SequenceExample> {
    for (let round = 0; round < requestsPerPoem; round++) {
      for (const poem of poems) {
        const request = sampledRequest(
          poem,
          DEFAULT_KEEP_RATES,
          random.fork(round === 0 ? poem.id : `${poem.id}#${round}`),
        );
        yield poemToExample(poem, request, tokenizer);
      }
    }
  }
}

function newModel(
  recipe: PretrainRecipe,
  vocabulary: PoetVocabulary,
  tokenizer: Tokenizer,
  kernels: Kernels,
): LanguageModel {
  const { geometry } = recipe;
  const endId = tokenizer.tokenToId(END_TOKEN)!;
  const model = createLanguageModel(
    {
      architectures: ['Qwen3ForCausalLM'],
      model_type: 'qwen3',
      vocab_size: tokenizer.vocabSize,
      hidden_size: geometry.hiddenSize,
      intermediate_size: geometry.intermediateSize,
      num_hidden_layers: geometry.layers,
      num_attention_heads: geometry.heads,
      num_key_value_heads: geometry.kvHeads ?? geometry.heads,
      head_dim: geometry.headDim ?? geometry.hiddenSize / geometry.heads,
      hidden_act: 'silu',
      rms_norm_eps: 1e-6,
      rope_theta: geometry.ropeTheta,
      max_position_embeddings: geometry.maxPositions,
      tie_word_embeddings: geometry.tieWordEmbeddings,
      initializer_range: INITIALIZER_RANGE,
      attention_bias: false,
      attention_dropout: 0,
      use_cache: true,
      eos_token_id: endId,
      pad_token_id: tokenizer.tokenToId(PAD_TOKEN)!,
      bos_token_id: null,
      torch_dtype: 'bfloat16',
    },
    { kernels, seed: recipe.seed, computeType: recipe.computeType, trainable: true },
  );
  const embedding = model.parameters.get('model.embed_tokens.weight')!;
  const table = embeddingWithProsody(
    vocabulary,
    {
      width: geometry.hiddenSize,
      deviation: INITIALIZER_RANGE,
      toneStrength: recipe.vocabulary.toneStrength,
      rhymeStrength: recipe.vocabulary.rhymeStrength,
    },
    createRandom(recipe.seed).fork('embedding'),
  );
  kernels.write(embedding.value, table);
  syncCompute(kernels, embedding);
  return model;
}

function stepsOf(recipe: PretrainRecipe, data: TokenStore, batching: Parameters<typeof countSteps>[1]): number {
  if (recipe.maxSteps !== undefined) return recipe.maxSteps;
  if (recipe.totalTokens !== undefined) {
    return Math.ceil(recipe.totalTokens / (recipe.tokensPerStep * recipe.gradientAccumulationSteps));
  }
  return countSteps(data, batching, recipe.epochs);
}

/** Loss and `bits_per_token` of held-out poems: −log2 P per character, punctuation mark and end. */
async function heldOut(model: LanguageModel, data: TokenStore, signal: AbortSignal | undefined): Promise<Metrics> {
  const metrics = await evaluateLoss({ model, data, ...(signal === undefined ? {} : { signal }) });
  return { ...metrics, bits_per_token: metrics.eval_loss! / Math.LN2 };
}
