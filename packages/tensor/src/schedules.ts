/**
 * Learning-rate schedules: pure functions from the number of updates made so far to the rate of the next one. Names and
 * formulas are those of transformers' `get_scheduler`.
 */
import { TensorError } from './errors.ts';

/** Every schedule, under transformers' name for it. */
export const SCHEDULE_NAMES = [
  'constant',
  'constant_with_warmup',
  'linear',
  'cosine',
  'cosine_with_restarts',
  'cosine_with_min_lr',
  'cosine_warmup_with_min_lr',
  'polynomial',
  'inverse_sqrt',
  'warmup_stable_decay',
] as const;

export type ScheduleName = (typeof SCHEDULE_NAMES)[number];

/** Shape of a ramp of `warmup_stable_decay`. */
export type RampType = 'linear' | 'cosine' | '1-sqrt';

export interface ScheduleOptions {
  /** The peak rate. */
  readonly learningRate: number;
  readonly totalSteps: number;
  /** Steps of the ramp from 0 to the peak; 0 when absent. */
  readonly warmupSteps?: number;
  /** Cosine kinds: half a wave is 0.5 (default); with restarts, the number of half waves (default 1). */
  readonly cycles?: number;
  /** `cosine_…min_lr`: the lowest rate; or as a share of the peak in `minLearningRateRatio`. */
  readonly minLearningRate?: number;
  /** Also `warmup_stable_decay`, 0 by default there. */
  readonly minLearningRateRatio?: number;
  /** `cosine_warmup_with_min_lr`: share of the peak at step 0; when absent the ramp starts at 1/warmupSteps. */
  readonly warmupLearningRateRatio?: number;
  /** `polynomial`: the last rate, 1e-7 when absent. */
  readonly endLearningRate?: number;
  /** `polynomial`: exponent, 1 when absent. */
  readonly power?: number;
  /** `inverse_sqrt`: steps after which the rate has its first fall by √2; `warmupSteps`, or 10,000, when absent. */
  readonly timescale?: number;
  /** `warmup_stable_decay`: length of the last phase. */
  readonly decaySteps?: number;
  /** `warmup_stable_decay`: shapes of first and last phase; `linear` and `cosine` when absent. */
  readonly warmupType?: RampType;
  readonly decayType?: RampType;
}

/** Updates made so far (0 for the first) → learning rate of the next update. */
export type Schedule = (step: number) => number;

/** @throws TensorError `tensor.option` when a schedule lacks a setting it cannot do without */
export function createSchedule(name: ScheduleName, options: ScheduleOptions): Schedule {
  const { learningRate } = options;
  const factor = createFactor(name, options);
  return (step) => learningRate * factor(step);
}

