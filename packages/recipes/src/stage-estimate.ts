/**
 * Memory and time of a stage before it runs. Memory: the stage's own code runs over kernels that only keep account of
 * what they are asked for. Time: the calls it makes, each as long as the same call takes on this machine now, measured
 * on the first layers of the model.
 */
import { type CallCounts, createKernelLedger, type KernelFeatures, timedKernels } from '@tuiqiao/kernels';
import type { Kernels } from '@tuiqiao/tensor';
import type { PlannedWork, Sequence } from '@tuiqiao/tune';
import type { OpenedWork, ScoringWork, StageWork } from './work-parts.ts';

/** Node's compiled code, oneDNN's, and the scratch memory of the kernels, beyond what the process holds once it is loaded. */
const RUNNING_BYTES = 25e6;
/** Smaller models are measured whole. */
const LEAST_CUT_PARAMETERS = 50e6;
/** First, middle and last layers of a model do the same, but the first of all passes no gradient on. */
const MEASURED_LAYERS = 2;

export interface MemoryEstimate {
  /** Of the whole process at its peak. */
  readonly totalBytes: number;
  /** Node, the compiled code and the data. */
  readonly processBytes: number;
  /** Weights, trained parameters with their gradients and optimizer state, and the memory of a step. */
  readonly engineBytes: number;
  /** What is copied to be written into a checkpoint. */
  readonly savingBytes: number;
}

/** The calls of one micro-batch with gradients, one update and one pass without gradients. */
export interface StepCalls {
  readonly gradients: CallCounts;
  readonly update: CallCounts;
  readonly scoring: CallCounts | null;
  readonly writing: CallCounts | null;
}

export interface CountedWork {
  readonly memory: MemoryEstimate;
  readonly calls: StepCalls;
  readonly trainableParameters: number;
}

/** The reference kernels are a hundred times slower: one item says enough. */
function measuredItems({ typical }: PlannedWork, { name }: KernelFeatures): Int32Array {
  return name === 'native' ? typical : typical.slice(0, 1);
}

function measuredSequences({ sequences }: ScoringWork, { name }: KernelFeatures): readonly Sequence[] {
  return name === 'native' ? sequences : sequences.slice(0, 1);
}

function measuredCompletions({ atOnce }: { readonly atOnce: number }, { name }: KernelFeatures): number {
  return name === 'native' ? atOnce : 1;
}

/** Runs a step without computing it. */
export async function countWork(work: StageWork, features: KernelFeatures): Promise<CountedWork> {
  const ledger = createKernelLedger(features);
  const { pass, parameters, write } = await work.open(ledger.kernels, { readsWeights: false });
  // With the garbage that loading leaves: it hardly goes back to the system while the stage runs.
  const processBytes = process.memoryUsage.rss() + RUNNING_BYTES;
  const { writing = { atOnce: 0, total: 0 } } = work;
  await write?.(writing.atOnce);
  if (work.scoring !== null) await pass.score(work.scoring.sequences);
  for (const items of work.plan.heaviest) await pass.gradients(items);
  await pass.update();
  const savingBytes = Math.max(pass.checkpointBytes(), work.savesModel ? largestExport(parameters) : 0);
  const { allocated, mapped, paged, packed } = await ledger.measure();
  const engineBytes = allocated + mapped + paged + packed;

  const callsOf = async (run: () => Promise<void>): Promise<CallCounts> => {
    ledger.takeCalls();
    await run();
    return ledger.takeCalls();
  };
  const { scoring, plan } = work;
  return {
    memory: { totalBytes: processBytes + engineBytes + savingBytes, processBytes, engineBytes, savingBytes },
    calls: {
      gradients: await callsOf(() => pass.gradients(measuredItems(plan, features))),
      update: await callsOf(() => pass.update()),
      scoring: scoring === null ? null : await callsOf(() => pass.score(measuredSequences(scoring, features))),
      writing: write === undefined ? null : await callsOf(() => write(measuredCompletions(writing, features))),
    },
    trainableParameters: parameters.reduce((sum, { value }) => sum + value.length, 0),
  };
}

