import { createReferenceKernels } from '@tuiqiao/kernels';
import { createArena, createRandom, Tape, zeroGradients } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import type { LanguageModel, PackedBatch } from '../language-model.ts';
import { createLanguageModel } from '../load-language-model.ts';
import { DecoderCache, SpareCache } from './key-value-cache.ts';

const kernels = createReferenceKernels();

function tinyConfig(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    model_type: 'qwen3',
    vocab_size: 37,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 6,
    max_position_embeddings: 4096,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    eos_token_id: 2,
    initializer_range: 0.5,
    ...changes,
  };
}

function createTiny(changes: Record<string, unknown> = {}, trainable = false): LanguageModel {
  return createLanguageModel(tinyConfig(changes), { kernels, seed: 7, computeType: 'f32', trainable });
}

function sequenceOf(length: number, seed: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length }, () => random.integer(37));
}

function packed(sequences: readonly number[][]): PackedBatch {
  const segments = [0];
  for (const sequence of sequences) segments.push(segments.at(-1)! + sequence.length);
  const ids = sequences.flat();
  const rows = sequences.flatMap((sequence, s) => sequence.slice(1).map((_, t) => segments[s]! + t));
  return {
    ids: Int32Array.from(ids),
    positions: Int32Array.from(sequences.flatMap((sequence) => sequence.map((_, t) => t))),
    segments: Int32Array.from(segments),
    lossRows: Int32Array.from(rows),
    targets: Int32Array.from(sequences.flatMap((sequence) => sequence.slice(1))),
  };
}

function fullLogits(model: LanguageModel, sequence: number[]): Promise<Float32Array> {
  const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: false });
  return kernels.read(model.logits(packed([sequence]), tape).buffer);
}

async function logProbsOf(model: LanguageModel, sequences: number[][], isRecording: boolean): Promise<number[]> {
  const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording });
  return [...(await kernels.read(model.logProbs(packed(sequences), tape).logProbs.buffer))];
}

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) expect(actual[i]).toBeCloseTo(expected[i]!, 4);
}

describe('a packed batch', () => {
  const sequences = [sequenceOf(9, 1), sequenceOf(2, 2), sequenceOf(13, 3)];

  it('gives each sequence what it gets alone', async () => {
    const model = createTiny();
    const alone: number[] = [];
    for (const sequence of sequences) alone.push(...(await logProbsOf(model, [sequence], false)));
    expectClose(await logProbsOf(model, sequences, false), alone);
  });

  it('gives sequences that go on from a shared beginning what they get alone', async () => {
    const model = createTiny();
    const [prompt, first, second] = [sequenceOf(5, 4), sequenceOf(3, 5), sequenceOf(4, 6)];
    const alone: number[] = [];
    for (const sequence of [
      [...prompt, ...first],
      [...prompt, ...second],
    ]) {
      alone.push(...(await logProbsOf(model, [sequence], false)).slice(prompt.length - 1));
    }
    const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: false });
    const batch = {
      ids: Int32Array.from([...prompt, ...first, ...second]),
      positions: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 5, 6, 7, 8),
      segments: Int32Array.of(0, 5, 8, 12),
      prefixes: Int32Array.of(-1, 0, 0),
      lossRows: Int32Array.of(4, 5, 6, 4, 8, 9, 10),
      targets: Int32Array.from([...first, ...second]),
    };
    expectClose(await kernels.read(model.logProbs(batch, tape).logProbs.buffer), alone);
  });

  it('gives the same with and without recording', async () => {
    const model = createTiny();
    expect(await logProbsOf(model, sequences, true)).toEqual(await logProbsOf(model, sequences, false));
  });

  /** Gradients of Σ log-probabilities of a few rows, one of them twice, by weight. */
  async function gradientsOf(options: { recomputes?: boolean; usesCheckpoints?: boolean }) {
    const model = createTiny({}, true);
    zeroGradients(kernels, [...model.parameters.values()]);
    const batch = { ...packed(sequences), lossRows: Int32Array.of(12, 3, 3, 20), targets: Int32Array.of(1, 5, 9, 4) };
    const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: true, ...options });
    const { logProbs } = model.logProbs(batch, tape);
    kernels.fill(tape.gradOf(logProbs, 'f32'), 1);
    tape.backward();
    const values = await kernels.read(logProbs.buffer);
    const gradients = new Map<string, Float32Array>();
    for (const [name, { grad }] of model.parameters) gradients.set(name, await kernels.read(grad!));
    return { batch, model, values, gradients };
  }

  it('gives the rows asked for what all rows give, in their order', async () => {
    const { batch, model, values } = await gradientsOf({});
    const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: false });
    const V = model.config.vocabSize;
    const logits = await kernels.read(model.logits(batch, tape).buffer);
    const expected = Array.from(batch.lossRows, (row, r) => {
      const all = Array.from(logits.subarray(row * V, (row + 1) * V));
      return all[batch.targets[r]!]! - Math.log(all.reduce((sum, x) => sum + Math.exp(x), 0));
    });
    expectClose(values, expected);
  });

  it('gives the same gradients where activations are computed again', async () => {
    const kept = await gradientsOf({});
    expect(Math.max(...kept.gradients.get('model.layers.0.self_attn.k_proj.weight')!)).toBeGreaterThan(0.01);
    for (const options of [{ recomputes: true }, { usesCheckpoints: true }]) {
      expect((await gradientsOf(options)).gradients).toEqual(kept.gradients);
    }
  });

  it('leaves frozen weights without a gradient', async () => {
    const model = createTiny();
    const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: true });
    expect(model.logProbs(packed(sequences), tape).logProbs.requiresGrad).toBe(false);
    expect([...model.parameters.values()].every(({ grad }) => grad === null)).toBe(true);
  });

  it.each([
    ['an id outside the vocabulary', { ids: Int32Array.of(1, 37, 2) }],
    ['a negative id', { ids: Int32Array.of(1, -1, 2) }],
    ['a position beyond the model', { positions: Int32Array.of(0, 1, 4096) }],
    ['segments that end early', { segments: Int32Array.of(0, 2) }],
    ['an empty segment', { segments: Int32Array.of(0, 1, 1, 3) }],
    ['a loss row outside', { lossRows: Int32Array.of(1, 3) }],
    ['a prefix that does not come before', { prefixes: Int32Array.of(0) }],
    ['a prefix too many', { prefixes: Int32Array.of(-1, -1) }],
    ['a prefix of a prefix', { segments: Int32Array.of(0, 1, 2, 3), prefixes: Int32Array.of(-1, 0, 1) }],
    ['a target outside the vocabulary', { targets: Int32Array.of(3, 99) }],
    ['no loss rows', { lossRows: new Int32Array(0), targets: new Int32Array(0) }],
  ])('with %s is refused', (_name, change) => {
    const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: false });
    const batch = { ...packed([[1, 5, 2]]), ...change };
    expect(() => createTiny().logProbs(batch, tape)).toThrow(expect.objectContaining({ code: 'batch-invalid' }));
  });
});

