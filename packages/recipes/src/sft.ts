/**
 * Stage `sft`: supervised fine-tuning. Examples → prompt and completion tokens, loss on the completion → LoRA on every
 * linear layer (or all weights) → a PEFT folder (or a model folder).
 */
import { saveLanguageModel, saveTemplate, saveTokenizer } from '@tuiqiao/lm';
import type { RunControls, SftRecipe } from '@tuiqiao/schema';
import type { Parameter } from '@tuiqiao/tensor';
import {
  type Adapter,
  attachBottlenecks,
  attachLora,
  attachSoftPrompt,
  countSteps,
  evaluateLoss,
  exampleDataset,
  saveAdapter,
  selectBiases,
  selectFrozenRest,
  sftObjective,
  startPissa,
  train,
} from '@tuiqiao/tune';
import { describeKernels, openKernels } from './compute.ts';
import { loadExamples } from './examples.ts';
import { quantizationNotes, quantizationOf, trimVocabulary } from './frozen-base.ts';
import { type OpenedModel, openModel } from './models.ts';
import { openOptimizer, openSchedule } from './optimizer.ts';
import { type OwnPoems, openOwnPoems } from './own-poems.ts';
import { savePromptFormat } from './prompt-format.ts';
import { evaluationInterval, type StageResult, withTrainingRun } from './training-run.ts';
import { openTrainingSamples } from './training-samples.ts';

export async function runSft(recipe: SftRecipe, controls: RunControls = {}): Promise<StageResult> {
  const kernels = openKernels(recipe);
  const opened = await openModel(recipe.model, {
    kernels,
    computeType: recipe.computeType,
    isTrainable: recipe.finetuning === 'full',
    quantization: quantizationOf(recipe),
    adapters: recipe.adapter,
    template: recipe.template,
  });
  const { model, tokenizer } = opened;
  const { training: given, validation, manifestEntries, warnings } = await loadExamples(recipe, tokenizer, controls);
  return withTrainingRun(recipe, controls, async (run) => {
    // Written before anything is trained, and before a checkpoint is loaded.
    const own = recipe.ownPoems.count === 0 ? null : await openOwnPoems({ recipe, opened, run, controls });
    const training = own === null ? given : [...own.examples, ...(recipe.ownPoems.mixed ? given : [])];
    const trained = await chooseTrained(opened, recipe);
    const trimmed = trimVocabulary(
      recipe,
      opened,
      opened.adapters,
      [...training, ...validation].flatMap(({ promptIds, completionIds }) => [promptIds, completionIds]),
    );
    const data = exampleDataset(training);
    const batching = { seed: recipe.seed, itemsPerStep: recipe.batchSize * recipe.gradientAccumulationSteps };
    const totalSteps = recipe.maxSteps ?? countSteps(data, batching, recipe.epochs);
    await run.start({
      totalSteps,
      notes: [
        `Training ${trained.description} of ${recipe.model} on ${training.length.toLocaleString('en')} examples; the loss falls on ${recipe.completionOnlyLoss ? 'the answers only' : 'prompts and answers'}.`,
        ...(own === null ? [] : [describeOwn(own)]),
        ...quantizationNotes(recipe),
        ...trimmed,
        ...(recipe.adapter.length === 0 ? [] : [`Underneath, frozen: ${recipe.adapter.join(', ')}.`]),
        describeKernels(kernels),
      ],
      data: manifestEntries,
      kernels,
    });
    for (const warning of warnings) run.emit(warning);
    const save = (folder: string): Promise<void> => saveTrained(opened, trained, folder);
    const samples = await openTrainingSamples(recipe, opened, run, totalSteps, controls);
    const result = await train({
      ...run.loop(save),
      ...samples,
      model,
      parameters: trained.parameters,
      optimizer: openOptimizer(kernels, trained.parameters, recipe),
      schedule: openSchedule(recipe, totalSteps),
      data,
      batching,
      objective: sftObjective({ withAccuracy: true, labelSmoothing: recipe.labelSmoothing }),
      neftuneAlpha: recipe.neftuneNoiseAlpha,
      totalSteps,
      ...(validation.length === 0
        ? {}
        : {
            evaluation: {
              everySteps: evaluationInterval(recipe.evalSteps, totalSteps),
              keepBest: recipe.loadBestModelAtEnd,
              patience: recipe.earlyStoppingPatience,
              threshold: recipe.earlyStoppingThreshold,
              run: (_step, arena) =>
                evaluateLoss({
                  model,
                  arena,
                  data: exampleDataset(validation),
                  ...(controls.signal === undefined ? {} : { signal: controls.signal }),
                }),
            },
          }),
    });
    await save(run.folder.folder);
    return result;
  });
}

