/** Do two forms of a model say the same? Logits of the same held-out poems, row by row. */
import { createArena, Tape } from '@tuiqiao/tensor';
import { type Example, packSequences } from '@tuiqiao/tune';
import { poemExample } from './examples.ts';
import { heldOutPoems } from './held-out.ts';
import type { OpenedModel } from './models.ts';

const FORMS = ['五绝', '七绝', '五律'];
const POEMS_PER_FORM = 2;
const SEED = 42;

export interface LogitDifference {
  /** Token positions compared. */
  readonly positions: number;
  readonly largestLogitDifference: number;
  /** Mean Kullback–Leibler divergence from the first form, nats. */
  readonly meanDivergence: number;
  /** Share of positions where both find the same token likeliest. */
  readonly sameTop: number;
}

/** The poems both forms read. */
export async function probeExamples({ tokenizer }: OpenedModel): Promise<Example[]> {
  const held = await heldOutPoems(FORMS, POEMS_PER_FORM, SEED);
  return held.map(({ poem, request }) => poemExample(poem, request, tokenizer));
}

/** Logits of every position, one array a poem: a whole batch of a large vocabulary would be gigabytes. */
export async function probeLogits({ model }: OpenedModel, examples: readonly Example[]): Promise<Float32Array[]> {
  const arena = createArena(model.kernels);
  const all: Float32Array[] = [];
  for (const example of examples) {
    arena.reset();
    const tape = new Tape(model.kernels, arena, { computeType: model.computeType, isRecording: false });
    all.push(await model.kernels.read(model.logits(packSequences([example]).batch, tape).buffer));
  }
  return all;
}

/** @param V vocabulary */
export function compareLogits(
  first: readonly Float32Array[],
  second: readonly Float32Array[],
  V: number,
): LogitDifference {
  let positions = 0;
  let largest = 0;
  let divergence = 0;
  let same = 0;
  for (const [i, a] of first.entries()) {
    const b = second[i]!;
    for (let start = 0; start < a.length; start += V) {
      const [p, q] = [a.subarray(start, start + V), b.subarray(start, start + V)];
      positions++;
      const [pLog, qLog] = [logSum(p), logSum(q)];
      let [pTop, qTop] = [0, 0];
      for (let v = 0; v < V; v++) {
        largest = Math.max(largest, Math.abs(p[v]! - q[v]!));
        if (p[v]! > p[pTop]!) pTop = v;
        if (q[v]! > q[qTop]!) qTop = v;
        const log = p[v]! - pLog;
        divergence += Math.exp(log) * (log - (q[v]! - qLog));
      }
      if (pTop === qTop) same++;
    }
  }
  const n = Math.max(1, positions);
  return { positions, largestLogitDifference: largest, meanDivergence: divergence / n, sameTop: same / n };
}

function logSum(values: Float32Array): number {
  let largest = -Infinity;
  for (const value of values) largest = Math.max(largest, value);
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  return largest + Math.log(sum);
}