describe.each([
  ['full attention', {}],
  ['a sliding window', { model_type: 'mistral', sliding_window: 4 }],
])('the key/value cache, %s', (_name, changes) => {
  const model = createTiny(changes);
  const V = model.config.vocabSize;
  const a = sequenceOf(12, 4);
  const b = sequenceOf(10, 5);
  const c = sequenceOf(6, 6);
  const rowOf = async (sequence: number[], t: number) =>
    (await fullLogits(model, sequence)).subarray(t * V, (t + 1) * V);

  it('gives the logits of a full forward pass: prefill, decode, chunks, and all of them in one call', async () => {
    const cache = model.createCache(4, 16);
    const first = await model.extend(cache, [
      { slot: 2, ids: a.slice(0, 5) },
      { slot: 0, ids: b.slice(0, 1) },
    ]);
    expectClose(first.subarray(0, V), await rowOf(a, 4));
    expectClose(first.subarray(V, 2 * V), await rowOf(b, 0));
    // One decodes, one starts, one continues with a chunk; the fresh one is in the middle of the list.
    const second = await model.extend(cache, [
      { slot: 2, ids: a.slice(5, 6) },
      { slot: 3, ids: c },
      { slot: 0, ids: b.slice(1) },
    ]);
    expectClose(second.subarray(0, V), await rowOf(a, 5));
    expectClose(second.subarray(V, 2 * V), await rowOf(c, 5));
    expectClose(second.subarray(2 * V), await rowOf(b, 9));
    expect([...cache.lengths]).toEqual([10, 0, 6, 6]);
  });

  it('forgets what lies behind a lowered length', async () => {
    const cache = model.createCache(1, 16);
    await model.extend(cache, [{ slot: 0, ids: a }]);
    cache.truncate(0, 3);
    const logits = await model.extend(cache, [{ slot: 0, ids: [b[0]!, b[1]!] }]);
    const expected = await fullLogits(model, [...a.slice(0, 3), b[0]!, b[1]!]);
    expectClose(logits, expected.subarray(4 * V));
    cache.truncate(0, 0);
    expectClose(await model.extend(cache, [{ slot: 0, ids: c }]), await rowOf(c, 5));
  });

  it('lets copies and what they were copied from go on apart', async () => {
    const cache = model.createCache(3, 40);
    const long = sequenceOf(20, 7);
    await model.extend(cache, [{ slot: 0, ids: long }]);
    cache.copySlot(0, 1);
    cache.copySlot(0, 2, 18);
    expect([...cache.lengths]).toEqual([20, 20, 18]);
    const lastOf = async (sequence: number[]) => rowOf(sequence, sequence.length - 1);
    const together = await model.extend(
      cache,
      [a, b, c].map((ids, slot) => ({ slot, ids })),
    );
    expectClose(together.subarray(0, V), await lastOf([...long, ...a]));
    expectClose(together.subarray(V, 2 * V), await lastOf([...long, ...b]));
    expectClose(together.subarray(2 * V), await lastOf([...long.slice(0, 18), ...c]));
  });

  it('refuses a full slot, a slot twice, no ids, and a slot that is not there', async () => {
    const cache = model.createCache(2, 4);
    await expect(model.extend(cache, [{ slot: 0, ids: a }])).rejects.toMatchObject({ code: 'cache-full' });
    for (const entries of [
      [
        { slot: 0, ids: [1] },
        { slot: 0, ids: [1] },
      ],
      [{ slot: 0, ids: [] }],
      [{ slot: 2, ids: [1] }],
    ]) {
      await expect(model.extend(cache, entries)).rejects.toMatchObject({ code: 'batch-invalid' });
    }
    expect([...cache.lengths]).toEqual([0, 0]);
  });
});

