/**
 * The training loop, shared by pretraining, supervised fine-tuning, preference and on-policy optimisation. A step: get
 * its items, accumulate gradients micro-batch by micro-batch, check that the numbers are sane, clip, update. Everything
 * random is a pure function of seed, epoch and step, so a resumed run equals an uninterrupted one bit for bit.
 *
 * It prints nothing: it emits `step-end`, `eval-end`, `checkpoint-save` and `run-warning` events.
 */
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { LanguageModel } from '@tuiqiao/lm';
import type { Metrics, OnEvent } from '@tuiqiao/schema';
import {
  type Arena,
  clipScale,
  createArena,
  globalGradientNorm,
  type Optimizer,
  type Parameter,
  zeroGradients,
} from '@tuiqiao/tensor';
import { type BatchingOptions, planMicroBatches } from './batching.ts';
import { type BestOptions, hasWaitedEnough, judge } from './best-checkpoint.ts';
import {
  findResumable,
  loadCheckpoint,
  loadCheckpointParameters,
  removeTemporaryFolders,
  saveCheckpoint,
  type TrainingState,
} from './checkpoint.ts';
import { initialDivergence, requireFinite, watchLoss } from './divergence.ts';
import { TuneError } from './errors.ts';
import { differences, fingerprintOf } from './fingerprint.ts';
import type { Dataset } from './items.ts';
import { accumulateGradients } from './micro-batch.ts';
import type { Objective } from './objective.ts';
import { addStep, emptyStepLog, meanMetrics, mergeShares } from './step-log.ts';
import { datasetSource, type StepItems, type StepSource } from './step-source.ts';
import { trainOnly } from './train-only.ts';

export interface CheckpointOptions {
  /** The run folder; `checkpoint-<step>/` folders go inside. */
  readonly directory: string;
  /** Steps between checkpoints; 0 writes one only at the end and when aborted. */
  readonly everySteps: number;
  /** Newest ones kept. Default 2. */
  readonly keep?: number;
  /** Writes what other programs read (adapter or model files) into the checkpoint folder. */
  readonly exportTo?: (folder: string) => Promise<void>;
  /** Continue from the newest complete checkpoint, if there is one. Default true; false refuses a folder that has some. */
  readonly resume?: boolean;
}

export interface TrainOptions<Item> {
  readonly model: LanguageModel;
  /** What is trained; all other weights and adapters of the model are frozen. */
  readonly parameters: readonly Parameter[];
  readonly optimizer: Optimizer;
  /** Learning rate of a 0-based optimizer step. */
  readonly schedule: (step: number) => number;
  readonly data: Dataset<Item>;
  readonly batching: BatchingOptions;
  readonly objective: Objective<Item>;
  /** Optimizer steps in all (`countSteps` gives those of whole epochs). */
  readonly totalSteps: number;
  /** Global L2 norm gradients are clipped to; 0 = off. Default 1. */
  readonly maxGradNorm?: number;
  /** Computes each layer again in the backward pass instead of keeping its activations: less memory, same bits. */
  readonly gradientCheckpointing?: boolean;
  /** Step memory to use, as what runs before and between steps does; its own by default. */
  readonly arena?: Arena;
  /** Seed of dropout masks. Default 42. */
  readonly seed?: number;
  /** Steps averaged into one `step-end` event. Default 10. */
  readonly loggingSteps?: number;
  readonly checkpoints?: CheckpointOptions;
  /** `run` may use the step memory, which is idle meanwhile: a second one would be memory on top. */
  readonly evaluation?: {
    readonly everySteps: number;
    readonly run: (step: number, arena: Arena) => Promise<Metrics>;
  } & BestOptions;
  /** NEFTune's α: noise on the embeddings while training. None when absent. */
  readonly neftuneAlpha?: number | undefined;
  /** After each optimizer step (1-based), before its checkpoint. */
  readonly onStep?: (step: number) => void | Promise<void>;
  readonly signal?: AbortSignal;
  readonly onEvent?: OnEvent;
}

export interface TrainResult {
  readonly outcome: 'done' | 'aborted';
  /** Optimizer steps done, earlier sessions included. */
  readonly step: number;
  readonly epoch: number;
  readonly tokens: number;
  readonly elapsedSeconds: number;
  /** `train_loss` (mean over all steps) and the last evaluation's metrics. */
  readonly metrics: Metrics;
  readonly lastCheckpoint: string | null;
  readonly resumedFromStep: number | null;
}

