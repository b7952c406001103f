/**
 * What every training stage does around its own work: open the run folder, tell the log and the caller what happens,
 * note data and kernels, and leave a finished, an aborted or a failed run behind, never an open one.
 */
import path from 'node:path';
import type { Metrics, OnEvent, Recipe, RunControls } from '@tuiqiao/schema';
import type { Kernels } from '@tuiqiao/tensor';
import { type CheckpointOptions, openTrainerLog, type TrainOptions, type TrainResult } from '@tuiqiao/tune';
import type { ManifestData } from './run-manifest.ts';
import { openRunSamples } from './run-samples.ts';
import { openRun, RUN_FILES, type RunFolder } from './workspace.ts';

export interface TrainingRun {
  readonly folder: RunFolder;
  /** Writes the log and passes the event on. */
  readonly emit: OnEvent;
  /** To be called before step 1. Notes: what is trained, what the reference is, which kernels answer. */
  start(facts: {
    totalSteps: number;
    notes: readonly string[];
    data: readonly ManifestData[];
    kernels: Kernels;
  }): Promise<void>;
  /** The loop options that follow from the recipe and the folder. */
  loop(
    exportTo?: CheckpointOptions['exportTo'],
  ): Pick<
    TrainOptions<unknown>,
    'maxGradNorm' | 'gradientCheckpointing' | 'loggingSteps' | 'seed' | 'checkpoints' | 'signal' | 'onEvent'
  >;
}

/** A finished stage: how training went and where its result lies. */
export interface StageResult extends TrainResult {
  readonly outputDir: string;
}

type TrainingRecipe = Exclude<Recipe, { stage: 'prepare' | 'evaluate' }>;

/**
 * Runs `work` inside the recipe's run folder.
 *
 * @param work returns the training result; the metrics it carries become the run's
 */
export async function withTrainingRun(
  recipe: TrainingRecipe,
  controls: RunControls,
  work: (run: TrainingRun) => Promise<TrainResult>,
): Promise<StageResult> {
  const { signal, onEvent } = controls;
  const name = path.basename(recipe.outputDir);
  const folder = await openRun(recipe);
  const resumedFromStep = folder.resumedFrom?.step;
  const log = await openTrainerLog(folder.folder, { resumedFromStep: resumedFromStep ?? 0 });
  const onSample = await openRunSamples(folder.pathOf(RUN_FILES.samples), resumedFromStep ?? 0);
  const emit: OnEvent = (event) => {
    log.onEvent(event);
    onSample(event);
    onEvent?.(event);
  };
  let metrics: Metrics = {};
  try {
    const result = await work({
      folder,
      emit,
      start: async ({ totalSteps, notes, data, kernels }) => {
        await folder.record({ data, kernels: { ...kernels.features } });
        emit({
          type: 'run-start',
          name,
          stage: recipe.stage,
          time: new Date().toISOString(),
          totalSteps,
          notes,
          ...(resumedFromStep === undefined ? {} : { resumedFromStep }),
        });
      },
      loop: (exportTo) => ({
        maxGradNorm: recipe.maxGradNorm,
        gradientCheckpointing: recipe.gradientCheckpointing,
        loggingSteps: recipe.loggingSteps,
        seed: recipe.seed,
        checkpoints: {
          directory: folder.folder,
          everySteps: recipe.saveSteps,
          keep: recipe.saveTotalLimit,
          resume: resumedFromStep !== undefined,
          ...(exportTo === undefined ? {} : { exportTo }),
        },
        ...(signal === undefined ? {} : { signal }),
        onEvent: emit,
      }),
    });
    metrics = result.metrics;
    await folder.finish(result.outcome, metrics);
    emit({ type: 'run-end', name, outcome: result.outcome, outputDir: folder.folder, metrics });
    return { ...result, outputDir: folder.folder };
  } catch (error) {
    // The first failure is the one to tell; a second one while closing would hide it.
    await folder.finish('failed').catch(() => undefined);
    throw error;
  } finally {
    await log.close();
  }
}

/** `evaluation.everySteps` from a recipe's `evalSteps`, where 0 means: only at the end. */
export function evaluationInterval(evalSteps: number, totalSteps: number): number {
  return evalSteps === 0 ? totalSteps : evalSteps;
}
