/** When to stop a run that is going nowhere: a loss or gradient that is not a number, or a loss far above its start. */
import { TuneError } from './errors.ts';

/** Serialisable, so that a resumed run judges as an uninterrupted one. */
export interface DivergenceState {
  /** Mean loss of the first steps. */
  readonly baseline: number;
  readonly baselineSteps: number;
  /** Steps in a row far above the baseline. */
  readonly strikes: number;
}

export const initialDivergence: DivergenceState = { baseline: 0, baselineSteps: 0, strikes: 0 };

/** Steps whose mean is the baseline. */
const BASELINE_STEPS = 10;
/** A loss this many times its baseline (at least 1) is no fluctuation of an ordinary run. */
const EXPLOSION_FACTOR = 10;
/** One bad batch is forgiven; this many in a row are not. */
const MAX_STRIKES = 3;
/** Ids named in a message. */
const MAX_IDS = 5;

export interface StepContext {
  /** 1-based. */
  readonly step: number;
  readonly ids: readonly string[];
  readonly lastCheckpoint: string | null;
}

/** @throws TuneError `tune-diverged` when the value is not finite. */
export function requireFinite(what: string, value: number, context: StepContext): void {
  if (Number.isFinite(value)) return;
  throw diverged(`${what}: expected a finite number, got ${value}`, context);
}

/** @throws TuneError `tune-diverged` after MAX_STRIKES steps in a row with an exploded loss. */
export function watchLoss(state: DivergenceState, loss: number, context: StepContext): DivergenceState {
  if (state.baselineSteps < BASELINE_STEPS) {
    const baselineSteps = state.baselineSteps + 1;
    return { ...state, baselineSteps, baseline: state.baseline + (loss - state.baseline) / baselineSteps };
  }
  const limit = EXPLOSION_FACTOR * Math.max(1, Math.abs(state.baseline));
  const strikes = loss > limit ? state.strikes + 1 : 0;
  if (strikes >= MAX_STRIKES) {
    throw diverged(`loss: expected less than ${limit.toPrecision(4)}, got ${loss.toPrecision(4)}`, context);
  }
  return { ...state, strikes };
}

function diverged(what: string, { step, ids, lastCheckpoint }: StepContext): TuneError {
  const named = ids.slice(0, MAX_IDS).join(', ') + (ids.length > MAX_IDS ? `, … (${ids.length} in all)` : '');
  const checkpoint = lastCheckpoint === null ? 'no checkpoint yet' : `last good checkpoint ${lastCheckpoint}`;
  return new TuneError('tune-diverged', `step ${step}: ${what}; samples ${named}; ${checkpoint}`, {
    hint: 'lower the learning rate, lengthen the warm-up, or look at the samples named',
  });
}
