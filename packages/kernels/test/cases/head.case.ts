import { type CaseList, floats, ints, type KernelCase, values } from './kernel-case.ts';

/** Log-probabilities of the head, with and without entropy and mean, and the optimizers' updates. */
export const headCases: CaseList = (type) => [
  ...[
    { R: 0, V: 5 },
    { R: 1, V: 2 },
    { R: 4, V: 7 },
    { R: 9, V: 1000 },
  ].flatMap(({ R, V }) => [false, true].map((withAll) => tokenLogProbsCase(type, { R, V, withAll }))),
  {
    name: 'tokenLogProbs: lowest index on a tie; large logits',
    buffers: {
      logProbs: floats('f32', 2),
      lse: floats('f32', 2),
      top: ints([9, 9]),
      logits: values(type, [1, 3, 3, 2, 300, -300, 300, 0]),
      targets: ints([1, 0]),
    },
    forward: (kernels, b) =>
      kernels.tokenLogProbs(b.logProbs!, b.lse!, null, null, b.top!, b.logits!, b.targets!, { R: 2, V: 4 }),
  },
  ...[0, 1, 1003].flatMap((length) => updateCases(length, type === 'bf16')),
];

function tokenLogProbsCase(type: 'f32' | 'bf16', sizes: { R: number; V: number; withAll: boolean }): KernelCase {
  const { R, V, withAll } = sizes;
  const extra = withAll
    ? {
        entropy: floats('f32', R),
        meanLogProbs: floats('f32', R),
        dEntropy: floats('f32', R),
        dMean: floats('f32', R),
        top: ints(new Array<number>(R).fill(0)),
      }
    : {};
  return {
    name: `tokenLogProbs ${R} × ${V}${withAll ? ' with entropy, mean and top' : ''}`,
    buffers: {
      logProbs: floats('f32', R),
      lse: floats('f32', R),
      logits: floats(type, R * V),
      targets: ints(Array.from({ length: R }, (_, r) => (5 * r) % V)),
      dLogProbs: floats('f32', R),
      dLogits: floats(type, R * V),
      ...extra,
    },
    forward: (kernels, b) =>
      kernels.tokenLogProbs(
        b.logProbs!,
        b.lse!,
        b.entropy ?? null,
        b.meanLogProbs ?? null,
        b.top ?? null,
        b.logits!,
        b.targets!,
        { R, V },
      ),
    backward: (kernels, b) =>
      kernels.tokenLogProbsBackward(
        b.dLogits!,
        b.dLogProbs!,
        b.dEntropy ?? null,
        b.dMean ?? null,
        b.logits!,
        b.lse!,
        b.entropy ?? null,
        b.targets!,
        { R, V },
      ),
    seeds: withAll ? { logProbs: 'dLogProbs', entropy: 'dEntropy', meanLogProbs: 'dMean' } : { logProbs: 'dLogProbs' },
    gradients: { logits: 'dLogits' },
  };
}

function updateCases(length: number, hasCopy: boolean): KernelCase[] {
  const copy = hasCopy ? { bf16Copy: floats('bf16', length) } : {};
  const positive = Array.from({ length }, (_, i) => ((i * 37) % 101) / 1000);
  const adamwSizes = { length, learningRate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1 };
  const sgdSizes = { length, learningRate: 0.01, weightDecay: 0.1, gradientScale: 0.5 };
  return [
    ...[1, 7].map(
      (step): KernelCase => ({
        name: `adamw ${length}, step ${step}`,
        buffers: {
          parameter: floats('f32', length),
          m: floats('f32', length),
          v: values('f32', positive),
          grad: floats('f32', length),
          ...copy,
        },
        forward: (kernels, b) =>
          kernels.adamw(b.parameter!, b.m!, b.v!, b.bf16Copy ?? null, b.grad!, {
            ...adamwSizes,
            step,
            gradientScale: 0.5,
          }),
      }),
    ),
    ...[0, 0.9].flatMap((momentum) =>
      [1, 2].map(
        (step): KernelCase => ({
          name: `sgd ${length}, momentum ${momentum}, step ${step}`,
          buffers: {
            parameter: floats('f32', length),
            buffer: floats('f32', length),
            grad: floats('f32', length),
            ...copy,
          },
          forward: (kernels, b) =>
            kernels.sgd(b.parameter!, momentum === 0 ? null : b.buffer!, b.bf16Copy ?? null, b.grad!, {
              ...sgdSizes,
              momentum,
              step,
            }),
        }),
      ),
    ),
  ];
}