describe('the memory of the cache', () => {
  it('grows with what is held, and holds what it held', async () => {
    const model = createTiny({});
    const V = model.config.vocabSize;
    const firstBytes = 1 << 17;
    const cache = new DecoderCache(kernels, model.config, 'f32', 20, 40, 0, new SpareCache(), firstBytes);
    expect(cache.keys).toEqual([]);
    const sequences = Array.from({ length: 20 }, (_, i) => sequenceOf(33, i));
    for (const [slot, ids] of sequences.entries()) await model.extend(cache, [{ slot, ids: ids.slice(0, 31) }]);
    const before = cache.keys[0]!.length;
    const logits = await model.extend(
      cache,
      sequences.map((ids, slot) => ({ slot, ids: ids.slice(31) })),
    );
    expect(cache.heldPages).toBe(60);
    expect(cache.keys[0]!.length).toBe(2 * before);
    for (const slot of [0, 7, 19]) {
      const expected = await fullLogits(model, sequences[slot]!);
      expectClose(logits.subarray(slot * V, (slot + 1) * V), expected.subarray(32 * V));
    }
    for (let slot = 0; slot < 20; slot++) cache.truncate(slot, 0);
    expect(cache.heldPages).toBe(0);
  });

  it('is left to the next cache that it is enough for', async () => {
    const model = createTiny({});
    const V = model.config.vocabSize;
    const ids = sequenceOf(30, 4);
    const keysOf = async (slots: number) => {
      const cache = model.createCache(slots, 40) as DecoderCache;
      const logits = await model.extend(cache, [{ slot: slots - 1, ids }]);
      expectClose(logits, (await fullLogits(model, ids)).subarray(29 * V));
      const keys = cache.keys[0]!;
      cache.free();
      return keys;
    };
    const first = await keysOf(4);
    expect(await keysOf(3)).toBe(first);
    const larger = await keysOf(5);
    expect(larger).not.toBe(first);
    expect(await keysOf(4)).toBe(larger);
    // Two at a time have memory of their own.
    const one = model.createCache(2, 40) as DecoderCache;
    const other = model.createCache(2, 40) as DecoderCache;
    for (const cache of [one, other]) await model.extend(cache, [{ slot: 0, ids }]);
    expect(one.keys[0]).not.toBe(other.keys[0]);
  });

  it('is not written where another slot reads', async () => {
    const model = createTiny({});
    const V = model.config.vocabSize;
    const cache = model.createCache(2, 40);
    const [long, end] = [sequenceOf(20, 1), sequenceOf(6, 2)];
    await model.extend(cache, [{ slot: 0, ids: long }]);
    cache.copySlot(0, 1);
    // Back into the page that both have in common.
    cache.truncate(1, 13);
    const cut = await model.extend(cache, [{ slot: 1, ids: end }]);
    expectClose(cut, (await fullLogits(model, [...long.slice(0, 13), ...end])).subarray(18 * V));
    const whole = await model.extend(cache, [{ slot: 0, ids: [1] }]);
    expectClose(whole, (await fullLogits(model, [...long, 1])).subarray(20 * V));
    expect(() => cache.truncate(1, 30)).toThrow('expected 0 to 19 tokens of slot 1, got 30');
  });

  it('gives up what no layer sees any more', async () => {
    const model = createTiny({ model_type: 'mistral', sliding_window: 4 });
    const cache = model.createCache(1, 200) as DecoderCache;
    const ids = sequenceOf(150, 3);
    for (let at = 0; at < 150; at += 10) {
      await model.extend(cache, [{ slot: 0, ids: ids.slice(at, at + 10) }]);
      expect(cache.heldPages).toBeLessThanOrEqual(2);
    }
    const V = model.config.vocabSize;
    const logits = await model.extend(cache, [{ slot: 0, ids: [1] }]);
    expectClose(logits, (await fullLogits(model, [...ids, 1])).subarray(150 * V));
    expect(() => cache.truncate(0, 100)).toThrow('slot 0 keeps 4 positions of 151');
  });
});

describe('rotary tables', () => {
  it('grow with the longest sequence without changing what came before', async () => {
    const model = createTiny();
    const sequence = sequenceOf(8, 9);
    const before = await fullLogits(model, sequence);
    const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: false });
    model.logits({ ids: Int32Array.of(1, 2), positions: Int32Array.of(0, 4095), segments: Int32Array.of(0, 2) }, tape);
    expect(await fullLogits(model, sequence)).toEqual(before);
  });
});
