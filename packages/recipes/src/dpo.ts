/**
 * Stage `dpo`: direct preference optimisation. It goes on from the SFT adapter, and that adapter, frozen, is the
 * reference; pairs are the policy's own samples judged by the checker, spoilt copies of real poems, or files. Before step 1 the run says what
 * is trained, what the reference is, and that policy and reference agree.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { LanguageModel, Tokenizer } from '@tuiqiao/lm';
import type { DpoRecipe, RunControls, RunWarning } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import {
  checkDpoStart,
  computeReferenceLogProbs,
  countSteps,
  needsReference,
  type PreferencePair,
  preferenceDataset,
  preferenceObjective,
  type ReferenceLogProbs,
  train,
  type WeightedLoss,
} from '@tuiqiao/tune';
import { describeKernels, openKernels } from './compute.ts';
import { openCorpus } from './corpus-source.ts';
import { checkValidation, findDatasets, holdOut } from './dataset-source.ts';
import { RecipesError } from './errors.ts';
import { isModel } from './examples.ts';
import { type OpenedModel, openModel } from './models.ts';
import { openOptimizer, openSchedule } from './optimizer.ts';
import { plainRequest } from './poet/requests.ts';
import { openPolicy } from './policy.ts';
import { chooseFiles, evaluatePairs, loadPairs } from './preference-files.ts';
import {
  countRules,
  hashPairs,
  makeNegativePairs,
  type SampledPairs,
  samplePairs,
  tokenizePair,
} from './preference-pairs.ts';
import type { ManifestData } from './run-manifest.ts';
import { saveTrained } from './sft.ts';
import { evaluationInterval, type StageResult, type TrainingRun, withTrainingRun } from './training-run.ts';
import { openTrainingSamples } from './training-samples.ts';

const PAIRS_FILE = 'pairs.json';
const REFERENCE_FILE = 'reference-log-probs.json';
const EVAL_REFERENCE_FILE = 'reference-log-probs-eval.json';
/** Poems sampled at the same time while pairs are made. */
const SAMPLING_SLOTS = 128;

export async function runDpo(recipe: DpoRecipe, controls: RunControls = {}): Promise<StageResult> {
  const kernels = openKernels(recipe);
  const opened = await openModel(recipe.model, {
    kernels,
    computeType: recipe.computeType,
    adapters: recipe.adapter.slice(0, -1),
  });
  const { model } = opened;
  const trained = await openPolicy(recipe, opened.model);
  return withTrainingRun(recipe, controls, async (run) => {
    // Pairs.
    const data = await openPairs(recipe, opened, run, controls);
    const pairs = preferenceDataset(data.training);
    const held = preferenceDataset(data.validation);

    const objective = lossesOfRecipe(recipe);
    // Reference: computed before training loads any checkpoint, so that it is where the policy starts.
    const { reference } = recipe.dpo;
    const referenceOf = (part: readonly PreferencePair[], file: string): Promise<ReferenceLogProbs> =>
      computeReferenceLogProbs({
        model,
        data: preferenceDataset(part),
        reference,
        allowBaseReference: reference === 'base',
        cacheFile: run.folder.pathOf(file),
        cacheKey: `${hashPairs(part)} ${recipe.model} ${recipe.adapter.join(' ')} ${reference}`,
        ...(controls.signal === undefined ? {} : { signal: controls.signal }),
        onEvent: run.emit,
      });
    const references = await referenceOf(data.training, REFERENCE_FILE);
    const heldReferences = held.length === 0 ? null : await referenceOf(data.validation, EVAL_REFERENCE_FILE);
    const startNotes = await checkDpoStart({ model, data: pairs, references, reference });

    const batching = { seed: recipe.seed, itemsPerStep: recipe.batchSize * recipe.gradientAccumulationSteps };
    const totalSteps = recipe.maxSteps ?? countSteps(pairs, batching, recipe.epochs);
    const start = recipe.adapter.at(-1);
    await run.start({
      totalSteps,
      notes: [
        `Training ${trained.description} of ${recipe.model}, going on from ${start ?? 'a new adapter (no SFT adapter given)'}.`,
        ...(needsReference(objective)
          ? []
          : [`${recipe.dpo.lossType.join(', ')}: compares with no reference; the one below is for the log only.`]),
        `Reference: ${reference === 'start' ? `${start ?? 'the base model'}, frozen, as training begins` : 'the raw base model, by request'}.`,
        data.note,
        ...(held.length === 0 ? [] : [`Held out for validation: ${held.length} pairs.`]),
        ...startNotes,
        describeKernels(kernels),
      ],
      data: data.manifestEntries,
      kernels,
    });
    for (const warning of data.warnings) run.emit(warning);
    for (const note of startNotes.filter((text) => text.startsWith('warning:'))) {
      run.emit({ type: 'run-warning', code: 'dpo-pairs', message: note.slice('warning:'.length).trim() });
    }

    const save = (folder: string): Promise<void> => saveTrained(opened, trained, folder);
    const samples = await openTrainingSamples(recipe, opened, run, totalSteps, controls);
    const result = await train({
      ...run.loop(save),
      ...samples,
      model,
      parameters: trained.parameters,
      optimizer: openOptimizer(kernels, trained.parameters, recipe),
      schedule: openSchedule(recipe, totalSteps),
      data: pairs,
      batching,
      objective: preferenceObjective(objective, references),
      totalSteps,
      ...(heldReferences === null
        ? {}
        : {
            evaluation: {
              everySteps: evaluationInterval(recipe.evalSteps, totalSteps),
              run: () =>
                evaluatePairs({ model, data: held, references: heldReferences, objective, signal: controls.signal }),
            },
          }),
    });
    await save(run.folder.folder);
    return result;
  });
}