/** @param own of a run that an earlier version began, without the number of copies */
function describeOwn({
  examples,
  samples,
  copied = 0,
  removedShare,
}: Omit<OwnPoems, 'copied'> & Partial<OwnPoems>): string {
  return `Own poems: ${examples.length} of ${samples} that the model wrote under the rules; ${copied} refused for a line of a known poem; the rules took away ${(100 * removedShare).toFixed(1)} % of its probability.`;
}

/** What a fine-tuning stage changes: a new adapter, or every weight. */
export interface Trained {
  readonly parameters: readonly Parameter[];
  readonly adapter: Adapter | null;
  /** For the notes, e.g. `425,984 parameters (LoRA rank 16 on 56 layers)`. */
  readonly description: string;
}

function describeCount(parameters: readonly Parameter[]): string {
  return `${parameters.reduce((sum, parameter) => sum + parameter.value.length, 0).toLocaleString('en')} parameters`;
}

/** @param isStarted false leaves away what only a real start needs, and takes long: PiSSA's decomposition */
export async function chooseTrained(
  { model, tokenizer }: Pick<OpenedModel, 'model' | 'tokenizer'>,
  recipe: Pick<SftRecipe, 'finetuning' | 'freeze' | 'lora' | 'softPrompt' | 'bottleneck' | 'seed'>,
  isStarted = true,
): Promise<Trained> {
  const whole = (parameters: readonly Parameter[], what: string): Trained => ({
    parameters,
    adapter: null,
    description: `${what} ${describeCount(parameters)}`,
  });
  switch (recipe.finetuning) {
    case 'full':
      return whole([...model.parameters.values()], 'all');
    case 'freeze':
      return whole(selectFrozenRest(model, recipe.freeze), 'the chosen layers,');
    case 'bitfit':
      return whole(selectBiases(model), 'the biases,');
    case 'lora': {
      const adapter = attachLora(model, { ...recipe.lora, seed: recipe.seed });
      if (isStarted && recipe.lora.initialization === 'pissa') await startPissa(model, adapter, recipe.seed);
      return trainedAdapter(adapter);
    }
    case 'prompt':
    case 'prefix': {
      const { virtualTokens, initialText = '' } = recipe.softPrompt;
      const initialIds = tokenizer.encode(initialText, { addSpecialTokens: false });
      const kind = recipe.finetuning;
      return trainedAdapter(await attachSoftPrompt(model, { kind, virtualTokens, initialIds, seed: recipe.seed }));
    }
    case 'bottleneck':
      return trainedAdapter(attachBottlenecks(model, { ...recipe.bottleneck, seed: recipe.seed }));
    default:
      return recipe.finetuning satisfies never;
  }
}

export function trainedAdapter(adapter: Adapter): Trained {
  const { parameters, deltas, config, softPrompt, bottlenecks } = adapter;
  if (bottlenecks.length > 0) {
    const { outFeatures } = bottlenecks[0]!.bottleneck.down;
    const what = `${bottlenecks.length} bottlenecks of width ${outFeatures}`;
    return { parameters, adapter, description: `${describeCount(parameters)} (${what})` };
  }
  if (softPrompt !== null) {
    const what = softPrompt.prefix === null ? 'virtual tokens' : 'virtual keys and values a layer';
    return { parameters, adapter, description: `${describeCount(parameters)} (${softPrompt.tokens} ${what})` };
  }
  const kind = config.useDora ? 'DoRA' : config.initialization === 'pissa' ? 'PiSSA' : 'LoRA';
  const description = `${describeCount(parameters)} (${kind} rank ${config.rank} on ${deltas.size} layers)`;
  return { parameters, adapter, description };
}

/** Writes the stage's result as Hugging Face or PEFT has it. */
export async function saveTrained(opened: OpenedModel, trained: Trained, folder: string): Promise<void> {
  if (trained.adapter !== null) {
    const { kernels, config: modelConfig } = opened.model;
    await saveAdapter(kernels, trained.adapter, folder, { baseModelName: opened.folder, modelConfig });
    await savePromptFormat(opened.tokenizer, folder);
    await saveTemplate(opened.tokenizer, folder);
    return;
  }
  await saveLanguageModel(opened.model, folder, { dtype: 'bf16' });
  await saveTokenizer(opened.tokenizer.files, folder);
}
