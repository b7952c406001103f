/**
 * Stage `grpo`: the model writes, rules reward, and what did better than its neighbours becomes likelier. It goes on from
 * the SFT or DPO adapter, and that adapter, frozen, is the reference of the KL term. Before step 1 the run says what is
 * trained, what rewards it, what the reference is, and that policy and reference agree.
 */
import type { Poem, PoemRequest } from '@tuiqiao/corpus';
import { generate } from '@tuiqiao/lm';
import type { GrpoRecipe, Metrics, RunControls } from '@tuiqiao/schema';
import { type Arena, createArena, createRandom } from '@tuiqiao/tensor';
import {
  type Completion,
  checkReferenceStart,
  type FrozenReference,
  freezeReference,
  grpoObjective,
  type Rollout,
  type RolloutPrompt,
  rolloutSource,
  scoreCompletions,
  trainFrom,
} from '@tuiqiao/tune';
import { type ComposedReward, promptIdsFor, type RewardExample } from '@tuiqiao/verse';
import { describeKernels, openKernels } from './compute.ts';
import { openCorpus } from './corpus-source.ts';
import { RecipesError } from './errors.ts';
import { isModel, poemExample } from './examples.ts';
import { quantizationNotes, quantizationOf, trimVocabulary } from './frozen-base.ts';
import { evaluationMetrics, judgeCompletions } from './judge-completions.ts';
import { type OpenedModel, openModel } from './models.ts';
import { openOptimizer, openSchedule } from './optimizer.ts';
import { plainRequest } from './poet/requests.ts';
import { openPolicy } from './policy.ts';
import { openRewardModels, type RewardModel } from './reward-models.ts';
import { measureFluency, needsLikelihood, openRewards } from './rewards.ts';
import type { ManifestData } from './run-manifest.ts';
import { saveTrained } from './sft.ts';
import { evaluationInterval, type StageResult, withTrainingRun } from './training-run.ts';
import { openTrainingSamples } from './training-samples.ts';

/** Poems on which policy and reference are compared before step 1. */
const START_POEMS = 16;
/** CISPO bounds the ratio itself; TRL's documentation recommends 5. */
const CISPO_BOUND = 5;

