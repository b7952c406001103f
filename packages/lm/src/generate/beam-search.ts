/**
 * Beam search as transformers does it: the best `beams` continuations of all beams go on; those that end are kept when
 * their score, Σ log p / length^lengthPenalty, is among the best; it stops when no open beam can still beat them.
 * In groups (diverse beam search, Vijayakumar et al. 2016) each group pays for the tokens that those before it took.
 * Legend: B beams, G groups, V vocabulary.
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
  /** Groups of `beams / beamGroups` that search one after the other at each step (diverse beam search). Default 1. */
  readonly beamGroups?: number;
  /** What a token loses for each beam of an earlier group that took it in the same step, nats. Default 0. */
  readonly diversityPenalty?: number;
  /** Bit set over token ids of what may follow a beam's new tokens; log-probabilities are those before it. */
  readonly mask?: (generated: readonly number[]) => Uint32Array | null;
  /** What is added to the log-probabilities [V] in choosing; asked after `mask`. */
  readonly bias?: (generated: readonly number[]) => Float32Array | null;
  /** True where a token that the mask allows is not to be taken; asked after `mask` of the same beam. */
  readonly reject?: (generated: readonly number[], id: number) => boolean;
  readonly signal?: AbortSignal;
}

export interface BeamSequence {
  /** New tokens, without the stop token. */
  readonly ids: readonly number[];
  /** Log-probability of each, the stop token's included, before masks, biases and penalties. */
  readonly logProbs: readonly number[];
  /** Σ log p / length^lengthPenalty, biases and penalties counted; the length counts the stop token. */
  readonly score: number;
  readonly finish: 'stop' | 'length';
}

interface Beam {
  readonly ids: readonly number[];
  readonly logProbs: readonly number[];
  /** Σ log p, with what biases add and penalties take. */
  readonly score: number;
}

interface Candidate extends Beam {
  /** Beam it continues, within its group. */
  readonly parent: number;
}

/** Beams that compete with one another only. */
interface Group {
  /** Cache slots of the group: two sets, so that copies never overwrite what is still to be copied. */
  readonly ownSlots: readonly number[];
  open: readonly Beam[];
  slots: readonly number[];
  finished: BeamSequence[];
  isDone: boolean;
}

/**
 * Sequences best first; with several groups the best of each group, then the second of each, and so on.
 *
 * @throws LmError `generation-invalid`; the signal's reason when aborted
 */
export async function beamSearch(
  model: LanguageModel,
  prompt: readonly number[],
  options: BeamOptions,
): Promise<BeamSequence[]> {
  const { beams: B, beamGroups: G = 1, maxNewTokens, returnSequences = 1 } = options;
  check(options, returnSequences, prompt, model);
  const V = model.config.vocabSize;
  const limit = Math.min(maxNewTokens, model.config.maxPositions - prompt.length);
  const cache = model.createCache(2 * B, prompt.length + limit);
  const size = B / G;
  const groups = Array.from({ length: G }, (_, g): Group => {
    const ownSlots = Array.from({ length: 2 * size }, (_, i) => 2 * size * g + i);
    return {
      ownSlots,
      open: [{ ids: [], logProbs: [], score: 0 }],
      slots: [2 * size * g],
      finished: [],
      isDone: false,
    };
  });
  const step: StepOptions = {
    ...options,
    prompt,
    V,
    size,
    limit,
    stops: new Set(options.stopIds ?? model.config.eosTokenIds),
  };
  const first = await model.extend(cache, [{ slot: 0, ids: [...prompt] }]);
  for (const group of groups.slice(1)) cache.copySlot(0, group.slots[0]!);
  let rows = groups.map(() => first);
  for (let length = 1; ; length++) {
    options.signal?.throwIfAborted();
    /** How many beams of the groups before took each token in this step. */
    const taken = new Map<number, number>();
    for (const [g, group] of groups.entries()) {
      if (group.isDone) continue;
      const next = advance(group, rows[g]!, taken, length, step);
      for (const { ids } of next) taken.set(ids.at(-1)!, (taken.get(ids.at(-1)!) ?? 0) + 1);
      if (group.isDone) continue;
      const spare = group.ownSlots.filter((slot) => !group.slots.includes(slot));
      for (const [i, { parent }] of next.entries()) cache.copySlot(group.slots[parent]!, spare[i]!);
      group.open = next;
      group.slots = spare.slice(0, next.length);
    }
    const open = groups.filter(({ isDone }) => !isDone);
    if (open.length === 0) break;
    const inputs = open.flatMap(({ open: beams, slots }) =>
      beams.map(({ ids }, i) => ({ slot: slots[i]!, ids: [ids.at(-1)!] })),
    );
    const logits = await model.extend(cache, inputs);
    let row = 0;
    rows = groups.map((group) => {
      const from = row * V;
      if (!group.isDone) row += group.open.length;
      return logits.subarray(from, row * V);
    });
    await setImmediate();
  }
  cache.free();
  const inTurn = Array.from({ length: size }, (_, place) => groups.flatMap(({ finished }) => finished[place] ?? []));
  return (G === 1 ? groups[0]!.finished : inTurn.flat()).slice(0, returnSequences);
}

