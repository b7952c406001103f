import { ACTIVATIONS, type Activation } from '../../src/contract.ts';
import { type CaseList, floats, ints, type KernelCase, strided, values } from './kernel-case.ts';

const POSITIONS = 11;

function angles(half: number): { cos: number[]; sin: number[] } {
  const all = Array.from({ length: POSITIONS * half }, (_, i) => Math.floor(i / half) * 10 ** (-(i % half) / half));
  return { cos: all.map(Math.cos), sin: all.map(Math.sin) };
}

/** RMSNorm, rotary embedding with and without head norms, gated and plain activations. */
export const normCases: CaseList = (type) => [
  ...[
    { N: 0, C: 8 },
    { N: 1, C: 3 },
    { N: 5, C: 37 },
    { N: 33, C: 64 },
  ].flatMap(({ N, C }) => [false, true].map((accumulate) => rmsNormCase(type, { N, C, accumulate }))),
  rmsNormCase(type, { N: 5, C: 37, accumulate: true, weightOffset: 1 }),
  ...[
    { N: 5, heads: 3, D: 8, rotaryDim: 8, ldX: 40, ldOut: 24, hasWeight: true },
    { N: 4, heads: 2, D: 8, rotaryDim: 8, ldX: 16, ldOut: 16, hasWeight: false },
    { N: 4, heads: 2, D: 8, rotaryDim: 4, ldX: 17, ldOut: 19, hasWeight: true, interleaved: true },
    { N: 3, heads: 1, D: 10, rotaryDim: 6, ldX: 10, ldOut: 10, hasWeight: false, interleaved: true },
    { N: 9, heads: 4, D: 64, rotaryDim: 64, ldX: 512, ldOut: 256, hasWeight: true },
    { N: 0, heads: 2, D: 8, rotaryDim: 8, ldX: 16, ldOut: 16, hasWeight: true },
    { N: 5, heads: 3, D: 8, rotaryDim: 8, ldX: 40, ldOut: 24, hasWeight: true, weightOffset: 1 },
    { N: 4, heads: 2, D: 8, rotaryDim: 4, ldX: 17, ldOut: 19, hasWeight: true, weightOffset: 1 },
    { N: 3, heads: 2, D: 8, rotaryDim: 0, ldX: 17, ldOut: 16, hasWeight: false },
  ].map((sizes) => headNormRopeCase(type, sizes)),
  ...[
    { N: 0, C: 4, ldX: 8 },
    { N: 3, C: 5, ldX: 5 },
    { N: 7, C: 33, ldX: 66 },
  ].flatMap((sizes) => [gatedCase(type, 'swiglu', sizes), gatedCase(type, 'geglu', sizes)]),
  ...[0, 37].map((length) => softCapCase(type, length)),
  ...ACTIVATIONS.map((activation) => activationCase(type, activation, 53)),
];

interface NormSizes {
  N: number;
  C: number;
  accumulate: boolean;
  weightOffset?: number;
}

function rmsNormCase(type: 'f32' | 'bf16', sizes: NormSizes): KernelCase {
  const { N, C, accumulate, weightOffset } = sizes;
  const offset = weightOffset === undefined ? {} : { weightOffset };
  return {
    name: `rmsNorm of the residual stream ${N} × ${C}${accumulate ? ', accumulated' : ''}${weightOffset === undefined ? '' : `, offset ${weightOffset}`}`,
    buffers: {
      out: floats(type, N * C),
      rstd: floats('f32', N),
      x: floats('f32', N * C),
      weight: floats('f32', C),
      dOut: floats(type, N * C),
      dX: floats('f32', N * C),
      dWeight: floats('f32', C),
    },
    forward: (kernels, b) => kernels.rmsNorm(b.out!, b.rstd!, b.x!, b.weight!, { N, C, epsilon: 1e-6, ...offset }),
    backward: (kernels, b) =>
      kernels.rmsNormBackward(b.dX!, b.dWeight!, b.dOut!, b.x!, b.weight!, b.rstd!, { N, C, accumulate, ...offset }),
    seeds: { out: 'dOut' },
    gradients: { x: 'dX', weight: 'dWeight' },
    accumulated: accumulate ? ['dX', 'dWeight'] : ['dWeight'],
  };
}

