/**
 * What a training stage will need, before it runs: steps where the data says them, memory and time as estimates. Nothing
 * is trained and nothing written.
 */
import type { RunControls, StagePlan } from '@tuiqiao/schema';
import { describeKernels, openKernels } from './compute.ts';
import { type Clock, countWork, type MemoryEstimate, measureSeconds, wallClock } from './stage-estimate.ts';
import { openStageWork, type PlannedRecipe } from './stage-work.ts';

export interface PlanControls {
  /** By default the time that passes; processor time where other work keeps the machine busy. */
  readonly clock?: Clock;
  /** False leaves the time away, and with it the only part that computes. Default true. */
  readonly isTimed?: boolean;
}

/**
 * Steps, sizes and estimates of a training recipe.
 * @throws what the stage itself would throw for a missing model or data set
 */
export async function planStage(recipe: PlannedRecipe, controls: RunControls & PlanControls = {}): Promise<StagePlan> {
  const { clock = wallClock, isTimed = true } = controls;
  const kernels = openKernels(recipe);
  const work = await openStageWork(recipe, controls);
  const { memory, calls, trainableParameters } = await countWork(work, kernels.features);
  const seconds = isTimed ? await measureSeconds(work, calls, kernels, clock) : undefined;
  return {
    totalSteps: work.totalSteps,
    samples: work.samples,
    tokens: work.tokens,
    trainableParameters,
    memoryBytes: Math.round(memory.totalBytes),
    ...(seconds === undefined ? {} : { seconds }),
    notes: [describeMemory(memory), ...work.notes, describeKernels(kernels)],
  };
}

function describeMemory({ processBytes, engineBytes, savingBytes }: MemoryEstimate): string {
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6).toLocaleString('en')} MB`;
  return `Memory: ${megabytes(engineBytes)} of weights, optimizer and step; ${megabytes(processBytes)} of the process and its data; ${megabytes(savingBytes)} to write a checkpoint.`;
}
