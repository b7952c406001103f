/**
 * One packed micro-batch through the model: with gradients (training), or only its log-probabilities (scoring). The
 * step memory is reset at the start, so nothing computed here outlives the next call.
 */
import type { LanguageModel } from '@tuiqiao/lm';
import type { Metrics } from '@tuiqiao/schema';
import { type Arena, createRandom, type FloatType, type Linear, linear, Tape, type Tensor } from '@tuiqiao/tensor';
import type { Objective, StepObjective } from './objective.ts';
import { gatherTargets, type PackedSequences, packSequences, type Sequence, sumTargets } from './packing.ts';

export interface MicroBatchResult {
  /** This micro-batch's share of the step's loss. */
  readonly loss: number;
  readonly metrics: Metrics;
  readonly tokens: number;
}

/** What matrix products of this model are fed with: the type of its weights' compute copies. */
export function computeTypeOf(model: LanguageModel): FloatType {
  for (const parameter of model.parameters.values()) {
    if (parameter.shape.length === 2) return parameter.compute.dtype === 'bf16' ? 'bf16' : 'f32';
  }
  return 'f32';
}

/** Up to so much, what could be computed again is kept: the step is quicker and memory no matter. */
const KEPT_BYTES = 1 << 27;

/**
 * Where adapters only are trained, activations, not weights and their gradients, decide how much memory a step takes: of
 * `rows` tokens too many to keep all.
 */
function recomputes({ parameters, config }: LanguageModel, rows: number): boolean {
  if ([...parameters.values()].some(({ requiresGrad }) => requiresGrad)) return false;
  const perRow = config.layers * (2 * config.hiddenSize + config.intermediateSize);
  return 4 * rows * perRow > KEPT_BYTES;
}

/** Adds the gradients of the items' share of the loss to the parameters' `grad`. */
export async function accumulateGradients<Item>(options: {
  readonly model: LanguageModel;
  readonly arena: Arena;
  readonly objective: Objective<Item>;
  readonly step: StepObjective<Item>;
  readonly items: readonly Item[];
  readonly indexes: Int32Array;
  readonly usesCheckpoints?: boolean;
  readonly dropoutSeed: number;
  /** NEFTune's α; none when absent. */
  readonly neftuneAlpha?: number | undefined;
  /** What sequences begin with alike is read once; adapter dropout falls on it alike, too. Default: where it is exact. */
  readonly sharesBeginnings?: boolean;
}): Promise<MicroBatchResult> {
  const { model, arena, objective, step, items, indexes } = options;
  const { kernels } = model;
  arena.reset();
  const sequences = items.flatMap((item) => objective.sequences(item));
  if (objective.scoreHead !== undefined) return accumulateScores(options, objective.scoreHead, sequences);
  const packed = packSequences(sequences, {
    isOnlyForLoss: true,
    sharesBeginnings: options.sharesBeginnings ?? canShare(model, options.neftuneAlpha),
  });
  const { batch, rowOffsets } = packed;
  const tokens = countTokens(sequences);
  if (batch.lossRows.length === 0) {
    return { loss: 0, metrics: {}, tokens };
  }
  const tape = new Tape(kernels, arena, {
    computeType: computeTypeOf(model),
    isRecording: true,
    isTraining: true,
    usesCheckpoints: options.usesCheckpoints ?? false,
    recomputes: recomputes(model, batch.ids.length),
    dropoutSeed: options.dropoutSeed,
  });
  if (options.neftuneAlpha !== undefined) {
    tape.embeddingNoise = neftuneNoise(
      batch.segments,
      model.config.hiddenSize,
      options.neftuneAlpha,
      options.dropoutSeed,
    );
  }
  const knownGradient = step.knownGradient?.(items);
  const out = model.logProbs(batch, tape, {
    withTop: objective.needsHits,
    withEntropy: objective.needsEntropy ?? false,
    withMean: objective.needsMean ?? false,
    temperature: objective.temperature ?? 1,
    ...(knownGradient === undefined ? {} : { knownGradient: Float32Array.from(sumTargets(packed, knownGradient)) }),
  });
  const valuesOf = async ({ buffer }: Tensor) => gatherTargets(packed, await kernels.read(buffer));
  const logProbs = await valuesOf(out.logProbs);
  const hits = out.top === undefined ? undefined : hitsOf(model, await kernels.readInts(out.top.buffer), packed);
  const entropy = out.entropy === undefined ? undefined : await valuesOf(out.entropy);
  const mean = out.meanLogProbs === undefined ? undefined : await valuesOf(out.meanLogProbs);
  const result = step.evaluate({
    items,
    indexes,
    logProbs,
    rowOffsets,
    ...(hits === undefined ? {} : { hits }),
    ...(entropy === undefined ? {} : { entropy }),
    ...(mean === undefined ? {} : { meanLogProbs: mean }),
  });
  const seed = (tensor: Tensor | undefined, gradient: Float64Array | undefined): void => {
    if (tensor !== undefined && gradient !== undefined) {
      kernels.write(tape.gradOf(tensor, 'f32'), sumTargets(packed, gradient));
    }
  };
  if (knownGradient === undefined) seed(out.logProbs, result.dLogProbs);
  seed(out.entropy, result.dEntropy);
  seed(out.meanLogProbs, result.dMeanLogProbs);
  // A loss that is not a number would only spread: the caller stops before the update.
  if (Number.isFinite(result.loss)) tape.backward();
  return { loss: result.loss, metrics: result.metrics, tokens };
}

