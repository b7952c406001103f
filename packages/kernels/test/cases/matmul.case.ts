import type { MatmulSizes } from '../../src/contract.ts';
import { type CaseList, floats, strided } from './kernel-case.ts';

const SIZES: MatmulSizes[] = [
  { M: 1, N: 1, K: 1 },
  { M: 3, N: 5, K: 7 },
  { M: 17, N: 33, K: 65 },
  { M: 130, N: 70, K: 97 },
  { M: 0, N: 4, K: 3 },
  { M: 4, N: 3, K: 0, accumulate: true },
  { M: 1, N: 200, K: 64, transposeB: true, isConstantB: true },
  { M: 9, N: 31, K: 20, transposeB: true, alpha: 0.5 },
  { M: 64, N: 96, K: 64, transposeB: true, accumulate: true, isConstantB: true },
  { M: 31, N: 9, K: 40, transposeA: true, accumulate: true, alpha: -1.5 },
  { M: 13, N: 67, K: 77, transposeB: true, accumulate: true, alpha: 2, ldA: 80, ldB: 79, ldOut: 70 },
  { M: 12, N: 8, K: 16, transposeA: true, transposeB: true },
  { M: 7, N: 11, K: 13, ldA: 19, ldB: 23, ldOut: 29 },
  { M: 7, N: 11, K: 13, transposeA: true, ldA: 10, ldOut: 17, accumulate: true },
  { M: 40, N: 24, K: 32, transposeB: true, ldB: 40, ldOut: 72 },
  { M: 50, N: 40, K: 1100 },
  { M: 20, N: 90, K: 1088, transposeB: true, alpha: 0.5 },
  { M: 90, N: 20, K: 600, transposeA: true, accumulate: true },
  { M: 300, N: 300, K: 40, transposeB: true },
  { M: 150, N: 8, K: 33, transposeA: true, ldA: 200, accumulate: true, alpha: 2 },
  { M: 77, N: 19, K: 40, transposeA: true, ldA: 90, ldB: 21, ldOut: 23 },
  { M: 61, N: 44, K: 150, transposeB: true, accumulate: true, alpha: 0.5, ldA: 153, ldB: 151, ldOut: 47 },
  { M: 141, N: 100, K: 7, ldA: 9, ldOut: 120, accumulate: true, alpha: 2 },
  { M: 133, N: 67, K: 16, transposeB: true, ldB: 20, alpha: 0.5 },
  { M: 137, N: 8, K: 200, transposeB: true, ldA: 210, ldB: 201, accumulate: true },
  { M: 131, N: 10, K: 70, ldB: 12, ldOut: 13, alpha: 3 },
  { M: 8, N: 103, K: 65, transposeA: true, accumulate: true },
  { M: 17, N: 96, K: 90, transposeA: true, ldB: 140, ldOut: 100, alpha: 0.5 },
  { M: 16, N: 60, K: 2048, transposeB: true },
  { M: 15, N: 52, K: 48, transposeB: true, alpha: 0.5 },
  { M: 45, N: 40, K: 16, transposeB: true, accumulate: true, alpha: 2, ldOut: 50 },
];

/** Matrix products: every transposition, strides, odd and empty sizes, either output type. */
export const matmulCases: CaseList = (type) =>
  SIZES.flatMap((sizes) =>
    (['f32', 'bf16'] as const)
      .filter((outType) => type === 'bf16' || outType === 'f32')
      .map((outType) => {
        const { M, N, K, transposeA = false, transposeB = false } = sizes;
        const { ldA = transposeA ? M : K, ldB = transposeB ? K : N, ldOut = N } = sizes;
        return {
          name: `matmul ${JSON.stringify(sizes)} into ${outType}`,
          buffers: {
            out: floats(outType, strided(M, N, ldOut)),
            a: floats(type, transposeA ? strided(K, M, ldA) : strided(M, K, ldA)),
            b: floats(type, transposeB ? strided(N, K, ldB) : strided(K, N, ldB)),
          },
          forward: (kernels, { out, a, b }) => kernels.matmul(out!, a!, b!, sizes),
        };
      }),
  );
