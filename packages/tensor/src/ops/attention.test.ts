import { describe, expect, it } from 'vitest';
import {
  checkGradients,
  doubleKernels,
  leaf,
  numbersOf,
  randomParameter,
  randomValues,
} from '../../test/gradient-check.ts';
import { createArena } from '../arena.ts';
import { createLinear } from '../parameter.ts';
import { Tape } from '../tape.ts';
import { attention, swiglu } from './attention.ts';
import { add, cast, embed, gatherRows, uploadInts } from './embed.ts';
import { fusedLinear } from './linear.ts';
import { createRope, headNormRope, rmsNorm } from './norm.ts';

const [N, H, G, D, C] = [7, 4, 2, 6, 5];
const EPSILON = 1e-6;

function createTape(isRecording = false): Tape {
  return new Tape(doubleKernels, createArena(doubleKernels), { computeType: 'f32', isRecording });
}

describe('attention block', () => {
  it.each([
    ['plain', {}, false],
    ['windowed, scaled, interleaved rotation of a part', { window: 2, scale: 0.3 }, true],
  ])('has the gradient of its result: %s', (_, options, interleaved) => {
    const layers = [H, G, G].map((heads, i) => createLinear('qkv'[i]!, randomParameter('qkv'[i]!, [heads * D, C])));
    const qNorm = randomParameter('q_norm', [D]);
    const kNorm = interleaved ? null : randomParameter('k_norm', [D]);
    const rotaryDim = interleaved ? 4 : D;
    const rope = createRope(doubleKernels, { rotaryDim, theta: 100, maxPositions: 8, interleaved });
    checkGradients({
      parameters: [...layers.map(({ weight }) => weight), qNorm, ...(kNorm === null ? [] : [kNorm])],
      inputs: { x: [N, C] },
      run: (tape, { x }) => {
        const positions = uploadInts(tape, Int32Array.of(0, 1, 2, 3, 0, 0, 1));
        const segments = uploadInts(tape, Int32Array.of(0, 4, 5, 7));
        const [q, k, v] = fusedLinear(tape, x!, layers);
        const head = { headDim: D, epsilon: EPSILON };
        const queries = headNormRope(tape, q!, qNorm, rope, positions, { heads: H, ...head });
        const keys = headNormRope(tape, k!, kNorm, rope, positions, { heads: G, ...head });
        return [attention(tape, queries, keys, v!, segments, { heads: H, kvHeads: G, headDim: D, ...options })];
      },
    });
  });

  it('gives packed segments what they get alone', () => {
    const [q, k, v] = [H, G, G].map((heads) => randomValues(N * heads * D));
    const attend = (first: number, end: number, bounds: number[]) => {
      const tape = createTape();
      const part = (values: Float64Array, heads: number) =>
        leaf(tape, [end - first, heads * D], values.subarray(first * heads * D, end * heads * D));
      const segments = uploadInts(tape, Int32Array.from(bounds));
      const options = { heads: H, kvHeads: G, headDim: D };
      return [...numbersOf(attention(tape, part(q!, H), part(k!, G), part(v!, G), segments, options).buffer)];
    };
    expect(attend(0, N, [0, 4, 5, 7])).toEqual([
      ...attend(0, 4, [0, 4]),
      ...attend(4, 5, [0, 1]),
      ...attend(5, 7, [0, 2]),
    ]);
  });

  it('refuses a tensor that has another reader rather than lose its gradient', () => {
    const tape = createTape(true);
    const x = leaf(tape, [N, H * D], randomValues(N * H * D));
    const segments = uploadInts(tape, Int32Array.of(0, N));
    const out = attention(tape, x, x, x, segments, { heads: H, kvHeads: H, headDim: D });
    doubleKernels.fill(tape.gradOf(out, 'f32'), 1);
    expect(() => tape.backward()).toThrow("expected to be the tensor's only reader");
  });

  it('zeroes the gradient of columns nothing reads', () => {
    const layers = [createLinear('a', randomParameter('a', [C, C])), createLinear('b', randomParameter('b', [C, C]))];
    const unread = createLinear('c', randomParameter('c', [C, C]));
    checkGradients({
      parameters: [...layers, unread].map(({ weight }) => weight),
      inputs: { x: [N, C] },
      run: (tape, { x }) => {
        const [gate, up] = fusedLinear(tape, x!, [...layers, unread]);
        return [swiglu(tape, gate!, up!)];
      },
    });
  });
});

describe('createRope', () => {
  it('holds cos and sin of position · theta^(−2i/dim)', () => {
    const rope = createRope(doubleKernels, { rotaryDim: 4, theta: 10_000, maxPositions: 3, attentionScale: 2 });
    const angles = [0, 0, 1, 0.01, 2, 0.02];
    expect([...numbersOf(rope.cos)]).toEqual(angles.map((angle) => Math.fround(2 * Math.cos(angle))));
    expect([...numbersOf(rope.sin)]).toEqual(angles.map((angle) => Math.fround(2 * Math.sin(angle))));
  });
});

describe('embedding and data movement', () => {
  it('have the gradient of their result', () => {
    const table = randomParameter('embed', [6, C]);
    const norm = randomParameter('norm', [C]);
    checkGradients({
      parameters: [table, norm],
      inputs: { y: [4, C] },
      run: (tape, { y }) => {
        const h = embed(tape, table, uploadInts(tape, Int32Array.of(2, 0, 2, 5)), { scale: 1.5 });
        const sum = add(tape, h, y!);
        const rows = gatherRows(tape, sum, uploadInts(tape, Int32Array.of(1, 3)));
        return [rmsNorm(tape, rows, norm, { epsilon: EPSILON }), add(tape, sum, sum)];
      },
    });
  });

  it('cast returns a tensor that has the type already', () => {
    const tape = createTape();
    const x = leaf(tape, [2, 2], [1, 2, 3, 4]);
    expect(cast(tape, x, 'f32')).toBe(x);
  });
});
