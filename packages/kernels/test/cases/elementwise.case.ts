import { type CaseList, floats, ints, type KernelCase, strided } from './kernel-case.ts';

const LENGTHS = [0, 1, 15, 64, 1003];

/** Element-wise kernels: odd lengths, both types and their mixtures, strides. */
export const elementwiseCases: CaseList = (type) => {
  const other = type === 'f32' ? 'bf16' : 'f32';
  const perLength = LENGTHS.flatMap((length): KernelCase[] => [
    {
      name: `fill ${length}`,
      buffers: { out: floats(type, length) },
      forward: (kernels, { out }) => kernels.fill(out!, 0.3),
    },
    {
      name: `scale ${length}`,
      buffers: { out: floats(type, length), a: floats(type, length) },
      forward: (kernels, { out, a }) => kernels.scale(out!, a!, { length, alpha: 0.7 }),
    },
    {
      name: `scale ${length}, accumulated, types mixed`,
      buffers: { out: floats(type, length), a: floats(other, length) },
      forward: (kernels, { out, a }) => kernels.scale(out!, a!, { length, alpha: -1.3, accumulate: true }),
    },
    {
      name: `scale ${length} in place`,
      buffers: { out: floats(type, length) },
      forward: (kernels, { out }) => kernels.scale(out!, out!, { length, alpha: 0.9 }),
    },
    {
      name: `scale ${length} converts`,
      buffers: { out: floats(type, length), a: floats(other, length) },
      forward: (kernels, { out, a }) => kernels.scale(out!, a!, { length, alpha: 1 }),
    },
    {
      name: `add ${length}, types mixed`,
      buffers: { out: floats('f32', length), a: floats(type, length), b: floats(other, length) },
      forward: (kernels, { out, a, b }) => kernels.add(out!, a!, b!, { length }),
    },
    {
      name: `multiply ${length}`,
      buffers: { out: floats(type, length), a: floats(type, length), b: floats(type, length) },
      forward: (kernels, { out, a, b }) => kernels.multiply(out!, a!, b!, { length }),
    },
    {
      name: `multiply ${length}, accumulated`,
      buffers: { out: floats('f32', length), a: floats(type, length), b: floats(other, length) },
      forward: (kernels, { out, a, b }) => kernels.multiply(out!, a!, b!, { length, accumulate: true }),
    },
    {
      name: `sumSquares ${length}`,
      buffers: { out: floats('f32', 3), a: floats(type, length) },
      forward: (kernels, { out, a }) => kernels.sumSquares(out!, a!, { index: 1, length }),
    },
    {
      name: `dropout ${length}`,
      buffers: { out: floats(type, length), a: floats(type, length) },
      forward: (kernels, { out, a }) => kernels.dropout(out!, a!, { length, p: 0.3, seed: 12345 }),
    },
  ]);
  const rows = [
    { N: 0, C: 5, ldX: 5 },
    { N: 1, C: 7, ldX: 7 },
    { N: 6, C: 33, ldX: 40 },
    { N: 37, C: 3, ldX: 3 },
  ].flatMap(({ N, C, ldX }): KernelCase[] => {
    const size = `${N} × ${C}, rows ${ldX} apart`;
    const length = strided(N, C, ldX);
    return [
      {
        name: `copyRows ${size}`,
        buffers: { out: floats(type, length), a: floats(type, N * C) },
        forward: (kernels, { out, a }) => kernels.copyRows(out!, a!, { N, C, ldOut: ldX }),
      },
      {
        name: `copyRows ${size}, converting`,
        buffers: { out: floats(other, N * C), a: floats(type, length) },
        forward: (kernels, { out, a }) => kernels.copyRows(out!, a!, { N, C, ldA: ldX }),
      },
      {
        name: `sumRows ${size}`,
        buffers: { out: floats('f32', C), x: floats(type, length) },
        forward: (kernels, { out, x }) => kernels.sumRows(out!, x!, { N, C, ldX }),
      },
      {
        name: `addBias and sumRows ${size}`,
        buffers: {
          out: floats(type, length),
          bias: floats('f32', C),
          dOut: floats(type, length),
          dBias: floats('f32', C),
        },
        forward: (kernels, { out, bias }) => kernels.addBias(out!, bias!, { N, C, ldX }),
        backward: (kernels, { dBias, dOut }) => kernels.sumRows(dBias!, dOut!, { N, C, ldX, accumulate: true }),
        seeds: { out: 'dOut' },
        gradients: { bias: 'dBias' },
        accumulated: ['dBias'],
      },
    ];
  });
  const ids = [3, 0, 3, 6, 3, 1, 0];
  const [N, V, C] = [ids.length, 7, 19];
  const gathered = [5, 0, 2];
  return [
    ...perLength,
    ...rows,
    {
      name: 'embed, an id many times',
      buffers: {
        out: floats('f32', N * C),
        table: floats(type, V * C),
        ids: ints(ids),
        dOut: floats('f32', N * C),
        dTable: floats('f32', V * C),
      },
      forward: (kernels, b) => kernels.embed(b.out!, b.table!, b.ids!, { N, C, scale: 1.7 }),
      backward: (kernels, b) => kernels.embedBackward(b.dTable!, b.dOut!, b.ids!, { N, C, V, scale: 1.7 }),
      seeds: { out: 'dOut' },
      gradients: { table: 'dTable' },
      accumulated: ['dTable'],
    },
    {
      name: 'embed, no rows',
      buffers: {
        out: floats(type, 0),
        table: floats(type, V * C),
        ids: ints([]),
        dOut: floats('f32', 0),
        dTable: floats('f32', V * C),
      },
      forward: (kernels, b) => kernels.embed(b.out!, b.table!, b.ids!, { N: 0, C }),
      backward: (kernels, b) => kernels.embedBackward(b.dTable!, b.dOut!, b.ids!, { N: 0, C, V }),
      seeds: { out: 'dOut' },
      gradients: { table: 'dTable' },
      accumulated: ['dTable'],
    },
    ...[gathered, [2, 0, 2, 2], []].map((rowsOf): KernelCase => {
      const R = rowsOf.length;
      return {
        name: `gatherRows ${R}`,
        buffers: {
          out: floats(type, R * C),
          x: floats(type, N * C),
          rows: ints(rowsOf),
          dOut: floats(type, R * C),
          dX: floats(type, N * C),
        },
        forward: (kernels, b) => kernels.gatherRows(b.out!, b.x!, b.rows!, { R, C }),
        backward: (kernels, b) => kernels.scatterAddRows(b.dX!, b.dOut!, b.rows!, { R, C }),
        seeds: { out: 'dOut' },
        gradients: { x: 'dX' },
        accumulated: ['dX'],
      };
    }),
  ];
};
