import { type CaseList, floats, ints, type KernelCase, strided } from './kernel-case.ts';

/** Routed experts: choice, grouped products, the way back to tokens. */
export const expertCases: CaseList = (type) => [
  ...[false, true].map((isNormalised) => routeCase(isNormalised)),
  productCase(type),
  weightsCase(type),
  listCase(type),
  scatterCase(type),
];

function routeCase(isNormalised: boolean): KernelCase {
  const sizes = { N: 5, E: 6, K: 2, isNormalised };
  const R = 10;
  return {
    name: `routeExperts${isNormalised ? ', normalised' : ''}`,
    buffers: {
      weights: floats('f32', R),
      tokens: ints(new Array<number>(R).fill(0)),
      offsets: ints(new Array<number>(7).fill(0)),
      logits: floats('f32', 30),
      dWeights: floats('f32', R),
      dLogits: floats('f32', 30),
    },
    forward: (kernels, b) => kernels.routeExperts(b.weights!, b.tokens!, b.offsets!, b.logits!, sizes),
    backward: (kernels, b) =>
      kernels.routeExpertsBackward(b.dLogits!, b.dWeights!, b.weights!, b.tokens!, b.offsets!, b.logits!, sizes),
    seeds: { weights: 'dWeights' },
    gradients: { logits: 'dLogits' },
  };
}

function productCase(type: 'f32' | 'bf16'): KernelCase {
  const [E, N, K, R] = [3, 5, 4, 7];
  const sizes = { E, N, K, transposeB: true };
  return {
    name: 'expertMatmul, one expert without rows',
    buffers: {
      out: floats(type, R * N),
      a: floats(type, R * K),
      b: floats(type, E * N * K),
      offsets: ints([0, 4, 4, 7]),
      dOut: floats(type, R * N),
      dA: floats(type, R * K),
    },
    forward: (kernels, b) => kernels.expertMatmul(b.out!, b.a!, b.b!, b.offsets!, sizes),
    backward: (kernels, b) => kernels.expertMatmul(b.dA!, b.dOut!, b.b!, b.offsets!, { E, N: K, K: N }),
    seeds: { out: 'dOut' },
    gradients: { a: 'dA' },
  };
}

function weightsCase(type: 'f32' | 'bf16'): KernelCase {
  const [E, N, K, R] = [3, 5, 4, 7];
  return {
    name: 'expertMatmulWeights',
    buffers: {
      out: floats(type, R * N),
      a: floats(type, R * K),
      b: floats(type, E * N * K),
      offsets: ints([0, 2, 6, 7]),
      dOut: floats(type, R * N),
      dB: floats('f32', E * N * K),
    },
    forward: (kernels, b) => kernels.expertMatmul(b.out!, b.a!, b.b!, b.offsets!, { E, N, K, transposeB: true }),
    backward: (kernels, b) => kernels.expertMatmulWeights(b.dB!, b.dOut!, b.a!, b.offsets!, { E, O: N, I: K }),
    seeds: { out: 'dOut' },
    gradients: { b: 'dB' },
    accumulated: ['dB'],
  };
}

/** Matrices one by one, of which one expert has none, between wider rows, scaled and added. */
function listCase(type: 'f32' | 'bf16'): KernelCase {
  const [E, N, K, R, ldOut, ldA] = [3, 3, 4, 7, 5, 6];
  const common = { E, accumulate: true, alpha: 0.5 };
  return {
    name: 'expertMatmul, added, one matrix missing',
    buffers: {
      out: floats(type, strided(R, N, ldOut)),
      a: floats(type, strided(R, K, ldA)),
      b0: floats(type, N * K),
      b2: floats(type, N * K),
      offsets: ints([0, 2, 5, 7]),
      dOut: floats(type, strided(R, N, ldOut)),
      dA: floats(type, strided(R, K, ldA)),
      dB0: floats('f32', N * K),
      dB2: floats('f32', N * K),
    },
    forward: (kernels, b) => {
      const sizes = { ...common, N, K, transposeB: true, ldOut, ldA };
      kernels.expertMatmul(b.out!, b.a!, [b.b0!, null, b.b2!], b.offsets!, sizes);
    },
    backward: (kernels, b) => {
      const sizes = { ...common, N: K, K: N, ldOut: ldA, ldA: ldOut };
      kernels.expertMatmul(b.dA!, b.dOut!, [b.b0!, null, b.b2!], b.offsets!, sizes);
      const weights = { E, O: N, I: K, alpha: 0.5, ldOut, ldA };
      kernels.expertMatmulWeights([b.dB0!, null, b.dB2!], b.dOut!, b.a!, b.offsets!, weights);
    },
    seeds: { out: 'dOut' },
    gradients: { a: 'dA', b0: 'dB0', b2: 'dB2' },
    accumulated: ['dA', 'dB0', 'dB2'],
  };
}

function scatterCase(type: 'f32' | 'bf16'): KernelCase {
  const [R, C] = [6, 4];
  return {
    name: 'scatterWeighted',
    buffers: {
      out: floats('f32', 3 * C),
      x: floats(type, R * C),
      weights: floats('f32', R),
      tokens: ints([0, 2, 1, 0, 2, 1]),
      dOut: floats('f32', 3 * C),
      dX: floats(type, R * C),
      dWeights: floats('f32', R),
    },
    forward: (kernels, b) => kernels.scatterWeighted(b.out!, b.x!, b.weights!, b.tokens!, { R, C }),
    backward: (kernels, b) =>
      kernels.scatterWeightedBackward(b.dX!, b.dWeights!, b.dOut!, b.x!, b.weights!, b.tokens!, { R, C }),
    seeds: { out: 'dOut' },
    gradients: { x: 'dX', weights: 'dWeights' },
  };
}