/** `TrainOptions` without a data set: the items come from elsewhere. */
export type LoopOptions<Item> = Omit<TrainOptions<Item>, 'data' | 'batching'>;

/**
 * Trains on a data set.
 * @throws TuneError `tune-options`, `tune-batching`, `tune-diverged`, `checkpoint-mismatch`, `checkpoint-exists`
 */
export async function train<Item>(options: TrainOptions<Item>): Promise<TrainResult> {
  checkOptions(options);
  return trainFrom(datasetSource(options.data, options.batching), options);
}

/**
 * Trains on what a source gives for each step.
 * @throws as `train`, and what the source throws
 */
export async function trainFrom<Item>(source: StepSource<Item>, options: LoopOptions<Item>): Promise<TrainResult> {
  const { model, parameters, optimizer, objective, totalSteps, checkpoints, onEvent } = options;
  const { kernels } = model;
  const maxGradNorm = options.maxGradNorm ?? 1;
  const loggingSteps = options.loggingSteps ?? 10;
  checkOptions(options);
  trainOnly(model, parameters);

  const start = await startState(source, options, fingerprintOf(source, options));
  let state = start.state;
  let lastCheckpoint = start.checkpoint;
  const resumedFromStep = start.checkpoint === null ? null : state.step;

  const arena = options.arena ?? createArena(kernels);
  let evaluated: Metrics = {};
  const sessionStart = performance.now();
  const earlierSeconds = state.elapsedSeconds;
  let logStart = sessionStart;
  let stepsThisSession = 0;

  const { keepBest = false, patience, threshold = 0 } = options.evaluation ?? {};
  const save = async (): Promise<void> => {
    if (checkpoints === undefined) return;
    const saved = await saveCheckpoint({
      directory: checkpoints.directory,
      kernels,
      parameters,
      optimizer,
      state,
      intervals: {
        logging: loggingSteps,
        save: checkpoints.everySteps,
        evaluation: options.evaluation?.everySteps ?? 0,
      },
      keep: checkpoints.keep ?? 2,
      protectedStep: keepBest ? state.best?.step : undefined,
      exportTo: async (folder) => {
        await source.saveState?.(folder, state.step);
        await checkpoints.exportTo?.(folder);
      },
    });
    if (saved === lastCheckpoint) return;
    lastCheckpoint = saved;
    onEvent?.({ type: 'checkpoint-save', step: state.step, path: saved });
  };

  const isAborted = (): boolean => options.signal?.aborted === true;
  while (state.step < totalSteps && !isAborted() && !hasWaitedEnough(state.best, patience)) {
    const step = state.step + 1;
    let stepItems: StepItems<Item>;
    try {
      stepItems = await source.itemsAt(state.position, step);
    } catch (error) {
      // Making the items may take long; giving it up half-way loses nothing, the step has not begun.
      if (isAborted()) break;
      throw error;
    }
    const { items } = stepItems;
    const stepObjective = objective.beginStep(items);

    // Gradients of the step, micro-batch by micro-batch.
    zeroGradients(kernels, parameters);
    let loss = 0;
    let tokens = 0;
    let metrics: Metrics = stepObjective.metrics ?? {};
    for (const [micro, part] of microBatchesOf(stepItems, source.maxTokensPerMicroBatch).entries()) {
      const partItems = Array.from(part, (place) => items[place]!);
      const result = await accumulateGradients({
        model,
        arena,
        objective,
        step: stepObjective,
        items: partItems,
        indexes: part.map((place) => stepItems.indexes[place]!),
        usesCheckpoints: options.gradientCheckpointing ?? false,
        dropoutSeed: dropoutSeed(options.seed ?? 42, step, micro),
        neftuneAlpha: options.neftuneAlpha,
      });
      // A damaged checkpoint is the likelier cause than the run: it is named first.
      if (!Number.isFinite(result.loss)) await model.requireFiniteWeights();
      requireFinite('loss', result.loss, { step, ids: partItems.map(objective.idOf), lastCheckpoint });
      loss += result.loss;
      tokens += result.tokens;
      metrics = mergeShares(metrics, result.metrics);
      // Lets signals, timers and other work of the process in.
      await setImmediate();
    }

    // Update.
    const context = { step, ids: items.map(objective.idOf), lastCheckpoint };
    const gradNorm = await globalGradientNorm(kernels, parameters);
    requireFinite('gradient norm', gradNorm, context);
    const divergence = watchLoss(state.divergence, loss, context);
    const learningRate = options.schedule(state.step);
    await optimizer.step(learningRate, maxGradNorm > 0 ? clipScale(gradNorm, maxGradNorm) : 1);
    stepsThisSession++;

    // Position after the step.
    const now = performance.now();
    const elapsedSeconds = earlierSeconds + (now - sessionStart) / 1000;
    let { epoch, stepInEpoch } = state.position;
    stepInEpoch++;
    const stepsInEpoch = source.stepsInEpoch(epoch);
    const epochs = epoch + stepInEpoch / stepsInEpoch;
    if (stepInEpoch === stepsInEpoch) {
      epoch++;
      stepInEpoch = 0;
    }
    state = {
      ...state,
      step,
      epoch: epochs,
      position: { ...state.position, epoch, stepInEpoch },
      tokens: state.tokens + tokens,
      elapsedSeconds,
      lossSum: state.lossSum + loss,
      divergence,
      stepLog: addStep(state.stepLog, { loss, gradNorm, tokens, metrics }),
    };
    const finding = objective.inspectStep?.(step, loss, metrics);
    if (finding?.isFatal === true) throw new TuneError(finding.code, finding.message, { hint: finding.hint });
    if (finding) onEvent?.({ type: 'run-warning', code: finding.code, message: finding.message });

    if (step % loggingSteps === 0 || step === totalSteps) {
      const log = state.stepLog;
      const stepMetrics = { ...meanMetrics(log), num_tokens: state.tokens };
      const entry = { loss: log.loss / log.steps, grad_norm: log.gradNorm / log.steps, learning_rate: learningRate };
      onEvent?.({
        type: 'step-end',
        step,
        totalSteps,
        epoch: epochs,
        loss: entry.loss,
        learningRate,
        gradNorm: entry.grad_norm,
        tokens: log.tokens,
        tokensPerSecond: (log.tokens / Math.max(1e-9, now - logStart)) * 1000,
        elapsedSeconds,
        remainingSeconds: ((now - sessionStart) / 1000 / stepsThisSession) * (totalSteps - step),
        metrics: stepMetrics,
      });
      state = {
        ...state,
        stepLog: emptyStepLog,
        history: [...state.history, { ...entry, ...stepMetrics, epoch: epochs, step }],
      };
      logStart = now;
    }
    if (isDue(options.evaluation?.everySteps, step, totalSteps)) {
      try {
        evaluated = await options.evaluation!.run(step, arena);
        onEvent?.({ type: 'eval-end', step, metrics: evaluated });
        state = { ...state, history: [...state.history, { ...evaluated, epoch: epochs, step }] };
        const best = judge(state.best, evaluated, step, threshold);
        if (best !== undefined) state = { ...state, best };
      } catch (error) {
        // Interrupted in the midst of an evaluation: the step itself is done and is saved below.
        if (!isAborted()) throw error;
      }
      logStart += performance.now() - now; // evaluation is not training time
    }
    if (options.onStep !== undefined) {
      const before = performance.now();
      await options.onStep(step);
      logStart += performance.now() - before; // nor is what the caller does between steps
    }
    const isBest = keepBest && state.best?.step === step;
    if (checkpoints !== undefined && (isBest || isDue(checkpoints.everySteps, step, totalSteps))) await save();
  }
  if (state.step > 0) await save();
  const hasEnded = state.step >= totalSteps || hasWaitedEnough(state.best, patience);
  const { best } = state;
  if (hasEnded && keepBest && best !== undefined && best.step !== state.step && checkpoints !== undefined) {
    const folder = path.join(checkpoints.directory, `checkpoint-${best.step}`);
    await loadCheckpointParameters(folder, { kernels, parameters });
    onEvent?.({
      type: 'run-warning',
      code: 'best-checkpoint',
      message: `the result is checkpoint-${best.step}: its validation loss ${best.metric.toPrecision(5)} is the lowest`,
    });
  }

  return {
    outcome: hasEnded ? 'done' : 'aborted',
    step: state.step,
    epoch: state.epoch,
    tokens: state.tokens,
    elapsedSeconds: state.elapsedSeconds,
    metrics: { train_loss: state.step === 0 ? 0 : state.lossSum / state.step, ...evaluated },
    lastCheckpoint,
    resumedFromStep,
  };
}

