import { type CaseList, floats, type KernelCase, strided, values } from './kernel-case.ts';

/** A linear congruential generator's high bits: any bytes will do, as long as all occur. */
function bytes(length: number): number[] {
  let state = 7;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
}

/** Ascending codes from −1 (or 0) to 1. */
function codes(count: number, lowest: number): number[] {
  return Array.from({ length: count }, (_, i) => lowest + ((1 - lowest) * i) / (count - 1));
}

const u8 = (numbers: readonly number[]) => ({ dtype: 'u8' as const, values: numbers });

/** 4-bit weights, 8-bit state, and the updates and row kernels that belong to adapters. */
export const quantizedCases: CaseList = (type) => {
  const dequantize = [
    [0, 0],
    [0, 200],
    [64, 128],
    [30, 101],
    [0, 2310],
  ].flatMap(([offset, length]): KernelCase[] => {
    const blocks = Math.ceil((offset! + length!) / 64) + 1;
    const shared = {
      out: floats(type, length!),
      packed: u8(bytes(1 + ((offset! + length! + 1) >> 1))),
      code: values('f32', codes(16, -1)),
    };
    const sizes = { offset: offset!, length: length!, blockSize: 64 };
    return [
      {
        name: `dequantize4 ${offset} + ${length}`,
        buffers: { ...shared, absmax: floats('f32', blocks) },
        forward: (kernels, b) => kernels.dequantize4(b.out!, b.packed!, b.absmax!, b.code!, null, null, sizes),
      },
      {
        name: `dequantize4 ${offset} + ${length}, double`,
        buffers: {
          ...shared,
          absmax: u8(bytes(blocks)),
          nestedAbsmax: floats('f32', Math.ceil(blocks / 8)),
          nestedCode: values('f32', codes(256, -1)),
        },
        forward: (kernels, b) =>
          kernels.dequantize4(b.out!, b.packed!, b.absmax!, b.code!, b.nestedAbsmax!, b.nestedCode!, {
            ...sizes,
            nestedBlockSize: 8,
            nestedOffset: 0.3,
          }),
      },
    ];
  });
  const quantize = [1, 63, 64, 200, 4097].flatMap((length) =>
    ['ascending', 'with two zeros'].map((kind): KernelCase => {
      const signed = Array.from({ length: 8 }, (_, i) => i / 7).flatMap((code) => [code, -code]);
      return {
        name: `quantize4 ${length}, codes ${kind}`,
        buffers: {
          packed: u8(new Array<number>((length + 1) >> 1).fill(0)),
          absmax: floats('f32', Math.ceil(length / 64)),
          a: floats(type, length),
          code: values('f32', kind === 'ascending' ? codes(16, -1) : signed),
        },
        forward: (kernels, b) => kernels.quantize4(b.packed!, b.absmax!, b.a!, b.code!, { length, blockSize: 64 }),
      };
    }),
  );
  const eightBit = [
    [0, 32, 16],
    [1, 32, 5],
    [5, 96, 48],
    [13, 64, 33],
    [70, 32, 20],
  ].flatMap(([M, K, N]): KernelCase[] => {
    const padded = 16 * Math.ceil(N! / 16);
    const ldOut = N! + 3;
    return [false, true].map((accumulate) => ({
      name: `quantize8, matmul8 ${M} × ${N} × ${K}${accumulate ? ', accumulated' : ''}`,
      buffers: {
        out: floats(type, strided(M!, N!, ldOut)),
        a: floats(type, M! * K!),
        weight: floats(type, N! * K!),
        codes: u8(new Array<number>(padded * K!).fill(0)),
        scales: floats('f32', (padded * K!) / 32),
      },
      forward: (kernels, b) => {
        kernels.quantize8(b.codes!, b.scales!, b.weight!, { N: N!, K: K! });
        kernels.matmul8(b.out!, b.a!, b.codes!, b.scales!, { M: M!, N: N!, K: K!, ldOut, accumulate });
      },
    }));
  });
  const rows = [
    [0, 5, 5],
    [3, 17, 17],
    [7, 33, 40],
  ].flatMap(([N, C, ld]): KernelCase[] => [
    ...[false, true].map(
      (accumulate): KernelCase => ({
        name: `scaleColumns ${N} × ${C}, stride ${ld}${accumulate ? ', accumulated' : ''}`,
        buffers: {
          out: floats(type, strided(N!, C!, ld!)),
          a: floats(type, strided(N!, C!, ld!)),
          factors: floats('f32', C!),
        },
        forward: (kernels, b) =>
          kernels.scaleColumns(b.out!, b.a!, b.factors!, { N: N!, C: C!, ldOut: ld!, ldA: ld!, accumulate }),
      }),
    ),
    ...[false, true].map(
      (accumulate): KernelCase => ({
        name: `scaleRows ${N} × ${C}${accumulate ? ', accumulated' : ''}`,
        buffers: { out: floats(type, N! * C!), a: floats('f32', N! * C!), factors: floats('f32', N!) },
        forward: (kernels, b) => kernels.scaleRows(b.out!, b.a!, b.factors!, { N: N!, C: C!, accumulate }),
      }),
    ),
    ...[false, true].map(
      (isReciprocal): KernelCase => ({
        name: `rowNorms ${N} × ${C}${isReciprocal ? ', reciprocal' : ''}`,
        buffers: { out: floats('f32', N!), a: floats(type, N! * C!) },
        forward: (kernels, b) => kernels.rowNorms(b.out!, b.a!, { N: N!, C: C!, isReciprocal }),
      }),
    ),
  ]);
  const copy = type === 'bf16' ? (length: number) => ({ bf16Copy: floats('bf16', length) }) : () => ({});
  const sizes = { learningRate: 0.01, weightDecay: 0.1, gradientScale: 0.5 };
  const updates = [1, 256, 1003].flatMap((length): KernelCase[] => [
    {
      name: `adamw8bit ${length}`,
      buffers: {
        parameter: floats('f32', length),
        m: u8(bytes(length)),
        mScale: values(
          'f32',
          Array.from({ length: Math.ceil(length / 256) }, (_, i) => 1 + i),
        ),
        v: u8(bytes(length)),
        vScale: values(
          'f32',
          Array.from({ length: Math.ceil(length / 256) }, (_, i) => 0.5 + i),
        ),
        grad: floats('f32', length),
        mCode: values('f32', codes(256, -1)),
        vCode: values('f32', codes(256, 0)),
        ...copy(length),
      },
      forward: (kernels, b) =>
        kernels.adamw8bit(
          b.parameter!,
          b.m!,
          b.mScale!,
          b.v!,
          b.vScale!,
          b.bf16Copy ?? null,
          b.grad!,
          b.mCode!,
          b.vCode!,
          { ...sizes, length, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, step: 3, blockSize: 256 },
        ),
    },
    {
      name: `lion ${length}`,
      buffers: {
        parameter: floats('f32', length),
        m: floats('f32', length),
        grad: floats('f32', length),
        ...copy(length),
      },
      forward: (kernels, b) =>
        kernels.lion(b.parameter!, b.m!, b.bf16Copy ?? null, b.grad!, { ...sizes, length, beta1: 0.9, beta2: 0.99 }),
    },
  ]);
  const factored = [
    [1, 19],
    [13, 40],
  ].flatMap(([O, I]): KernelCase[] => {
    const adafactorSizes = { ...sizes, O: O!, I: I!, beta2: 0.8, epsilon: 1e-30, clipThreshold: 1 };
    const ones = (length: number) =>
      values(
        'f32',
        Array.from({ length }, (_, i) => 0.2 + 0.01 * i),
      );
    const buffers = { parameter: floats('f32', O! * I!), grad: floats('f32', O! * I!), ...copy(O! * I!) };
    return [
      {
        name: `adafactor ${O} × ${I}`,
        buffers: { ...buffers, row: ones(O!), column: ones(I!) },
        forward: (kernels, b) =>
          kernels.adafactor(b.parameter!, b.row!, b.column!, b.bf16Copy ?? null, b.grad!, adafactorSizes),
      },
      ...(O === 1
        ? [
            {
              name: `adafactor ${I}, not factored`,
              buffers: { ...buffers, row: ones(I!) },
              forward: (kernels, b) =>
                kernels.adafactor(b.parameter!, b.row!, null, b.bf16Copy ?? null, b.grad!, adafactorSizes),
            } satisfies KernelCase,
          ]
        : []),
    ];
  });
  return [...dequantize, ...quantize, ...eightBit, ...rows, ...updates, ...factored];
};
