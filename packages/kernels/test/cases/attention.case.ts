import { type CaseList, floats, ints, type KernelCase, strided } from './kernel-case.ts';

interface AttentionCase {
  segments: number[];
  /** What each segment goes on from, −1 for nothing. */
  prefixes?: number[];
  H: number;
  G: number;
  D: number;
  /** Columns between the end of a row and the next. */
  gap?: number;
  window?: number;
  scale?: number;
  softCap?: number;
  alibi?: boolean;
}

const CASES: AttentionCase[] = [
  { segments: [0, 6], H: 2, G: 2, D: 4 },
  { segments: [0, 1, 2, 9], H: 4, G: 2, D: 8 },
  { segments: [0, 5, 5, 12], H: 3, G: 1, D: 6, gap: 5, scale: 0.21 },
  { segments: [0, 9, 14], H: 2, G: 1, D: 4, window: 3 },
  { segments: [0, 3], H: 1, G: 1, D: 1, window: 1 },
  { segments: [0, 70, 101], H: 4, G: 2, D: 64, gap: 128 },
  { segments: [0, 0], H: 2, G: 1, D: 8 },
  { segments: [0, 9, 14], H: 2, G: 1, D: 4, softCap: 0.5, window: 5 },
  { segments: [0, 3, 80], H: 3, G: 3, D: 8, alibi: true },
  { segments: [0, 7], H: 5, G: 1, D: 4, alibi: true, softCap: 1.5 },
  { segments: [0, 4, 6, 9, 11], prefixes: [-1, 0, 0, -1], H: 4, G: 2, D: 6, gap: 3 },
  { segments: [0, 2, 75, 100, 170, 171], prefixes: [-1, -1, 1, 1, 1], H: 4, G: 2, D: 64, scale: 0.3 },
  { segments: [0, 5, 9, 9, 12], prefixes: [-1, 0, 0, 0], H: 2, G: 1, D: 4, window: 3, softCap: 1 },
  { segments: [0, 66, 80, 150], prefixes: [-1, 0, 0], H: 2, G: 1, D: 8, window: 70 },
  { segments: [0, 0, 3, 5], prefixes: [-1, 0, 0], H: 2, G: 2, D: 4, alibi: true },
  { segments: [0, 70, 75, 139], prefixes: [-1, 0, 0], H: 3, G: 3, D: 8, alibi: true },
];

/** Packed attention: grouped heads, segments of length 0 and 1, windows, strides, prefixes; and attention over a cache. */
export const attentionCases: CaseList = (type) => [
  ...CASES.map((sizes) => packedCase(type, sizes)),
  fusedRowsCase(type),
  ...[{}, { window: 3 }, { softCap: 0.5 }, { alibi: true, window: 4 }].map((extra) => cachedCase(type, extra)),
  cacheAppendCase(type),
];

function packedCase(type: 'f32' | 'bf16', { segments, prefixes, gap = 0, ...rest }: AttentionCase): KernelCase {
  const { H, G, D } = rest;
  const N = segments.at(-1)!;
  const [ldQ, ldK, ldV] = [H * D + gap, G * D + gap, G * D + 2 * gap];
  const sizes = { N, ldQ, ldK, ldV, S: segments.length - 1, ...rest };
  const [q, k, v] = [strided(N, H * D, ldQ), strided(N, G * D, ldK), strided(N, G * D, ldV)];
  return {
    name: `attention ${JSON.stringify({ segments, prefixes, gap, ...rest })}`,
    buffers: {
      out: floats(type, N * H * D),
      lse: floats('f32', N * H),
      q: floats(type, q),
      k: floats(type, k),
      v: floats(type, v),
      segments: ints(segments),
      ...(prefixes === undefined ? {} : { prefixes: ints(prefixes) }),
      dOut: floats(type, N * H * D),
      dQ: floats(type, q),
      dK: floats(type, k),
      dV: floats(type, v),
    },
    forward: (kernels, b) =>
      kernels.attention(b.out!, b.lse!, b.q!, b.k!, b.v!, b.segments!, b.prefixes ?? null, sizes),
    backward: (
      kernels,
      { dQ, dK, dV, dOut, q: from, k: keys, v: values, out, lse, segments: bounds, prefixes: before },
    ) =>
      kernels.attentionBackward(
        dQ!,
        dK!,
        dV!,
        dOut!,
        from!,
        keys!,
        values!,
        out!,
        lse!,
        bounds!,
        before ?? null,
        sizes,
      ),
    seeds: { out: 'dOut' },
    gradients: { q: 'dQ', k: 'dK', v: 'dV' },
  };
}

/** q, k and v as column slices of one buffer, their gradients as slices of another. */
function fusedRowsCase(type: 'f32' | 'bf16'): KernelCase {
  const [N, H, G, D] = [7, 4, 2, 6];
  const width = (H + 2 * G) * D;
  const sizes = { N, H, G, D, ldQ: width, ldK: width, ldV: width, S: 2 };
  const starts = [0, H * D, (H + G) * D];
  return {
    name: 'attention over column slices of one buffer',
    buffers: {
      out: floats(type, N * H * D),
      lse: floats('f32', N * H),
      qkv: floats(type, N * width),
      segments: ints([0, 4, N]),
      dOut: floats(type, N * H * D),
      dQkv: floats(type, N * width),
    },
    forward: (kernels, b) => {
      const [q, k, v] = starts.map((start) => b.qkv!.view(start, N * width - start));
      kernels.attention(b.out!, b.lse!, q!, k!, v!, b.segments!, null, sizes);
    },
    backward: (kernels, b) => {
      const [q, k, v] = starts.map((start) => b.qkv!.view(start, N * width - start));
      const [dQ, dK, dV] = starts.map((start) => b.dQkv!.view(start, N * width - start));
      kernels.attentionBackward(dQ!, dK!, dV!, b.dOut!, q!, k!, v!, b.out!, b.lse!, b.segments!, null, sizes);
    },
    seeds: { out: 'dOut' },
    gradients: { qkv: 'dQkv' },
  };
}

function cachedCase(type: 'f32' | 'bf16', extra: Pick<AttentionCase, 'window' | 'softCap' | 'alibi'>): KernelCase {
  const [B, H, G, D, pageSize, pages, ldTable] = [3, 4, 2, 8, 4, 5, 3];
  const sizes = { B, H, G, D, pageSize, ldTable, ...extra };
  return {
    name: `attentionCached ${JSON.stringify(extra)}`,
    buffers: {
      out: floats(type, B * H * D),
      q: floats(type, B * H * D),
      kCache: floats(type, pages * pageSize * G * D),
      vCache: floats(type, pages * pageSize * G * D),
      // Pages in any order, one of them the beginning of two; none where none is seen.
      tables: ints([4, -1, -1, 2, 0, 3, 2, 1, -1]),
      lengths: ints([1, 9, 6]),
    },
    forward: (kernels, b) => kernels.attentionCached(b.out!, b.q!, b.kCache!, b.vCache!, b.tables!, b.lengths!, sizes),
  };
}

function cacheAppendCase(type: 'f32' | 'bf16'): KernelCase {
  const [N, G, D, pageSize, ldX] = [4, 2, 3, 4, 11];
  return {
    name: 'cacheAppend from strided rows',
    buffers: {
      cache: floats(type, 4 * pageSize * G * D),
      x: floats(type, strided(N, G * D, ldX)),
      rows: ints([1, 2, 14, 5]),
    },
    forward: (kernels, b) => kernels.cacheAppend(b.cache!, b.x!, b.rows!, { N, G, D, pageSize, ldX }),
  };
}
