/** Averages of the steps since the last step-end event. Plain numbers, so that a resumed run logs what an uninterrupted one would. */
import type { Metrics } from '@tuiqiao/schema';

export interface StepLogState {
  readonly steps: number;
  readonly loss: number;
  readonly gradNorm: number;
  readonly tokens: number;
  /** Sums, over the steps that had the metric. */
  readonly metrics: Metrics;
  /** How many steps had it; absent in checkpoints of earlier versions, where all had. */
  readonly metricSteps?: Readonly<Record<string, number>>;
}

export const emptyStepLog: StepLogState = { steps: 0, loss: 0, gradNorm: 0, tokens: 0, metrics: {}, metricSteps: {} };

/** Sums one more step in. */
export function addStep(
  log: StepLogState,
  step: { loss: number; gradNorm: number; tokens: number; metrics: Metrics },
): StepLogState {
  return {
    steps: log.steps + 1,
    loss: log.loss + step.loss,
    gradNorm: log.gradNorm + step.gradNorm,
    tokens: log.tokens + step.tokens,
    metrics: addMetrics(log.metrics, step.metrics),
    metricSteps: countMetrics(log, step.metrics),
  };
}

function countMetrics(log: StepLogState, metrics: Metrics): Record<string, number> {
  const counts: Record<string, number> = { ...log.metricSteps };
  for (const name of Object.keys(log.metrics)) counts[name] ??= log.steps;
  for (const name of Object.keys(metrics)) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Means, each over the steps that had the metric. */
export function meanMetrics(log: StepLogState): Metrics {
  return Object.fromEntries(
    Object.entries(log.metrics).map(([name, sum]) => [name, sum / (log.metricSteps?.[name] ?? log.steps)]),
  );
}

export function addMetrics(a: Metrics, b: Metrics): Metrics {
  const sum: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

/** Shares of one step put together: sums, but the least of what ends in `_min` and the most of what ends in `_max`. */
export function mergeShares(a: Metrics, b: Metrics): Metrics {
  const merged: Record<string, number> = { ...a };
  for (const [name, value] of Object.entries(b)) {
    const before = merged[name];
    if (before === undefined) merged[name] = value;
    else if (name.endsWith('_min')) merged[name] = Math.min(before, value);
    else if (name.endsWith('_max')) merged[name] = Math.max(before, value);
    else merged[name] = before + value;
  }
  return merged;
}