function countTokens(sequences: readonly Sequence[]): number {
  return sequences.reduce((sum, { promptIds, completionIds }) => sum + promptIds.length + completionIds.length, 0);
}

/**
 * Under a soft prompt every sequence has virtual tokens of its own, and noise on embeddings depends on a sequence's length:
 * no beginnings are shared there.
 */
function canShare(model: LanguageModel, neftuneAlpha?: number): boolean {
  return neftuneAlpha === undefined && model.softPrompt?.isOn !== true;
}

/** The same for an objective over scores of whole sequences. */
async function accumulateScores<Item>(
  options: Parameters<typeof accumulateGradients<Item>>[0],
  head: Linear,
  sequences: readonly Sequence[],
): Promise<MicroBatchResult> {
  const { model, arena, step, items, indexes } = options;
  const { kernels } = model;
  const tokens = countTokens(sequences);
  const tape = new Tape(kernels, arena, {
    computeType: computeTypeOf(model),
    isRecording: true,
    isTraining: true,
    usesCheckpoints: options.usesCheckpoints ?? false,
    recomputes: recomputes(model, tokens),
    dropoutSeed: options.dropoutSeed,
  });
  const shares = options.sharesBeginnings ?? canShare(model, options.neftuneAlpha);
  const scores = scoresOf(model, head, sequences, tape, shares);
  const result = step.evaluate({
    items,
    indexes,
    logProbs: new Float64Array(await kernels.read(scores.buffer)),
    rowOffsets: Int32Array.from({ length: sequences.length + 1 }, (_, s) => s),
  });
  kernels.write(tape.gradOf(scores, 'f32'), result.dLogProbs);
  if (Number.isFinite(result.loss)) tape.backward();
  return {
    loss: result.loss,
    metrics: result.metrics,
    tokens,
  };
}

/** score[s] = head · hidden state of the last token of sequence s, f32 [S, 1]. */
function scoresOf(
  model: LanguageModel,
  head: Linear,
  sequences: readonly Sequence[],
  tape: Tape,
  sharesBeginnings: boolean,
): Tensor {
  const { batch, lastRows } = packSequences(sequences, { sharesBeginnings });
  return linear(tape, model.hiddenStates(batch, lastRows, tape), head, { outType: 'f32' });
}

/** One score a sequence, no gradients, dropout off: [S]. */
export async function headScores(
  model: LanguageModel,
  arena: Arena,
  head: Linear,
  sequences: readonly Sequence[],
): Promise<Float64Array> {
  arena.reset();
  if (sequences.length === 0) return new Float64Array(0);
  const tape = new Tape(model.kernels, arena, { computeType: computeTypeOf(model), isRecording: false });
  return new Float64Array(await model.kernels.read(scoresOf(model, head, sequences, tape, canShare(model)).buffer));
}

/**
 * NEFTune (Jain 2023): noise U(−1, 1) · α/√(L·C) on the embeddings of a sequence of L tokens, [N, C].
 * A pure function of the seed, so that a resumed run draws the same.
 */
function neftuneNoise(segments: Int32Array, C: number, alpha: number, seed: number): Float32Array {
  const random = createRandom(seed).fork('neftune');
  const noise = new Float32Array(segments[segments.length - 1]! * C);
  for (let s = 0; s + 1 < segments.length; s++) {
    const [start, end] = [segments[s]! * C, segments[s + 1]! * C];
    const size = alpha / Math.sqrt(end - start);
    for (let i = start; i < end; i++) noise[i] = size * (2 * random.uniform() - 1);
  }
  return noise;
}

export interface ScoredSequences {
  /** [R] */
  readonly logProbs: Float64Array;
  /** [S + 1], see `PackedSequences`. */
  readonly rowOffsets: Int32Array;
  /** [R] 1 where the arg-max token is the target. */
  readonly hits: Uint8Array | null;
}

export interface ScoringOptions {
  readonly withHits?: boolean;
  /** Default 1. */
  readonly temperature?: number;
}

/** Log-probabilities of the completion tokens, no gradients, dropout off. */
export async function scoreSequences(
  model: LanguageModel,
  arena: Arena,
  sequences: readonly Sequence[],
  options: ScoringOptions = {},
): Promise<ScoredSequences> {
  const { kernels } = model;
  const { withHits = false, temperature = 1 } = options;
  arena.reset();
  const packed = packSequences(sequences, {
    isOnlyForLoss: true,
    sharesBeginnings: canShare(model),
  });
  const { batch, rowOffsets } = packed;
  if (batch.lossRows.length === 0) return { logProbs: new Float64Array(0), rowOffsets, hits: new Uint8Array(0) };
  const tape = new Tape(kernels, arena, { computeType: computeTypeOf(model), isRecording: false });
  const out = model.logProbs(batch, tape, { withTop: withHits, temperature });
  return {
    logProbs: gatherTargets(packed, await kernels.read(out.logProbs.buffer)),
    rowOffsets,
    hits: out.top === undefined ? null : hitsOf(model, await kernels.readInts(out.top.buffer), packed),
  };
}

function hitsOf({ keptTokens }: LanguageModel, top: Int32Array, packed: PackedSequences): Uint8Array {
  const tokenAt = (place: number) => (keptTokens === null ? place : keptTokens[place]);
  const { targets } = packed.batch;
  return Uint8Array.from(
    gatherTargets(
      packed,
      targets.map((target, r) => (tokenAt(top[r]!) === target ? 1 : 0)),
    ),
  );
}
