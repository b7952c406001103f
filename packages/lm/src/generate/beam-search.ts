/**
 * Beam search as transformers does it: the best `beams` continuations of all beams go on; those that end are kept when
 * their score, Σ log p / length^lengthPenalty, is among the best; it stops when no open beam can still beat them.
 * Legend: B beams, V vocabulary.
 */
import { setImmediate } from 'node:timers/promises';
import { LmError } from '../errors.ts';
import type { LanguageModel } from '../language-model.ts';
import { repeatingIds } from './token-history.ts';

export interface BeamOptions {
  /** Beams kept at every step. */
  readonly beams: number;
  readonly maxNewTokens: number;
  /** Results returned, best first; at most `beams`. Default 1. */
  readonly returnSequences?: number;
  /** Exponent of the length in the score; above 0 favours longer texts. Default 1. */
  readonly lengthPenalty?: number;
  /**
   * true: stop as soon as `beams` sequences have ended; false: when the best open beam, at its present length, is worse
   * than the worst ended one; `never`: when it could not become better at any length. Default false.
   */
  readonly earlyStopping?: boolean | 'never';
  /** Default: the config's end tokens. */
  readonly stopIds?: readonly number[];
  readonly noRepeatNgramSize?: number;
  readonly signal?: AbortSignal;
}

export interface BeamSequence {
  /** New tokens, without the stop token. */
  readonly ids: readonly number[];
  /** Σ log p / length^lengthPenalty; the length counts the stop token. */
  readonly score: number;
  readonly finish: 'stop' | 'length';
}

interface Beam {
  readonly ids: readonly number[];
  readonly logProb: number;
}

interface Candidate extends Beam {
  /** Beam it continues. */
  readonly parent: number;
}

/** @throws LmError `generation-invalid`; the signal's reason when aborted */
export async function beamSearch(
  model: LanguageModel,
  prompt: readonly number[],
  options: BeamOptions,
): Promise<BeamSequence[]> {
  const { beams: B, maxNewTokens, returnSequences = 1, lengthPenalty = 1, earlyStopping = false } = options;
  check(options, returnSequences, prompt, model);
  const V = model.config.vocabSize;
  const limit = Math.min(maxNewTokens, model.config.maxPositions - prompt.length);
  const stopIds = new Set(options.stopIds ?? model.config.eosTokenIds);
  // Two sets of slots: a beam's children may outnumber it, and copies must not overwrite what is still to be copied.
  const cache = model.createCache(2 * B, prompt.length + limit);
  const scoreOf = (logProb: number, length: number) => logProb / length ** lengthPenalty;
  const keep = Math.max(2, 1 + stopIds.size) * B;

  let finished: BeamSequence[] = [];
  let open: Beam[] = [{ ids: [], logProb: 0 }];
  let slots = [0];
  let logits = await model.extend(cache, [{ slot: 0, ids: [...prompt] }]);
  for (let length = 1; ; length++) {
    options.signal?.throwIfAborted();
    const candidates = bestContinuations(open, logits, V, keep, prompt, options.noRepeatNgramSize ?? 0);
    const ends = (candidate: Candidate) => stopIds.has(candidate.ids.at(-1)!) || length >= limit;
    const isClosed = earlyStopping === true && finished.length >= B;
    if (!isClosed) {
      const ended = candidates.slice(0, B).filter(ends);
      finished = [
        ...finished,
        ...ended.map((candidate) => finish(candidate, stopIds, scoreOf(candidate.logProb, length))),
      ];
      finished.sort((a, b) => b.score - a.score).splice(B);
    }
    const next = candidates.filter((candidate) => !ends(candidate)).slice(0, B);
    if (next.length === 0 || (earlyStopping === true && finished.length >= B)) break;
    const hypothetical = earlyStopping === 'never' && lengthPenalty > 0 ? limit : length;
    if (finished.length >= B && scoreOf(next[0]!.logProb, hypothetical) <= finished.at(-1)!.score) break;

    const spare = Array.from({ length: 2 * B }, (_, slot) => slot).filter((slot) => !slots.includes(slot));
    const nextSlots = next.map((candidate, i) => {
      cache.copySlot(slots[candidate.parent]!, spare[i]!);
      return spare[i]!;
    });
    open = next;
    slots = nextSlots;
    logits = await model.extend(
      cache,
      next.map((candidate, i) => ({ slot: nextSlots[i]!, ids: [candidate.ids.at(-1)!] })),
    );
    await setImmediate();
  }
  return finished.slice(0, returnSequences);
}

/** The `count` best of all continuations of all beams, best first. */
function bestContinuations(
  beams: readonly Beam[],
  logits: Float32Array,
  V: number,
  count: number,
  prompt: readonly number[],
  ngram: number,
): Candidate[] {
  const best: { parent: number; id: number; logProb: number }[] = [];
  for (const [parent, beam] of beams.entries()) {
    const row = logits.subarray(parent * V, (parent + 1) * V);
    const banned = ngram > 0 ? repeatingIds([...prompt, ...beam.ids], ngram) : null;
    const logSum = logSumExp(row);
    for (let id = 0; id < V; id++) {
      const logProb = beam.logProb + row[id]! - logSum;
      if (best.length === count && logProb <= best[count - 1]!.logProb) continue;
      if (banned?.has(id)) continue;
      let at = best.length;
      while (at > 0 && best[at - 1]!.logProb < logProb) at--;
      best.splice(at, 0, { parent, id, logProb });
      if (best.length > count) best.pop();
    }
  }
  return best.map(({ parent, id, logProb }) => ({ parent, ids: [...beams[parent]!.ids, id], logProb }));
}

function finish({ ids }: Candidate, stopIds: ReadonlySet<number>, score: number): BeamSequence {
  return stopIds.has(ids.at(-1)!) ? { ids: ids.slice(0, -1), score, finish: 'stop' } : { ids, score, finish: 'length' };
}

function logSumExp(row: Float32Array): number {
  let best = Number.NEGATIVE_INFINITY;
  for (const logit of row) if (logit > best) best = logit;
  let sum = 0;
  for (const logit of row) sum += Math.exp(logit - best);
  if (!Number.isFinite(sum)) throw new LmError('generation-invalid', 'beamSearch: expected finite logits');
  return best + Math.log(sum);
}

function check(options: BeamOptions, returnSequences: number, prompt: readonly number[], model: LanguageModel): void {
  const { beams, maxNewTokens } = options;
  if (!Number.isInteger(beams) || beams < 1 || returnSequences < 1 || returnSequences > beams) {
    throw new LmError(
      'generation-invalid',
      `beamSearch: expected 1 ≤ returnSequences ≤ beams, got ${returnSequences} and ${beams}`,
    );
  }
  const room = model.config.maxPositions - prompt.length;
  if (prompt.length === 0 || room < 1 || !Number.isInteger(maxNewTokens) || maxNewTokens < 1) {
    throw new LmError(
      'generation-invalid',
      `beamSearch: expected a prompt of 1 to ${model.config.maxPositions - 1} tokens and maxNewTokens ≥ 1, got ${prompt.length} and ${maxNewTokens}`,
    );
  }
}
