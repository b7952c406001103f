/**
 * From one row of logits to one token. Without top-k and top-p no list is ever sorted: weights are exponentiated once
 * and the inverse of their running sum is walked. With them, only tokens that can survive are sorted.
 */
import { LmError } from '../errors.ts';
import type { ResolvedSampling } from './sampling-options.ts';
import type { TokenHistory } from './token-history.ts';

export interface Choice {
  readonly id: number;
  /** Natural log of its probability in the model's own distribution: no mask, penalty or temperature. */
  readonly logProb: number;
}

/** Tokens that may be drawn, with unnormalised weights; `ids` null means that weight i belongs to token i. */
export interface Candidates {
  readonly ids: Int32Array | null;
  readonly weights: Float64Array;
  readonly count: number;
  readonly sum: number;
}

const EMPTY_HISTORY: TokenHistory = { context: new Set(), counts: new Map() };

/** Holds the scratch memory of one vocabulary size; not to be shared between concurrent generations. */
export class Sampler {
  readonly #options: ResolvedSampling;
  readonly #weights: Float64Array;
  readonly #ids: Int32Array;
  readonly #sorted: Float64Array;

  constructor(vocabSize: number, options: ResolvedSampling) {
    this.#options = options;
    this.#weights = new Float64Array(vocabSize);
    this.#ids = new Int32Array(vocabSize);
    this.#sorted = new Float64Array(vocabSize);
  }

  /**
   * Chooses a token. `uniform` is called once, and not at all when greedy.
   * @param logits [V]; left as it was
   * @param mask bit v of word ⌊v/32⌋ set: token v may be chosen; null: all may
   * @returns null when the mask allows nothing
   * @throws LmError `generation-invalid` when the model's logits are not numbers
   */
  choose(logits: Float32Array, mask: Uint32Array | null, history: TokenHistory, uniform: () => number): Choice | null {
    const logSum = logSumExp(logits);
    if (Number.isNaN(logSum)) throw new LmError('generation-invalid', 'generate: expected finite logits, got NaN');
    const restore = penalise(logits, history, this.#options);
    const id =
      this.#options.temperature === 0 ? bestAllowed(logits, mask) : draw(this.candidates(logits, mask), uniform());
    restore();
    return id < 0 ? null : { id, logProb: logits[id]! - logSum };
  }

  /** The distribution sampled from, after penalties (which `choose` applies to `logits` beforehand). */
  candidates(logits: Float32Array, mask: Uint32Array | null): Candidates {
    const { temperature, topK, topP, minP } = this.#options;
    const best = mask === null ? maximum(logits) : maximumAllowed(logits, mask);
    if (best === Number.NEGATIVE_INFINITY) return { ids: this.#ids, weights: this.#weights, count: 0, sum: 0 };
    let pool = mask === null ? this.#allWeights(logits, best, temperature) : this.#allowedWeights(logits, mask, best);
    if (topK > 0 && topK < pool.count) pool = this.#keepWeights(pool, this.#kthLargest(pool, topK));
    if (topP < 1) pool = this.#keepWeights(pool, this.#topPThreshold(pool, topP));
    // Weights are relative to the best token, which has weight 1 and survives everything above.
    if (minP > 0) pool = this.#keepWeights(pool, minP);
    return pool;
  }

  #allWeights(logits: Float32Array, best: number, temperature: number): Candidates {
    const weights = this.#weights;
    const inverse = 1 / temperature;
    let sum = 0;
    for (let v = 0; v < logits.length; v++) {
      const weight = Math.exp((logits[v]! - best) * inverse);
      weights[v] = weight;
      sum += weight;
    }
    return { ids: null, weights, count: logits.length, sum };
  }

  #allowedWeights(logits: Float32Array, mask: Uint32Array, best: number): Candidates {
    const inverse = 1 / this.#options.temperature;
    let count = 0;
    let sum = 0;
    for (let word = 0; word < mask.length; word++) {
      for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
        const v = word * 32 + 31 - Math.clz32(bits & -bits);
        if (v >= logits.length) break;
        const weight = Math.exp((logits[v]! - best) * inverse);
        this.#ids[count] = v;
        this.#weights[count++] = weight;
        sum += weight;
      }
    }
    return { ids: this.#ids, weights: this.#weights, count, sum };
  }

  /** Candidates whose weight is at least `threshold`, moved to the front of the scratch arrays. */
  #keepWeights(pool: Candidates, threshold: number): Candidates {
    let count = 0;
    let sum = 0;
    for (let i = 0; i < pool.count; i++) {
      const weight = pool.weights[i]!;
      if (weight < threshold) continue;
      this.#ids[count] = pool.ids === null ? i : pool.ids[i]!;
      this.#weights[count++] = weight;
      sum += weight;
    }
    return { ids: this.#ids, weights: this.#weights, count, sum };
  }