/**
 * The losses of the recipe with their weights; the likelihood terms beside them stand with the first.
 *
 * @throws RecipesError `recipe-bad-value` when there are not as many weights as losses
 */
function lossesOfRecipe({ dpo }: DpoRecipe): WeightedLoss[] {
  const { lossType, lossWeights } = dpo;
  if (lossWeights !== undefined && lossWeights.length !== lossType.length) {
    throw new RecipesError(
      'recipe-bad-value',
      `dpo.lossWeights: expected ${lossType.length} weights, one for each of ${lossType.join(', ')}, got ${lossWeights.length}`,
    );
  }
  return lossType.map((loss, i) => ({
    loss,
    weight: lossWeights?.[i] ?? 1,
    beta: dpo.beta,
    labelSmoothing: dpo.labelSmoothing,
    simpoGamma: dpo.simpoGamma,
    cpoAlpha: dpo.cpoAlpha,
    ...(i === 0 ? { rpoAlpha: dpo.sftWeight, prefFtx: dpo.ftxWeight } : {}),
  }));
}

interface OpenedPairs {
  readonly training: readonly PreferencePair[];
  readonly validation: readonly PreferencePair[];
  /** Where they come from, for the notes. */
  readonly note: string;
  readonly manifestEntries: readonly ManifestData[];
  readonly warnings: readonly RunWarning[];
}

/** The pairs of the recipe: of its files, or made for the poems of its corpora; and those to validate with. */
async function openPairs(
  recipe: DpoRecipe,
  { model, tokenizer }: OpenedModel,
  run: TrainingRun,
  controls: RunControls,
): Promise<OpenedPairs> {
  checkValidation(recipe);
  const files = chooseFiles(await findDatasets(recipe.dataset, recipe.datasetDir));
  const evalFiles = chooseFiles(await findDatasets(recipe.evalDataset, recipe.datasetDir));
  if (recipe.evalDataset.length > 0 && evalFiles === null) {
    throw new RecipesError(
      'recipe-bad-value',
      `dpo: evalDataset: expected files of pairs, got ${recipe.evalDataset[0]}`,
      {
        hint: 'Use valSize to hold sampled pairs out.',
      },
    );
  }
  const evaluation = evalFiles === null ? null : await loadPairs(evalFiles, recipe, tokenizer, controls);
  const manifestEntries: ManifestData[] = [...(evaluation?.manifestEntries ?? [])];
  const warnings: RunWarning[] = [...(evaluation?.warnings ?? [])];
  let all: readonly PreferencePair[];
  let note: string;
  if (files === null) {
    const { made, data } = await openMadePairs(recipe, model, tokenizer, run, controls);
    all = made.pairs.map((pair, index) => tokenizePair(pair, index, tokenizer));
    note = describeMade(made);
    manifestEntries.unshift(...data);
  } else {
    const loaded = await loadPairs(files, recipe, tokenizer, controls);
    all = loaded.pairs;
    note = `Pairs: ${all.length} from ${files.map(({ name }) => name).join(', ')}; nothing is sampled.`;
    manifestEntries.unshift(...loaded.manifestEntries);
    warnings.unshift(...loaded.warnings);
  }
  const { training, validation } = holdOut(all, recipe.valSize, recipe.dataset.join(', '), recipe.seed);
  return { training, validation: evaluation?.pairs ?? validation, note, manifestEntries, warnings };
}