export async function runGrpo(recipe: GrpoRecipe, controls: RunControls = {}): Promise<StageResult> {
  const { grpo } = recipe;
  const completionsPerStep = recipe.batchSize * recipe.gradientAccumulationSteps;
  if (completionsPerStep % grpo.numGenerations !== 0) {
    throw new RecipesError(
      'recipe-bad-value',
      `grpo: expected batchSize × gradientAccumulationSteps to be whole groups of numGenerations (${grpo.numGenerations}), got ${completionsPerStep} poems`,
      {
        hint: `Try batchSize: ${Math.max(1, Math.round(completionsPerStep / grpo.numGenerations)) * grpo.numGenerations}.`,
      },
    );
  }
  const kernels = openKernels(recipe);
  const opened = await openModel(recipe.model, {
    kernels,
    computeType: recipe.computeType,
    adapters: recipe.adapter.slice(0, -1),
    template: recipe.template,
    templatesOf: recipe.adapter,
    quantization: quantizationOf(recipe),
  });
  const { model, tokenizer } = opened;
  const stopId = tokenizer.eosTokenId;
  if (stopId === null) {
    throw new RecipesError('recipe-bad-value', `${recipe.model}: expected a tokenizer with an end token, got none`);
  }
  const trained = await openPolicy(recipe, opened);
  const data = await loadPrompts(recipe, opened, controls);
  const trimmed = trimVocabulary(
    recipe,
    opened,
    [...opened.adapters, trained.adapter!],
    data.prompts.map(({ promptIds }) => promptIds),
  );
  const judges = await openRewardModels(recipe.rewards, { kernels, computeType: recipe.computeType });

  return withTrainingRun(recipe, controls, async (run) => {
    // Reference: frozen before training loads any checkpoint, so that it is where the policy starts.
    const needsReference = grpo.beta > 0 || needsLikelihood(recipe);
    const reference = needsReference ? freezeReference(model, trained.adapter!, grpo.reference) : null;
    // Scores of rollouts, steps and evaluations come one after the other: one memory does for all.
    const arena = createArena(kernels);
    const startNotes = reference === null ? [] : [await checkStart(opened, reference, data.known, arena)];
    const centres =
      reference !== null && needsLikelihood(recipe)
        ? await measureFluency(opened, reference, data.known, recipe)
        : new Map();
    const reward = await openRewards(recipe, {
      modelFolder: opened.folder,
      poems: data.known,
      centres,
      models: judges,
    });

    const promptsPerRollout = (completionsPerStep / grpo.numGenerations) * grpo.stepsPerGeneration;
    const stepsPerRollout = grpo.numIterations * grpo.stepsPerGeneration;
    const source = rolloutSource({
      model,
      arena,
      prompts: data.prompts,
      seed: recipe.seed,
      promptsPerRollout,
      groupSize: grpo.numGenerations,
      iterations: grpo.numIterations,
      stepsPerRollout: grpo.stepsPerGeneration,
      creditWeight: grpo.creditWeight,
      sampling: { temperature: recipe.temperature, topP: recipe.topP, topK: recipe.topK },
      maxNewTokens: recipe.maxNewTokens,
      stopId,
      scale: grpo.scaleRewards,
      masksTruncated: grpo.maskTruncatedCompletions,
      score: async (completions) => {
        const { credits, ...judged } = await judgeCompletions(
          completions,
          data.requests,
          tokenizer,
          reward,
          judges,
          controls.signal,
        );
        return grpo.creditWeight > 0 ? { ...judged, credits } : judged;
      },
      onRollout: (rollout) => {
        if (rollout.step % recipe.loggingSteps < stepsPerRollout) run.emit(sampleOf(rollout, data, opened));
      },
      ...(reference === null ? {} : { reference }),
      ...(controls.signal === undefined ? {} : { signal: controls.signal }),
    });
    const stepsPerEpoch = Math.ceil(data.prompts.length / promptsPerRollout) * stepsPerRollout;
    const totalSteps = recipe.maxSteps ?? Math.ceil(recipe.epochs * stepsPerEpoch);
    await run.start({
      totalSteps,
      notes: [
        `Training ${trained.description} of ${recipe.model}, going on from ${recipe.adapter.at(-1) ?? 'a new adapter (no SFT adapter given)'}.`,
        describeReference(recipe, reference),
        `Rewards: ${describeRewards(reward)}.`,
        `A step: ${grpo.numGenerations} poems for each of ${completionsPerStep / grpo.numGenerations} requests of ${data.prompts.length}${stepsPerRollout > 1 ? `; ${promptsPerRollout * grpo.numGenerations} are written at once, for ${stepsPerRollout} steps` : ''}.`,
        ...samplingNotes(recipe),
        ...quantizationNotes(recipe),
        ...trimmed,
        ...startNotes,
        describeKernels(kernels),
      ],
      data: data.manifestEntries,
      kernels,
    });

    const save = (folder: string): Promise<void> => saveTrained(opened, trained, folder);
    const samples = await openTrainingSamples(recipe, opened, run, totalSteps, controls);
    const result = await trainFrom(source, {
      ...run.loop(save),
      ...samples,
      arena,
      model,
      parameters: trained.parameters,
      optimizer: openOptimizer(kernels, trained.parameters, recipe),
      schedule: openSchedule(recipe, totalSteps),
      objective: objectiveOf(recipe, reward.range[1]),
      totalSteps,
      ...(data.held.length === 0
        ? {}
        : {
            evaluation: {
              everySteps: evaluationInterval(recipe.evalSteps, totalSteps),
              run: () => evaluateRewards(recipe, opened, data.held, { reward, judges }, reference, arena, controls),
            },
          }),
    });
    await save(run.folder.folder);
    return result;
  });
}

/** The loss of the recipe; of rewards of which `highestReward` is the most. */
export function objectiveOf(recipe: GrpoRecipe, highestReward: number): ReturnType<typeof grpoObjective> {
  const { grpo } = recipe;
  return grpoObjective({
    loss: grpo.lossType,
    temperature: recipe.temperature,
    beta: grpo.beta,
    epsilon: grpo.epsilon,
    epsilonHigh: grpo.epsilonHigh ?? (grpo.lossType === 'cispo' ? CISPO_BOUND : grpo.epsilon),
    importanceSampling: grpo.importanceSamplingLevel,
    maxCompletionLength: recipe.maxNewTokens,
    entropyCoefficient: grpo.entropyCoefficient,
    highestReward,
    ...(grpo.delta === undefined ? {} : { delta: grpo.delta }),
  });
}

interface Prompts {
  readonly prompts: readonly RolloutPrompt[];
  /** Of each prompt. */
  readonly requests: readonly PoemRequest[];
  /** Requests that are never learnt from. */
  readonly held: readonly PoemRequest[];
  /** Poems of the training split. */
  readonly known: readonly Poem[];
  readonly manifestEntries: readonly ManifestData[];
}