interface HeadSizes {
  N: number;
  heads: number;
  D: number;
  rotaryDim: number;
  ldX: number;
  ldOut: number;
  hasWeight: boolean;
  interleaved?: boolean;
  weightOffset?: number;
}

function headNormRopeCase(type: 'f32' | 'bf16', { hasWeight, ...sizes }: HeadSizes): KernelCase {
  const { N, heads, D, ldX, ldOut } = sizes;
  const half = sizes.rotaryDim / 2;
  const { cos, sin } = angles(half);
  const weight = hasWeight
    ? { weight: floats('f32', D), dWeight: floats('f32', D), rstd: floats('f32', N * heads) }
    : {};
  return {
    name: `headNormRope ${JSON.stringify({ ...sizes, hasWeight })}`,
    buffers: {
      out: floats(type, strided(N, heads * D, ldOut)),
      x: floats(type, strided(N, heads * D, ldX)),
      dOut: floats(type, strided(N, heads * D, ldOut)),
      dX: floats(type, strided(N, heads * D, ldX)),
      cos: values('f32', cos),
      sin: values('f32', sin),
      positions: ints(Array.from({ length: N }, (_, n) => (7 * n) % POSITIONS)),
      ...weight,
    },
    forward: (kernels, b) =>
      kernels.headNormRope(b.out!, b.rstd ?? null, b.x!, b.weight ?? null, b.cos!, b.sin!, b.positions!, {
        ...sizes,
        epsilon: 1e-6,
      }),
    backward: (kernels, b) =>
      kernels.headNormRopeBackward(
        b.dX!,
        b.dWeight ?? null,
        b.dOut!,
        b.x!,
        b.weight ?? null,
        b.rstd ?? null,
        b.cos!,
        b.sin!,
        b.positions!,
        sizes,
      ),
    seeds: { out: 'dOut' },
    gradients: hasWeight ? { x: 'dX', weight: 'dWeight' } : { x: 'dX' },
    accumulated: ['dWeight'],
  };
}

function gatedCase(
  type: 'f32' | 'bf16',
  kernel: 'swiglu' | 'geglu',
  { N, C, ldX }: { N: number; C: number; ldX: number },
): KernelCase {
  const length = strided(N, C, ldX);
  return {
    name: `${kernel} ${N} × ${C}, rows ${ldX} apart`,
    buffers: {
      out: floats(type, N * C),
      gate: floats(type, length),
      up: floats(type, length),
      dOut: floats(type, N * C),
      dGate: floats(type, length),
      dUp: floats(type, length),
    },
    forward: (kernels, b) => kernels[kernel](b.out!, b.gate!, b.up!, { N, C, ldX }),
    backward: (kernels, b) => kernels[`${kernel}Backward`](b.dGate!, b.dUp!, b.dOut!, b.gate!, b.up!, { N, C, ldX }),
    seeds: { out: 'dOut' },
    gradients: { gate: 'dGate', up: 'dUp' },
  };
}

function softCapCase(type: 'f32' | 'bf16', length: number): KernelCase {
  const sizes = { length, cap: 0.7 };
  return {
    name: `softCap ${length}`,
    buffers: {
      out: floats(type, length),
      a: floats(type, length),
      dOut: floats(type, length),
      dA: floats(type, length),
    },
    forward: (kernels, b) => kernels.softCap(b.out!, b.a!, sizes),
    backward: (kernels, b) => kernels.softCapBackward(b.dA!, b.dOut!, b.out!, sizes),
    seeds: { out: 'dOut' },
    gradients: { a: 'dA' },
  };
}

function activationCase(type: 'f32' | 'bf16', activation: Activation, length: number): KernelCase {
  const sizes = { length, activation };
  return {
    name: `activate ${activation} ${length}`,
    buffers: {
      out: floats(type, length),
      x: floats(type, length),
      dOut: floats(type, length),
      dX: floats(type, length),
    },
    forward: (kernels, b) => kernels.activate(b.out!, b.x!, sizes),
    backward: (kernels, b) => kernels.activateBackward(b.dX!, b.dOut!, b.x!, sizes),
    seeds: { out: 'dOut' },
    gradients: { x: 'dX' },
  };
}
