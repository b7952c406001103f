/** f32 numbers as GGUF tensor bytes: F32, F16, BF16, and Q8_0 (blocks of 32: an f16 scale, then 32 int8). */
import { floatsToBf16 } from '../checkpoint/number-formats.ts';

export type GgufType = 'F32' | 'F16' | 'BF16' | 'Q8_0';

/** ggml's numbers for the types. */
export const GGML_TYPE: Readonly<Record<GgufType, number>> = { F32: 0, F16: 1, Q8_0: 8, BF16: 30 };

const BLOCK = 32;
const BLOCK_BYTES = 2 + BLOCK;

/** Bytes of `length` numbers; for Q8_0 a multiple of 32. */
export function ggufBytes(type: GgufType, length: number): number {
  switch (type) {
    case 'F32':
      return 4 * length;
    case 'F16':
    case 'BF16':
      return 2 * length;
    case 'Q8_0':
      return (length / BLOCK) * BLOCK_BYTES;
    default:
      return type satisfies never;
  }
}

export function encodeGguf(type: GgufType, values: Float32Array): Uint8Array {
  const bytesOf = (array: Float32Array | Uint16Array) =>
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  switch (type) {
    case 'F32':
      return bytesOf(values);
    case 'F16':
      return bytesOf(floatsToF16(values));
    case 'BF16':
      return bytesOf(floatsToBf16(values));
    case 'Q8_0':
      return encodeQ8(values);
    default:
      return type satisfies never;
  }
}

/** q = round(x/d), d = max|x|/127, as ggml's reference. */
function encodeQ8(values: Float32Array): Uint8Array {
  const out = new Uint8Array(ggufBytes('Q8_0', values.length));
  const view = new DataView(out.buffer);
  for (let start = 0, at = 0; start < values.length; start += BLOCK, at += BLOCK_BYTES) {
    let largest = 0;
    for (let i = 0; i < BLOCK; i++) largest = Math.max(largest, Math.abs(values[start + i]!));
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    view.setUint16(at, toHalf(scale), true);
    for (let i = 0; i < BLOCK; i++) {
      const x = Math.fround(values[start + i]! * inverse);
      view.setInt8(at + 2 + i, Math.sign(x) * Math.round(Math.abs(x)));
    }
  }
  return out;
}

/** f32 → IEEE half bits, to nearest even; overflow becomes infinity. */
export function floatsToF16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, toHalf);
}

const scratch = new Float32Array(1);
const scratchBits = new Uint32Array(scratch.buffer);

function toHalf(x: number): number {
  scratch[0] = x;
  const bits = scratchBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below 2⁻¹⁴ a half has no leading one: the fraction counts units of 2⁻²⁴.
  if (magnitude < 0x38800000) {
    const units = Math.abs(scratch[0]!) * 2 ** 24;
    const floor = Math.floor(units);
    const rest = units - floor;
    return sign | (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}
