/**
 * Number formats of GGUF tensors → f32. A block holds 32 or 256 numbers with its scales: `Q8_0` d·q; `Q4_0` d·(q − 8);
 * `Q4_1` d·q + m; `Q5_0`/`Q5_1` the same with a fifth bit; the K types keep scales of 16 or 32 numbers in 6 bits under
 * one f16 scale. Layouts: ggml's `ggml-common.h` and `dequantize_row_*`.
 */
import { f16ToFloats } from './number-formats.ts';

export type GgufType = 'F32' | 'F16' | 'BF16' | 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1' | 'Q8_0' | 'Q4_K' | 'Q5_K' | 'Q6_K';

export interface GgufFormat {
  readonly type: GgufType;
  /** Numbers in a block. */
  readonly elements: number;
  readonly bytes: number;
}

/** By the number a file states. */
const FORMATS: ReadonlyMap<number, GgufFormat> = new Map([
  [0, { type: 'F32', elements: 1, bytes: 4 }],
  [1, { type: 'F16', elements: 1, bytes: 2 }],
  [2, { type: 'Q4_0', elements: 32, bytes: 18 }],
  [3, { type: 'Q4_1', elements: 32, bytes: 20 }],
  [6, { type: 'Q5_0', elements: 32, bytes: 22 }],
  [7, { type: 'Q5_1', elements: 32, bytes: 24 }],
  [8, { type: 'Q8_0', elements: 32, bytes: 34 }],
  [12, { type: 'Q4_K', elements: 256, bytes: 144 }],
  [13, { type: 'Q5_K', elements: 256, bytes: 176 }],
  [14, { type: 'Q6_K', elements: 256, bytes: 210 }],
  [30, { type: 'BF16', elements: 1, bytes: 2 }],
] as const);

/** Undefined for types this package does not read. */
export function ggufFormat(code: number): GgufFormat | undefined {
  return FORMATS.get(code);
}

/** The format of a type's name. */
export function ggufFormatOf(type: GgufType): GgufFormat {
  return [...FORMATS.values()].find((format) => format.type === type)!;
}

/** @param bytes whole blocks */
export function dequantizeGguf(type: GgufType, bytes: Uint8Array): Float32Array {
  const { elements, bytes: size } = ggufFormatOf(type);
  const count = Math.floor(bytes.length / size);
  const out = new Float32Array(count * elements);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const half = (at: number) => halves[view.getUint16(at, true)]!;
  for (let block = 0; block < count; block++) {
    const at = block * size;
    const to = block * elements;
    switch (type) {
      case 'F32':
        out[to] = view.getFloat32(at, true);
        break;
      case 'F16':
        out[to] = half(at);
        break;
      case 'BF16':
        word[0] = view.getUint16(at, true) << 16;
        out[to] = wordAsFloat[0]!;
        break;
      case 'Q8_0': {
        const d = half(at);
        for (let i = 0; i < 32; i++) out[to + i] = d * view.getInt8(at + 2 + i);
        break;
      }
      case 'Q4_0':
      case 'Q5_0':
      case 'Q4_1':
      case 'Q5_1':
        smallBlock(type, bytes, at, half, out, to);
        break;
      case 'Q4_K':
      case 'Q5_K':
        scaledBlock(type === 'Q5_K', bytes, at, half, out, to);
        break;
      case 'Q6_K':
        sixBitBlock(view, at, half, out, to);
        break;
      default:
        return type satisfies never;
    }
  }
  return out;
}

const halves = f16ToFloats(Uint16Array.from({ length: 65_536 }, (_, bits) => bits));
const word = new Uint32Array(1);
const wordAsFloat = new Float32Array(word.buffer);

/** 32 numbers of 4 or 5 bits: number i in the low nibble of byte i, number i + 16 in the high one. */
function smallBlock(
  type: 'Q4_0' | 'Q4_1' | 'Q5_0' | 'Q5_1',
  bytes: Uint8Array,
  at: number,
  half: (at: number) => number,
  out: Float32Array,
  to: number,
): void {
  const hasMinimum = type.endsWith('_1');
  const hasFifthBit = type.startsWith('Q5');
  const d = half(at);
  const m = hasMinimum ? half(at + 2) : 0;
  const bitsAt = at + (hasMinimum ? 4 : 2);
  const quantsAt = bitsAt + (hasFifthBit ? 4 : 0);
  const zero = hasMinimum ? 0 : hasFifthBit ? 16 : 8;
  const bit = (i: number) => (hasFifthBit ? ((bytes[bitsAt + (i >> 3)]! >> (i & 7)) & 1) << 4 : 0);
  for (let i = 0; i < 16; i++) {
    const byte = bytes[quantsAt + i]!;
    out[to + i] = d * (((byte & 15) | bit(i)) - zero) + m;
    out[to + 16 + i] = d * (((byte >> 4) | bit(16 + i)) - zero) + m;
  }
}

/** Eight runs of 32 numbers, each d·scale·q − dmin·minimum, scales and minima in 6 bits. */
function scaledBlock(
  hasFifthBit: boolean,
  bytes: Uint8Array,
  at: number,
  half: (at: number) => number,
  out: Float32Array,
  to: number,
): void {
  const d = half(at);
  const dMinimum = half(at + 2);
  const scalesAt = at + 4;
  const bitsAt = at + 16;
  const quantsAt = bitsAt + (hasFifthBit ? 32 : 0);
  for (let run = 0; run < 8; run++) {
    const byte = (i: number) => bytes[scalesAt + i]!;
    const scale = run < 4 ? byte(run) & 63 : (byte(run + 4) & 15) | ((byte(run - 4) >> 6) << 4);
    const minimum = run < 4 ? byte(run + 4) & 63 : (byte(run + 4) >> 4) | ((byte(run) >> 6) << 4);
    const [factor, offset] = [Math.fround(d * scale), Math.fround(dMinimum * minimum)];
    for (let i = 0; i < 32; i++) {
      const quant = bytes[quantsAt + (run >> 1) * 32 + i]!;
      const low = run % 2 === 0 ? quant & 15 : quant >> 4;
      const high = hasFifthBit ? ((bytes[bitsAt + i]! >> run) & 1) << 4 : 0;
      out[to + run * 32 + i] = factor * (low | high) - offset;
    }
  }
}

/** 256 numbers of 6 bits: four low, two high; sixteen signed 8-bit scales; the f16 scale comes last. */
function sixBitBlock(view: DataView, at: number, half: (at: number) => number, out: Float32Array, to: number): void {
  const d = half(at + 208);
  for (let part = 0; part < 2; part++) {
    for (let i = 0; i < 32; i++) {
      const low = view.getUint8(at + part * 64 + i);
      const next = view.getUint8(at + part * 64 + 32 + i);
      const high = view.getUint8(at + 128 + part * 32 + i);
      const quants = [
        (low & 15) | ((high & 3) << 4),
        (next & 15) | (((high >> 2) & 3) << 4),
        (low >> 4) | (((high >> 4) & 3) << 4),
        (next >> 4) | (((high >> 6) & 3) << 4),
      ];
      for (const [row, quant] of quants.entries()) {
        const scale = view.getInt8(at + 192 + part * 8 + (i >> 4) + 2 * row);
        out[to + part * 128 + row * 32 + i] = Math.fround(d * scale) * (quant - 32);
      }
    }
  }
}
