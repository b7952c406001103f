/**
 * From one row of logits to one token. Nothing is ever sorted but a few equals: the inverse of the weights' running sum is
 * walked, block by block where every token may be drawn; top-k keeps a heap of k, top-p a histogram of masses. (Typical
 * sampling, rarely asked for, does sort.)
 */

import type { SamplingSettings, TokenChoice, TokenRequest } from '../contract/sampling.ts';
import type { DeviceBuffer } from '../contract.ts';
import { asHost } from '../host-buffer.ts';
import { type Exponents, expOfNegative, exponentiate, SUM_BLOCK, sumExponentials } from './exponential.ts';

export async function chooseTokens(
  logits: DeviceBuffer,
  requests: readonly TokenRequest[],
  { V }: { V: number },
): Promise<TokenChoice[]> {
  const sampler = new Sampler(V);
  return requests.map((request) => sampler.choose(rowOf(logits, request, V), request));
}

export async function tokenProbabilities(
  logits: DeviceBuffer,
  request: TokenRequest,
  { V }: { V: number },
): Promise<Float64Array> {
  return new Sampler(V).probabilities(rowOf(logits, request, V), request);
}

function rowOf(logits: DeviceBuffer, { row }: TokenRequest, V: number): Float32Array {
  return asHost(logits.view(row * V, V)).array as Float32Array;
}

/** Tokens that may be drawn, with unnormalised weights; `ids` null means that weight i belongs to token i. */
interface Candidates {
  readonly ids: Int32Array | null;
  readonly count: number;
  readonly sum: number;
}

/** Buckets of the top-p histogram: the upper bits of a weight's own representation, 64 per power of two. */
const MASS_BUCKETS = 4096;
const BUCKET_SHIFT = 14;
/** Upper word of 1.0, the largest weight. */
const ONE_BITS = 0x3ff00000;
const NOTHING: Candidates = { ids: null, count: 0, sum: 0 };

/** Holds the scratch memory of one vocabulary size. */
class Sampler {
  /** Weights of the candidates, relative to the best token. */
  readonly #weights: Float64Array;
  /** The same memory as words: [2i + 1] is the upper half of weight i. */
  readonly #words: Uint32Array;
  readonly #ids: Int32Array;
  readonly #scratch: Float64Array;
  /** Weights of a block of tokens added up. */
  readonly #sums: Float64Array;
  readonly #masses = new Float64Array(MASS_BUCKETS);

  constructor(vocabSize: number) {
    this.#sums = new Float64Array(Math.ceil(vocabSize / SUM_BLOCK));
    this.#weights = new Float64Array(vocabSize);
    this.#words = new Uint32Array(this.#weights.buffer);
    this.#ids = new Int32Array(vocabSize);
    this.#scratch = new Float64Array(vocabSize);
  }

  choose(logits: Float32Array, request: TokenRequest): TokenChoice {
    const { mask } = request;
    const best = maximum(logits);
    const sum = sumExponentials(this.#sums, logits, { best, temperature: 1 });
    if (!Number.isFinite(best) || Number.isNaN(sum)) return { id: null, logProb: Number.NaN, allowedMass: Number.NaN };
    const allowedMass = mask === null ? 1 : sumAllowed(logits, mask, best) / sum;
    const restore = change(logits, request);
    const id = this.#chooseId(logits, request);
    restore();
    if (id < 0) return { id: null, logProb: Number.NEGATIVE_INFINITY, allowedMass };
    return { id, logProb: logits[id]! - (best + Math.log(sum)), allowedMass };
  }

  #chooseId(logits: Float32Array, { settings, mask, uniform }: TokenRequest): number {
    if (settings.temperature === 0) return bestAllowed(logits, mask);
    if (mask !== null || hasFilters(settings)) return this.#draw(this.#pool(logits, mask, settings), uniform);
    const best = maximum(logits);
    // Bans may have ruled out every token.
    if (best === Number.NEGATIVE_INFINITY) return -1;
    return this.#drawFromAll(logits, { best, temperature: settings.temperature }, uniform);
  }

  probabilities(logits: Float32Array, request: TokenRequest): Float64Array {
    const restore = change(logits, request);
    const { ids, count, sum } = this.#pool(logits, request.mask, request.settings);
    const probabilities = new Float64Array(logits.length);
    for (let i = 0; i < count; i++) probabilities[ids === null ? i : ids[i]!] = this.#weights[i]! / sum;
    restore();
    return probabilities;
  }

