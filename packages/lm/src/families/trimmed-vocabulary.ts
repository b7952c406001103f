/**
 * Embedding and head over some of the tokens only. Ids stay those of the whole vocabulary everywhere outside: what is
 * dropped can be neither read nor said. With the tokens K that are kept, log-probabilities are those of the whole model
 * with every other token ruled out: log p(t | K) = log p(t) − log Σ_{v ∈ K} p(v).
 *
 * Legend: V vocabulary, W kept tokens, C hidden size.
 */
import { createParameter, type DeviceBuffer, type FloatType, type Kernels, type Parameter } from '@tuiqiao/tensor';
import { LmError } from '../errors.ts';

/** Logit of a token that was dropped. Finite: 0 · −∞ would make NaN of entropies. */
const RULED_OUT = -1e30;

export class TrimmedVocabulary {
  /** [W] ascending */
  readonly ids: Int32Array;
  /** [V] place of each token among the kept ones, or −1. */
  readonly #places: Int32Array;

  /** @throws LmError `batch-invalid` for ids outside the vocabulary, or none */
  constructor(ids: Iterable<number>, vocabSize: number) {
    const sorted = Int32Array.from(new Set(ids)).sort();
    if (sorted.length === 0 || sorted[0]! < 0 || sorted.at(-1)! >= vocabSize) {
      const got = sorted.length === 0 ? 'none' : `${sorted[0]} to ${sorted.at(-1)}`;
      throw new LmError('batch-invalid', `trimVocabulary: expected token ids below ${vocabSize}, got ${got}`);
    }
    this.ids = sorted;
    this.#places = new Int32Array(vocabSize).fill(-1);
    for (const [place, id] of sorted.entries()) this.#places[id] = place;
  }

  /** @throws LmError `token-trimmed` */
  placesOf(ids: Int32Array): Int32Array {
    return ids.map((id) => {
      const place = this.#places[id]!;
      if (place < 0) {
        throw new LmError('token-trimmed', `batch: expected tokens of the trimmed vocabulary, got ${id}`, {
          hint: 'Switch trimVocabulary off, or keep this token too.',
        });
      }
      return place;
    });
  }

  /** The rows of a matrix [V, C] that are kept, as a frozen matrix [W, C]. */
  trim(kernels: Kernels, { name, shape, value, compute }: Parameter): Parameter {
    const [C, W] = [shape[1]!, this.ids.length];
    const trimmed = createParameter(kernels, name, [W, C], {
      type: value.dtype as FloatType,
      computeType: compute.dtype as FloatType,
    });
    const rows = kernels.allocate('i32', W);
    kernels.write(rows, this.ids);
    const gather = (out: DeviceBuffer, x: DeviceBuffer) => kernels.gatherRows(out, x, rows, { R: W, C });
    gather(trimmed.value, value);
    if (trimmed.compute !== trimmed.value) gather(trimmed.compute, compute);
    return trimmed;
  }

  /** Logits [B, W] → [B, V]. */
  widen(logits: Float32Array): Float32Array {
    const [W, V] = [this.ids.length, this.#places.length];
    const rows = logits.length / W;
    const wide = new Float32Array(rows * V).fill(RULED_OUT);
    for (let row = 0; row < rows; row++) {
      for (let place = 0; place < W; place++) wide[row * V + this.ids[place]!] = logits[row * W + place]!;
    }
    return wide;
  }
}