function createFactor(name: ScheduleName, options: ScheduleOptions): Schedule {
  const { totalSteps, warmupSteps = 0 } = options;
  const warmUp = (decay: Schedule): Schedule => {
    return (step) => (step < warmupSteps ? step / Math.max(1, warmupSteps) : decay(step));
  };
  const progress = (step: number) => (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  switch (name) {
    case 'constant':
      return () => 1;
    case 'constant_with_warmup':
      return warmUp(() => 1);
    case 'linear':
      return warmUp((step) => Math.max(0, (totalSteps - step) / Math.max(1, totalSteps - warmupSteps)));
    case 'cosine':
      return warmUp((step) => Math.max(0, cosine(progress(step), options.cycles)));
    case 'cosine_with_restarts': {
      const { cycles = 1 } = options;
      return warmUp((step) => (progress(step) >= 1 ? 0 : Math.max(0, cosine((cycles * progress(step)) % 1))));
    }
    case 'cosine_with_min_lr': {
      const floor = minRatio(name, options);
      return warmUp((step) => Math.max(0, raise(cosine(progress(step), options.cycles), floor)));
    }
    case 'cosine_warmup_with_min_lr':
      return cosineWarmupWithMinRate(minRatio(name, options), options);
    case 'polynomial':
      return warmUp(polynomial(options));
    case 'inverse_sqrt': {
      const timescale = options.timescale ?? (warmupSteps || 10_000);
      return warmUp((step) => 1 / Math.sqrt((step + timescale - warmupSteps) / timescale));
    }
    case 'warmup_stable_decay':
      return warmupStableDecay(options);
    default:
      return name satisfies never;
  }
}

/** 1 at 0, 0 at 1 for half a wave (`cycles` 0.5). */
function cosine(progress: number, cycles = 0.5): number {
  return 0.5 * (1 + Math.cos(2 * Math.PI * cycles * progress));
}

/** Maps 0 … 1 to floor … 1. */
function raise(factor: number, floor: number): number {
  return factor * (1 - floor) + floor;
}

function minRatio(name: ScheduleName, options: ScheduleOptions): number {
  const { minLearningRate, minLearningRateRatio, learningRate } = options;
  if (minLearningRateRatio !== undefined) return minLearningRateRatio;
  if (minLearningRate !== undefined) return minLearningRate / learningRate;
  throw new TensorError('tensor.option', `${name}: expected minLearningRate or minLearningRateRatio, got neither`);
}

/** Counts from 1 where the others count from 0, so that neither the first nor the last step has the lowest rate twice. */
function cosineWarmupWithMinRate(floor: number, options: ScheduleOptions): Schedule {
  const { totalSteps, warmupSteps = 0, warmupLearningRateRatio, cycles } = options;
  return (step) => {
    if (step < warmupSteps) {
      if (warmupLearningRateRatio === undefined) return (step + 1) / Math.max(1, warmupSteps);
      return raise(step / Math.max(1, warmupSteps - 1), warmupLearningRateRatio);
    }
    const progress = (step - warmupSteps + 1) / Math.max(1, totalSteps - warmupSteps);
    return Math.max(0, raise(cosine(progress, cycles), floor));
  };
}

function polynomial(options: ScheduleOptions): Schedule {
  const { learningRate, totalSteps, warmupSteps = 0, endLearningRate = 1e-7, power = 1 } = options;
  return (step) => {
    if (step > totalSteps) return endLearningRate / learningRate;
    const remaining = 1 - (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
    return ((learningRate - endLearningRate) * remaining ** power + endLearningRate) / learningRate;
  };
}

function warmupStableDecay(options: ScheduleOptions): Schedule {
  const { totalSteps, warmupSteps = 0, decaySteps, minLearningRate, learningRate, cycles } = options;
  const { warmupType = 'linear', decayType = 'cosine' } = options;
  if (decaySteps === undefined)
    throw new TensorError('tensor.option', 'warmup_stable_decay: expected decaySteps, got none');
  const floor = options.minLearningRateRatio ?? (minLearningRate ?? 0) / learningRate;
  const decayStart = totalSteps - decaySteps;
  return (step) => {
    if (step < warmupSteps) return Math.max(0, raise(rise(warmupType, step / Math.max(1, warmupSteps)), floor));
    if (step < decayStart) return 1;
    if (step >= totalSteps) return floor;
    return Math.max(0, raise(fall(decayType, (step - decayStart) / Math.max(1, decaySteps), cycles), floor));
  };
}

function rise(type: RampType, progress: number): number {
  switch (type) {
    case 'linear':
      return progress;
    case 'cosine':
      return 0.5 * (1 - Math.cos(Math.PI * progress));
    case '1-sqrt':
      return 1 - Math.sqrt(1 - progress);
    default:
      return type satisfies never;
  }
}

function fall(type: RampType, progress: number, cycles?: number): number {
  switch (type) {
    case 'linear':
      return 1 - progress;
    case 'cosine':
      return cosine(progress, cycles);
    case '1-sqrt':
      return 1 - Math.sqrt(progress);
    default:
      return type satisfies never;
  }
}