  #pool(logits: Float32Array, mask: Uint32Array | null, settings: SamplingSettings): Candidates {
    return this.#filter(this.#reweigh(logits, mask, settings.temperature), settings);
  }

  /** Weights at the temperature, of the allowed tokens. */
  #reweigh(logits: Float32Array, mask: Uint32Array | null, temperature: number): Candidates {
    if (mask === null) {
      const best = maximum(logits);
      // Bans may have ruled out every token.
      if (best === Number.NEGATIVE_INFINITY) return NOTHING;
      return { ids: null, count: logits.length, sum: exponentiate(this.#weights, logits, { best, temperature }) };
    }
    const bestId = bestAllowed(logits, mask);
    if (bestId < 0) return NOTHING;
    const best = logits[bestId]!;
    const inverse = 1 / temperature;
    let count = 0;
    let sum = 0;
    for (let word = 0; word < mask.length; word++) {
      for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
        const v = word * 32 + 31 - Math.clz32(bits & -bits);
        if (v >= logits.length) break;
        const weight = expOfNegative((logits[v]! - best) * inverse);
        this.#ids[count] = v;
        this.#weights[count++] = weight;
        sum += weight;
      }
    }
    return { ids: this.#ids, count, sum };
  }

  /** Top-k, top-p, min-p, typical. Weights are relative to the best token, which has weight 1 and survives the first three. */
  #filter(all: Candidates, { topK, topP, minP, typicalP }: SamplingSettings): Candidates {
    let pool = all;
    if (topK > 0 && topK < pool.count) pool = this.#keepWeights(pool, this.#kthLargest(pool.count, topK));
    if (topP < 1 && pool.count > 0) pool = this.#keepWeights(pool, this.#topPThreshold(pool, topP));
    if (minP > 0) pool = this.#keepWeights(pool, minP);
    if (typicalP < 1 && pool.count > 0) pool = this.#keepTypical(pool, typicalP);
    return pool;
  }

  /** Candidates whose weight is at least `threshold`, moved to the front of the scratch arrays. */
  #keepWeights(pool: Candidates, threshold: number): Candidates {
    let count = 0;
    let sum = 0;
    for (let i = 0; i < pool.count; i++) {
      const weight = this.#weights[i]!;
      if (weight < threshold) continue;
      this.#ids[count] = pool.ids === null ? i : pool.ids[i]!;
      this.#weights[count++] = weight;
      sum += weight;
    }
    return { ids: this.#ids, count, sum };
  }

  /** Candidates in the order of |−log p − entropy| until their share reaches `typicalP`, and equals of the last. */
  #keepTypical({ ids, count, sum }: Candidates, typicalP: number): Candidates {
    let entropy = 0;
    for (let i = 0; i < count; i++) {
      const p = this.#weights[i]! / sum;
      if (p > 0) entropy -= p * Math.log(p);
    }
    const distances = this.#scratch;
    for (let i = 0; i < count; i++) distances[i] = Math.abs(-Math.log(this.#weights[i]! / sum) - entropy);
    const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => distances[a]! - distances[b]!);
    let mass = 0;
    let last = 0;
    while (last < count - 1 && mass + this.#weights[order[last]!]! < typicalP * sum)
      mass += this.#weights[order[last++]!]!;
    const limit = distances[order[last]!]!;
    let kept = 0;
    let keptSum = 0;
    for (let i = 0; i < count; i++) {
      if (distances[i]! > limit) continue;
      const weight = this.#weights[i]!;
      this.#ids[kept] = ids === null ? i : ids[i]!;
      this.#weights[kept++] = weight;
      keptSum += weight;
    }
    return { ids: this.#ids, count: kept, sum: keptSum };
  }

  /** Through a heap of the k largest so far, the smallest at its root. */
  #kthLargest(count: number, k: number): number {
    const heap = this.#scratch.subarray(0, k);
    heap.set(this.#weights.subarray(0, k));
    for (let i = (k >> 1) - 1; i >= 0; i--) siftDown(heap, i);
    for (let i = k; i < count; i++) {
      if (this.#weights[i]! <= heap[0]!) continue;
      heap[0] = this.#weights[i]!;
      siftDown(heap, 0);
    }
    return heap[0]!;
  }

  /** The smallest weight in the smallest set of best tokens whose share reaches `topP`. */
  #topPThreshold({ count, sum }: Candidates, topP: number): number {
    const masses = this.#masses.fill(0);
    for (let i = 0; i < count; i++) masses[this.#bucketOf(i)]! += this.#weights[i]!;
    const wanted = topP * sum;
    let mass = 0;
    let bucket = 0;
    while (bucket < MASS_BUCKETS - 1 && mass + masses[bucket]! < wanted) mass += masses[bucket++]!;
    let equals = 0;
    for (let i = 0; i < count; i++) if (this.#bucketOf(i) === bucket) this.#scratch[equals++] = this.#weights[i]!;
    const sorted = this.#scratch.subarray(0, equals).sort();
    for (let i = equals - 1; i > 0; i--) {
      mass += sorted[i]!;
      if (mass >= wanted) return sorted[i]!;
    }
    return sorted[0] ?? 0;
  }

  /** 0 for the largest weights; monotone, as the bits of positive floats are. */
  #bucketOf(i: number): number {
    return Math.min(MASS_BUCKETS - 1, (ONE_BITS - this.#words[2 * i + 1]!) >> BUCKET_SHIFT);
  }

  /** The same over every token, first by blocks, then within one. `best` is the largest logit. */
  #drawFromAll(logits: Float32Array, { best, temperature }: Exponents, uniform: number): number {
    const sums = this.#sums;
    let left = uniform * sumExponentials(sums, logits, { best, temperature });
    let block = 0;
    while (block < sums.length - 1 && (sums[block] === 0 || left >= sums[block]!)) left -= sums[block++]!;
    // Rounding may leave a rest past the last weight: the last token that has any is meant then.
    while (block > 0 && sums[block] === 0) block--;
    const inverse = 1 / temperature;
    const end = Math.min(logits.length, (block + 1) * SUM_BLOCK);
    let last = -1;
    for (let v = block * SUM_BLOCK; v < end; v++) {
      const weight = expOfNegative((logits[v]! - best) * inverse);
      if (weight === 0) continue;
      last = v;
      left -= weight;
      if (left < 0) break;
    }
    return last;
  }

  /** Walks the running sum of the weights to `uniform` of the total; −1 without candidates. */
  #draw({ ids, count, sum }: Candidates, uniform: number): number {
    let left = uniform * sum;
    let last = -1;
    for (let i = 0; i < count; i++) {
      const weight = this.#weights[i]!;
      if (weight === 0) continue;
      last = i;
      left -= weight;
      if (left < 0) break;
    }
    return last < 0 || ids === null ? last : ids[last]!;
  }
}

/** Sum of the weights that the mask leaves, relative to the best token of all. */
function sumAllowed(logits: Float32Array, mask: Uint32Array, best: number): number {
  let sum = 0;
  for (let word = 0; word < mask.length; word++) {
    for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
      const v = word * 32 + 31 - Math.clz32(bits & -bits);
      if (v < logits.length) sum += expOfNegative(logits[v]! - best);
    }
  }
  return sum;
}

function hasFilters({ topK, topP, minP, typicalP }: SamplingSettings): boolean {
  return topK > 0 || topP < 1 || minP > 0 || typicalP < 1;
}

/** Applies penalties, bans and bias in place and returns the way back. */
function change(logits: Float32Array, { settings, context, counts, banned, bias }: TokenRequest): () => void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = settings;
  const original = bias === null ? null : logits.slice();
  const replaced = new Map<number, number>();
  const replace = (id: number, value: number): void => {
    if (!replaced.has(id)) replaced.set(id, logits[id]!);
    logits[id] = value;
  };
  if (repetitionPenalty !== 1) {
    for (const id of context) {
      const logit = logits[id]!;
      replace(id, logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty);
    }
  }
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    for (const [id, count] of counts) replace(id, logits[id]! - presencePenalty - frequencyPenalty * count);
  }
  for (const id of banned) replace(id, Number.NEGATIVE_INFINITY);
  if (bias !== null) for (let v = 0; v < bias.length; v++) logits[v]! += bias[v]!;
  return () => {
    if (original !== null) logits.set(original);
    else for (const [id, value] of replaced) logits[id] = value;
  };
}

function maximum(logits: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY;
  for (let v = 0; v < logits.length; v++) if (logits[v]! > best) best = logits[v]!;
  return best;
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
