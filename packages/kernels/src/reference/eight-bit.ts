/** Weights in 8-bit blocks of 32 (Q8_0), and products with them. See native/eight-bit.cc about the layout. */
import type { DeviceBuffer } from '../contract.ts';
import { asHost, fromBf16Bits } from '../host-buffer.ts';
import { write } from './memory.ts';

const BLOCK = 32;
const PANEL = 16;
const STEP = 4;
const OFFSET = 128;
const { fround } = Math;

export function quantize8(
  codes: DeviceBuffer,
  scales: DeviceBuffer,
  weight: DeviceBuffer,
  { N, K }: { N: number; K: number },
): void {
  const values = floatsOf(weight);
  const bytes = asHost(codes).array;
  const factors = asHost(scales).array;
  const blocks = K / BLOCK;
  bytes.fill(OFFSET);
  factors.fill(0);
  for (let n = 0; n < N; n++) {
    for (let b = 0; b < blocks; b++) {
      const block = quantizeBlock(values, n * K + b * BLOCK);
      const place = Math.floor(n / PANEL) * blocks + b;
      factors[place * PANEL + (n % PANEL)] = block.scale;
      for (let k = 0; k < BLOCK; k++) bytes[place * BLOCK * PANEL + placeInBlock(n, k)] = block.codes[k]! + OFFSET;
    }
  }
}

export function matmul8(
  out: DeviceBuffer,
  a: DeviceBuffer,
  codes: DeviceBuffer,
  scales: DeviceBuffer,
  { M, N, K, ldOut = N, accumulate = false }: { M: number; N: number; K: number; ldOut?: number; accumulate?: boolean },
): void {
  const values = floatsOf(a);
  const bytes = asHost(codes).array;
  const factors = asHost(scales).array;
  const results = floatsOf(out);
  const blocks = K / BLOCK;
  for (let m = 0; m < M; m++) {
    const row = Array.from({ length: blocks }, (_, b) => quantizeBlock(values, m * K + b * BLOCK));
    for (let n = 0; n < N; n++) {
      let total = accumulate ? results[m * ldOut + n]! : 0;
      for (const [b, { scale, codes: left }] of row.entries()) {
        const place = Math.floor(n / PANEL) * blocks + b;
        let sum = 0;
        for (let k = 0; k < BLOCK; k++) sum += left[k]! * (bytes[place * BLOCK * PANEL + placeInBlock(n, k)]! - OFFSET);
        total += sum * scale * factors[place * PANEL + (n % PANEL)]!;
      }
      results[m * ldOut + n] = total;
    }
  }
  write(out, results);
}

function placeInBlock(n: number, k: number): number {
  return Math.floor(k / STEP) * STEP * PANEL + (n % PANEL) * STEP + (k % STEP);
}

/** Whole numbers nearest to x/scale, ties to even; scale = max |x| / 127. In f32, so that ties fall as they do natively. */
function quantizeBlock(values: Float32Array, start: number): { scale: number; codes: Int8Array } {
  let most = 0;
  for (let k = 0; k < BLOCK; k++) most = Math.max(most, Math.abs(values[start + k]!));
  const scale = fround(most / 127);
  const inverse = scale > 0 ? fround(1 / scale) : 0;
  const codes = Int8Array.from({ length: BLOCK }, (_, k) => roundToEven(values[start + k]! * inverse));
  return { scale, codes };
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

function floatsOf(buffer: DeviceBuffer): Float32Array {
  const { array, dtype } = asHost(buffer);
  return dtype === 'bf16' ? Float32Array.from(array, fromBf16Bits) : Float32Array.from(array);
}