  #kthLargest(pool: Candidates, k: number): number {
    // A heap of the k largest so far, smallest at its root.
    const heap = this.#sorted.subarray(0, k);
    heap.set(pool.weights.subarray(0, k));
    for (let i = (k >> 1) - 1; i >= 0; i--) siftDown(heap, i);
    for (let i = k; i < pool.count; i++) {
      if (pool.weights[i]! <= heap[0]!) continue;
      heap[0] = pool.weights[i]!;
      siftDown(heap, 0);
    }
    return heap[0]!;
  }

  /** The smallest weight in the smallest set of best tokens whose share reaches `topP`. */
  #topPThreshold(pool: Candidates, topP: number): number {
    // The tail that is cut has mass at most 1 − topP; all tokens below (1 − topP)/count together stay within it.
    const tail = (1 - topP) * pool.sum;
    const floor = tail / pool.count;
    let count = 0;
    let below = 0;
    for (let i = 0; i < pool.count; i++) {
      const weight = pool.weights[i]!;
      if (weight < floor) below += weight;
      else this.#sorted[count++] = weight;
    }
    const sorted = this.#sorted.subarray(0, count).sort();
    let cut = below;
    for (let i = 0; i < count - 1; i++) {
      cut += sorted[i]!;
      if (cut > tail) return sorted[i]!;
    }
    return sorted[count - 1]!;
  }
}

/** For tests and tools: the probabilities that `choose` would draw from, [V]. */
export function samplingProbabilities(
  logits: Float32Array,
  options: ResolvedSampling,
  mask: Uint32Array | null = null,
  history: TokenHistory = EMPTY_HISTORY,
): Float64Array {
  const penalised = logits.slice();
  penalise(penalised, history, options);
  const { ids, weights, count, sum } = new Sampler(logits.length, options).candidates(penalised, mask);
  const probabilities = new Float64Array(logits.length);
  for (let i = 0; i < count; i++) probabilities[ids === null ? i : ids[i]!] = weights[i]! / sum;
  return probabilities;
}

/** Applies the penalties in place and returns the way back. */
function penalise(logits: Float32Array, history: TokenHistory, options: ResolvedSampling): () => void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = options;
  const changed = new Map<number, number>();
  const change = (id: number, value: number): void => {
    if (!changed.has(id)) changed.set(id, logits[id]!);
    logits[id] = value;
  };
  if (repetitionPenalty !== 1) {
    for (const id of history.context) {
      const logit = logits[id]!;
      change(id, logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty);
    }
  }
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    for (const [id, count] of history.counts) change(id, logits[id]! - presencePenalty - frequencyPenalty * count);
  }
  return () => {
    for (const [id, value] of changed) logits[id] = value;
  };
}

/** Walks the running sum of the weights to `uniform` of the total; −1 without candidates. */
function draw({ ids, weights, count, sum }: Candidates, uniform: number): number {
  let left = uniform * sum;
  let last = -1;
  for (let i = 0; i < count; i++) {
    const weight = weights[i]!;
    if (weight === 0) continue;
    last = i;
    left -= weight;
    if (left < 0) break;
  }
  return last < 0 || ids === null ? last : ids[last]!;
}

/** log Σ exp. */
function logSumExp(logits: Float32Array): number {
  const best = maximum(logits);
  let sum = 0;
  for (let v = 0; v < logits.length; v++) sum += Math.exp(logits[v]! - best);
  return best + Math.log(sum);
}

function maximum(logits: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let v = 0; v < logits.length; v++) if (logits[v]! > best) best = logits[v]!;
  return best;
}

function maximumAllowed(logits: Float32Array, mask: Uint32Array): number {
  const id = bestAllowed(logits, mask);
  return id < 0 ? Number.NEGATIVE_INFINITY : logits[id]!;
}

/** Arg-max over the allowed tokens, the lowest id on a tie; −1 when there are none. */
function bestAllowed(logits: Float32Array, mask: Uint32Array | null): number {
  let best = Number.NEGATIVE_INFINITY;
  let id = -1;
  if (mask === null) {
    for (let v = 0; v < logits.length; v++) {
      if (logits[v]! > best) {
        best = logits[v]!;
        id = v;
      }
    }
    return id;
  }
  for (let word = 0; word < mask.length; word++) {
    for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
      const v = word * 32 + 31 - Math.clz32(bits & -bits);
      if (v < logits.length && logits[v]! > best) {
        best = logits[v]!;
        id = v;
      }
    }
  }
  return id;
}

function siftDown(heap: Float64Array, start: number): void {
  let parent = start;
  for (;;) {
    let child = 2 * parent + 1;
    if (child >= heap.length) return;
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child++;
    if (heap[parent]! <= heap[child]!) return;
    const kept = heap[parent]!;
    heap[parent] = heap[child]!;
    heap[child] = kept;
    parent = child;
  }
}