/** A weight is written as bf16 from a copy in f32. */
function largestExport(parameters: OpenedWork['parameters']): number {
  return 6 * parameters.reduce((most, { value }) => Math.max(most, value.length), 0);
}

/** A clock in seconds. */
export type Clock = () => number;

export const wallClock: Clock = () => performance.now() / 1000;

/** Seconds of training, evaluations and references included; reading and writing files is not. */
export async function measureSeconds(
  work: StageWork,
  calls: StepCalls,
  kernels: Kernels,
  now: Clock = wallClock,
): Promise<number> {
  const isCut = work.canBeCut && work.parameters >= LEAST_CUT_PARAMETERS && work.layers > MEASURED_LAYERS;
  const isNative = kernels.features.name === 'native';
  const clock = timedKernels(kernels, now);
  const { pass, write } = await work.open(clock.kernels, isCut ? { layers: MEASURED_LAYERS } : {});
  /** Seconds of a run; of the calls in it; and of `counts`, each as long as the same call in it. */
  const measure = async (run: () => Promise<void>, counts: CallCounts) => {
    // Memory is touched and code compiled first; and what a clock on every call takes is not counted.
    if (isNative) await run();
    const start = now();
    if (!isNative) clock.start();
    await run();
    const whole = now() - start;
    if (isNative) {
      clock.start();
      await run();
    }
    clock.stop();
    return { whole, called: clock.totalSeconds(), counted: sumOf(counts, clock.times()) };
  };
  /** What the engine itself does between calls grows with their number. */
  const secondsOf = async (run: () => Promise<void>, counts: CallCounts): Promise<number> => {
    const { whole, called, counted } = await measure(run, counts);
    return (counted * whole) / called;
  };
  const { plan, scoring, totalSteps, writing } = work;
  const items = measuredItems(plan, kernels.features);
  const gradients = await secondsOf(() => pass.gradients(items), calls.gradients);
  const update = await secondsOf(() => pass.update(), calls.update);
  let seconds = totalSteps * ((gradients * plan.microBatchesPerStep * plan.meanRows) / plan.rowsOf(items) + update);
  if (scoring !== null && calls.scoring !== null) {
    const sequences = measuredSequences(scoring, kernels.features);
    const score = await secondsOf(() => pass.score(sequences), calls.scoring);
    seconds += (score * scoring.totalTokens) / tokensIn(sequences);
  }
  if (write !== undefined && writing !== undefined && calls.writing !== null) {
    const count = measuredCompletions(writing, kernels.features);
    // Drawing and judging take as long however many layers there are.
    const { whole, called, counted } = await measure(() => write(count), calls.writing);
    seconds += (writing.total / count) * (counted + Math.max(0, whole - called));
  }
  return seconds;
}

function tokensIn(sequences: readonly Sequence[]): number {
  return sequences.reduce((sum, { promptIds, completionIds }) => sum + promptIds.length + completionIds.length, 0);
}

/** A call that the measured layers do not make takes as long as its kernel does on average. */
function sumOf(counts: CallCounts, times: ReadonlyMap<string, number>): number {
  const byKernel = new Map<string, { seconds: number; count: number }>();
  const kernelOf = (signature: string): string => signature.slice(0, signature.indexOf('('));
  for (const [signature, seconds] of times) {
    const known = byKernel.get(kernelOf(signature)) ?? { seconds: 0, count: 0 };
    byKernel.set(kernelOf(signature), { seconds: known.seconds + seconds, count: known.count + 1 });
  }
  let sum = 0;
  for (const [signature, count] of counts) {
    const known = byKernel.get(kernelOf(signature));
    const average = known === undefined ? 0 : known.seconds / known.count;
    sum += count * (times.get(signature) ?? average);
  }
  return sum;
}