/** Requests of poems that keep every rule, asked as a person asks. */
export async function loadPrompts(
  recipe: GrpoRecipe,
  { tokenizer }: Pick<OpenedModel, 'tokenizer'>,
  controls: RunControls,
): Promise<Prompts> {
  const corpora = await Promise.all(recipe.dataset.map((name) => openCorpus(name, controls)));
  const poems = corpora.flatMap((corpus) => corpus.poems.filter(isModel));
  createRandom(recipe.seed).fork('prompts').shuffle(poems);
  const ofSplit = (split: Poem['labels']['split']): Poem[] => poems.filter(({ labels }) => labels.split === split);
  const known = ofSplit('train');
  if (known.length === 0) {
    throw new RecipesError('dataset-empty', `${recipe.dataset.join(', ')}: no poem is left to ask for`, {
      hint: 'Only poems of the training split that keep every rule are asked for.',
    });
  }
  const chosen = known.slice(0, recipe.grpo.prompts);
  const requests = chosen.map(plainRequest);
  return {
    prompts: chosen.map((poem, i) => ({ id: poem.id, promptIds: promptIdsFor(tokenizer, requests[i]!) })),
    requests,
    held: ofSplit('validation').slice(0, recipe.grpo.evalPrompts).map(plainRequest),
    known,
    manifestEntries: corpora.map((corpus) => corpus.manifestEntry),
  };
}

function checkStart(
  opened: OpenedModel,
  reference: FrozenReference,
  poems: readonly Poem[],
  arena: Arena,
): Promise<string> {
  const texts = poems.slice(0, START_POEMS).map((poem) => poemExample(poem, plainRequest(poem), opened.tokenizer));
  return checkReferenceStart(opened.model, reference, texts, arena);
}

function describeReference(recipe: GrpoRecipe, reference: FrozenReference | null): string {
  if (reference === null) return 'Reference: none (beta is 0).';
  const what =
    reference.kind === 'start'
      ? `${recipe.adapter.at(-1) ?? 'the base model'}, frozen, as training begins`
      : 'the raw base model, by request';
  return `Reference: ${what}; KL weight ${recipe.grpo.beta}.`;
}

function describeRewards({ parts }: ComposedReward<RewardExample>): string {
  return parts
    .map(({ reward, weight, gate }) => `${reward.name} × ${weight}${gate === undefined ? '' : ` (opens at ${gate})`}`)
    .join(', ');
}

function samplingNotes({ temperature, topP, topK }: GrpoRecipe): string[] {
  return [
    ...(temperature === 1
      ? []
      : [`Poems are drawn at temperature ${temperature}; ratio, KL and gradients are those of that distribution.`]),
    ...(topP === 1 && topK === 0
      ? []
      : ['Poems are drawn from fewer characters than the model has (topP, topK); gradients are those of all of them.']),
  ];
}

/** The best poem of the first group, so that the log shows what the rewards ask for. */
function sampleOf({ step, completions, scores }: Rollout, { requests }: Prompts, { tokenizer }: OpenedModel) {
  const size = completions.findIndex(({ prompt }) => prompt !== completions[0]!.prompt);
  const group = completions.slice(0, size < 0 ? completions.length : size);
  const best = group.reduce((found, _, i) => (scores.totals[i]! > scores.totals[found]! ? i : found), 0);
  const metrics: Record<string, number> = { reward: scores.totals[best]! };
  for (const [name, values] of Object.entries(scores.parts)) {
    if (!Number.isNaN(values[best]!)) metrics[`rewards/${name}`] = values[best]!;
  }
  const { form, tune, rhyme, title } = requests[group[best]!.prompt]!;
  return {
    type: 'sample',
    step,
    prompt: [tune ?? form, rhyme, title].filter((word) => word !== undefined).join(' '),
    text: tokenizer.decode(group[best]!.ids, { skipSpecialTokens: true }).trim(),
    metrics,
  } as const;
}

/** One poem for each held-out request, with the same seed every time. */
async function evaluateRewards(
  recipe: GrpoRecipe,
  { model, tokenizer }: OpenedModel,
  requests: readonly PoemRequest[],
  { reward, judges }: { readonly reward: ComposedReward<RewardExample>; readonly judges: readonly RewardModel[] },
  reference: FrozenReference | null,
  arena: Arena,
  controls: RunControls,
): Promise<Metrics> {
  const prompts = requests.map((request) => promptIdsFor(tokenizer, request));
  const stopId = tokenizer.eosTokenId!;
  const written = await generate(model, prompts, {
    temperature: recipe.temperature,
    topP: recipe.topP,
    topK: recipe.topK,
    maxNewTokens: recipe.maxNewTokens,
    stopIds: [stopId],
    seed: recipe.seed,
    ...(controls.signal === undefined ? {} : { signal: controls.signal }),
  });
  const sequences = written.map(({ ids, finish }, i) => ({
    promptIds: prompts[i]!,
    completionIds: finish === 'stop' ? [...ids, stopId] : ids,
  }));
  const scored =
    reference === null
      ? null
      : await reference.during(() => scoreCompletions(model, sequences, { temperature: recipe.temperature, arena }));
  const completions = written.map(
    ({ ids, finish }, i): Completion => ({
      prompt: i,
      ids,
      isFinished: finish === 'stop',
      reference: scored?.[i] ?? null,
    }),
  );
  return evaluationMetrics(await judgeCompletions(completions, requests, tokenizer, reward, judges, controls.signal));
}