interface StepOptions extends BeamOptions {
  readonly prompt: readonly number[];
  readonly V: number;
  /** Beams of a group. */
  readonly size: number;
  readonly limit: number;
  readonly stops: ReadonlySet<number>;
}

/** One step of one group: keeps what ends, says whether the group is done; its best beams that no stop token ended. */
function advance(
  group: Group,
  logits: Float32Array,
  taken: ReadonlyMap<number, number>,
  length: number,
  step: StepOptions,
): readonly Candidate[] {
  const { size, limit, stops, lengthPenalty = 1, earlyStopping = false } = step;
  const scoreOf = (score: number, at: number) => score / at ** lengthPenalty;
  const candidates = bestContinuations(group.open, logits, taken, Math.max(2, 1 + stops.size) * size, step);
  const ends = ({ ids }: Candidate) => stops.has(ids.at(-1)!) || length >= limit;
  const isFull = () => group.finished.length >= size;
  if (!(earlyStopping === true && isFull())) {
    const ended = candidates.slice(0, size).filter(ends);
    group.finished.push(...ended.map((candidate) => finish(candidate, stops, scoreOf(candidate.score, length))));
    group.finished.sort((a, b) => b.score - a.score).splice(size);
  }
  const next = candidates.filter(({ ids }) => !stops.has(ids.at(-1)!)).slice(0, size);
  const hypothetical = earlyStopping === 'never' && lengthPenalty > 0 ? limit : length;
  group.isDone =
    next.length === 0 ||
    length >= limit ||
    (earlyStopping === true && isFull()) ||
    (isFull() && scoreOf(next[0]!.score, hypothetical) <= group.finished.at(-1)!.score);
  return next;
}

/** The `count` best of all continuations of a group's beams, best first. */
function bestContinuations(
  beams: readonly Beam[],
  logits: Float32Array,
  taken: ReadonlyMap<number, number>,
  count: number,
  { prompt, V, diversityPenalty = 0, noRepeatNgramSize = 0, mask, bias, reject }: StepOptions,
): Candidate[] {
  const best: { parent: number; id: number; logProb: number; score: number }[] = [];
  for (const [parent, beam] of beams.entries()) {
    const row = logits.subarray(parent * V, (parent + 1) * V);
    const banned = noRepeatNgramSize > 0 ? repeatingIds([...prompt, ...beam.ids], noRepeatNgramSize) : null;
    const allowed = mask?.(beam.ids) ?? null;
    const leaning = bias?.(beam.ids) ?? null;
    const logSum = logSumExp(row);
    for (let id = 0; id < V; id++) {
      if (allowed !== null && ((allowed[id >>> 5]! >>> (id & 31)) & 1) === 0) continue;
      const logProb = row[id]! - logSum;
      const penalty = taken.size === 0 ? 0 : diversityPenalty * (taken.get(id) ?? 0);
      const score = beam.score + logProb + (leaning?.[id] ?? 0) - penalty;
      if (best.length === count && score <= best[count - 1]!.score) continue;
      if (banned?.has(id) || reject?.(beam.ids, id)) continue;
      let at = best.length;
      while (at > 0 && best[at - 1]!.score < score) at--;
      best.splice(at, 0, { parent, id, logProb, score });
      if (best.length > count) best.pop();
    }
  }
  return best.map(({ parent, id, logProb, score }) => {
    const { ids, logProbs } = beams[parent]!;
    return { parent, ids: [...ids, id], logProbs: [...logProbs, logProb], score };
  });
}

function finish({ ids, logProbs }: Candidate, stopIds: ReadonlySet<number>, score: number): BeamSequence {
  return stopIds.has(ids.at(-1)!)
    ? { ids: ids.slice(0, -1), logProbs, score, finish: 'stop' }
    : { ids, logProbs, score, finish: 'length' };
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
  const { beams, beamGroups = 1, diversityPenalty = 0, maxNewTokens } = options;
  if (!Number.isInteger(beamGroups) || beamGroups < 1 || beams % beamGroups !== 0 || !(diversityPenalty >= 0)) {
    throw new LmError(
      'generation-invalid',
      `beamSearch: expected beamGroups that divide ${beams} beams and diversityPenalty ≥ 0, got ${beamGroups} and ${diversityPenalty}`,
    );
  }
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