/** Pairs made from corpora. `negatives` of them, at the end, are spoilt copies of real poems. */
interface MadePairs extends SampledPairs {
  readonly negatives: number;
}

function describeMade({ pairs, samples, flawlessShare, negatives }: MadePairs): string {
  const rules = countRules(pairs)
    .slice(0, 6)
    .map(([rule, count]) => `${rule} ${count}`);
  const origins = [
    ...(samples === 0
      ? []
      : [
          `${pairs.length - negatives} from ${samples} samples of the policy, ${(100 * flawlessShare).toFixed(1)} % of which keep every rule`,
        ]),
    ...(negatives === 0 ? [] : [`${negatives} real poems against copies that break one rule`]),
  ];
  return `Pairs: ${origins.join('; ')}; rejected poems break ${rules.join(', ')}.`;
}

/** Makes pairs, or reads those an interrupted run has already made: sampling again would change the data. */
async function openMadePairs(
  recipe: DpoRecipe,
  model: LanguageModel,
  tokenizer: Tokenizer,
  run: TrainingRun,
  controls: RunControls,
): Promise<{ made: MadePairs; data: ManifestData[] }> {
  const corpora = await Promise.all(recipe.dataset.map((name) => openCorpus(name, controls)));
  const data = corpora.map((corpus) => corpus.manifestEntry);
  const file = run.folder.pathOf(PAIRS_FILE);
  if (run.folder.resumedFrom !== null && existsSync(file)) {
    return { made: JSON.parse(await readFile(file, 'utf8')) as MadePairs, data };
  }
  const { source, prompts, samplesPerPrompt, temperature } = recipe.pairs;
  const poems = corpora
    .flatMap((corpus) => corpus.poems.filter(isModel))
    .filter(({ labels }) => labels.split === 'train');
  createRandom(recipe.seed).fork('prompts').shuffle(poems);
  const sampled: SampledPairs =
    source === 'negatives'
      ? { pairs: [], samples: 0, flawlessShare: 0 }
      : await samplePairs(
          {
            model,
            tokenizer,
            requests: poems.slice(0, prompts).map(plainRequest),
            samplesPerPrompt,
            temperature,
            seed: recipe.seed,
            slots: SAMPLING_SLOTS,
          },
          { ...controls, onEvent: run.emit },
        );
  // With both, other poems than those that were asked for, as far as there are any.
  const unasked = source === 'both' ? [...poems.slice(prompts), ...poems.slice(0, prompts)] : poems;
  const negatives =
    source === 'samples'
      ? []
      : makeNegativePairs(
          unasked,
          poems.map(({ text }) => text),
          prompts,
          recipe.seed,
          recipe.pairs.rules,
        );
  const made: MadePairs = { ...sampled, pairs: [...sampled.pairs, ...negatives], negatives: negatives.length };
  if (made.pairs.length === 0) {
    throw new RecipesError(
      'dataset-empty',
      source === 'negatives'
        ? 'dpo: no poem of the data could be made to break a rule'
        : 'dpo: no prompt gave both a poem that keeps the rules and one that does not',
      {
        hint: 'Raise pairs.samplesPerPrompt, run SFT first, or take pairs.source: negatives.',
      },
    );
  }
  await run.folder.writeFile(PAIRS_FILE, JSON.stringify(made));
  return { made, data };
}