/** Places of the step's items, cut into micro-batches of at most `bound` tokens. */
function microBatchesOf({ items, tokens }: StepItems<unknown>, bound: number): Int32Array[] {
  const view = {
    length: items.length,
    tokensOf: (place: number) => tokens[place]!,
    item: (place: number) => items[place],
  };
  return planMicroBatches(
    view,
    Int32Array.from(items, (_, place) => place),
    bound,
  );
}

function checkOptions<Item>({ parameters, totalSteps, loggingSteps }: LoopOptions<Item>): void {
  if (parameters.length === 0) throw new TuneError('tune-options', 'train: expected parameters to train, got none');
  const names = new Set(parameters.map((parameter) => parameter.name));
  if (names.size !== parameters.length) {
    throw new TuneError('tune-options', 'train: expected each parameter once, got one twice');
  }
  if (!(Number.isInteger(totalSteps) && totalSteps > 0)) {
    throw new TuneError('tune-options', `totalSteps: expected a whole number > 0, got ${totalSteps}`);
  }
  if (loggingSteps !== undefined && !(Number.isInteger(loggingSteps) && loggingSteps > 0)) {
    throw new TuneError('tune-options', `loggingSteps: expected a whole number > 0, got ${loggingSteps}`);
  }
}

/** A fresh state, or that of the newest checkpoint, put back into parameters and optimizer. */
async function startState<Item>(
  source: StepSource<Item>,
  options: LoopOptions<Item>,
  fingerprint: TrainingState['fingerprint'],
): Promise<{ state: TrainingState; checkpoint: string | null }> {
  const fresh: TrainingState = {
    step: 0,
    totalSteps: options.totalSteps,
    epoch: 0,
    position: { seed: source.seed, epoch: 0, stepInEpoch: 0 },
    tokens: 0,
    elapsedSeconds: 0,
    lossSum: 0,
    stepLog: emptyStepLog,
    divergence: initialDivergence,
    history: [],
    fingerprint,
  };
  const { checkpoints } = options;
  if (checkpoints === undefined) return { state: fresh, checkpoint: null };
  await removeTemporaryFolders(checkpoints.directory);
  const found = await findResumable(checkpoints.directory);
  if (found === null) return { state: fresh, checkpoint: null };
  if (checkpoints.resume === false) {
    throw new TuneError('checkpoint-exists', `${checkpoints.directory}: expected no checkpoints, got ${found.path}`, {
      hint: 'resume the run, or choose another output folder',
    });
  }
  const state = await loadCheckpoint(found.path, {
    kernels: options.model.kernels,
    parameters: options.parameters,
    optimizer: options.optimizer,
  });
  const changed = differences(state.fingerprint, fingerprint);
  if (changed.length > 0) {
    throw new TuneError('checkpoint-mismatch', `${found.path}: ${changed.join('; ')}`, {
      hint: 'a resumed run needs the same data, batching, seed and form of the base; choose another output folder to start anew',
    });
  }
  await source.loadState?.(found.path, state.step);
  if (state.totalSteps !== options.totalSteps) {
    options.onEvent?.({
      type: 'run-warning',
      code: 'resume-total-steps',
      message: `the run was planned for ${state.totalSteps} steps and now has ${options.totalSteps}: its schedule changes`,
    });
  }
  return { state: { ...state, totalSteps: options.totalSteps }, checkpoint: found.path };
}

function isDue(everySteps: number | undefined, step: number, totalSteps: number): boolean {
  return everySteps !== undefined && everySteps > 0 && (step % everySteps === 0 || step === totalSteps);
}

/** A seed per micro-batch (Knuth's multiplicative mixing; non-negative, 31 bits). */
function dropoutSeed(seed: number, step: number, micro: number): number {
  let hash = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15) ^ step, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 13) ^ micro, 0x27d4eb2f);
  return (hash ^ (hash >>> 16)) & 0x7fffffff;
}
