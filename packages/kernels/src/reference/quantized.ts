/** Numbers kept in fewer bits: 4-bit weights, 8-bit optimizer state. */
import type { DeviceBuffer, Kernels } from '../contract.ts';
import { asHost } from '../host-buffer.ts';
import { storeFloats, toFloats } from './memory.ts';

function toBytes(buffer: DeviceBuffer): Uint8Array {
  const { dtype, array } = asHost(buffer);
  if (dtype !== 'u8') throw new TypeError(`reference kernels: expected a u8 buffer, got ${dtype}`);
  return array as Uint8Array;
}

export const dequantize4: Kernels['dequantize4'] = (out, packed, absmax, code, nestedAbsmax, nestedCode, sizes) => {
  const { offset, length, blockSize, nestedBlockSize = 1, nestedOffset = 0 } = sizes;
  const bytes = toBytes(packed);
  const table = toFloats(code);
  const scales = absmax.dtype === 'u8' ? toBytes(absmax) : toFloats(absmax);
  const nestedScales = nestedAbsmax === null ? null : toFloats(nestedAbsmax);
  const nestedTable = nestedCode === null ? null : toFloats(nestedCode);
  const target = toFloats(out);
  for (let i = 0; i < length; i++) {
    const at = offset + i;
    const block = Math.floor(at / blockSize);
    const scale =
      nestedScales === null || nestedTable === null
        ? scales[block]!
        : Math.fround(
            Math.fround(nestedTable[scales[block]!]! * nestedScales[Math.floor(block / nestedBlockSize)]!) +
              nestedOffset,
          );
    const byte = bytes[at >> 1]!;
    target[i] = table[at % 2 === 0 ? byte >> 4 : byte & 15]! * scale;
  }
  if (target !== asHost(out).array) storeFloats(out, target);
};

export const quantize4: Kernels['quantize4'] = (packed, absmax, a, code, { length, blockSize }) => {
  const bytes = toBytes(packed);
  const values = toFloats(a);
  const maxima = toFloats(absmax);
  const table = toFloats(code);
  // The sort is stable: of equal codes the later one ranks higher.
  const order = [...table.keys()].sort((i, j) => table[i]! - table[j]!);
  const borders = Float32Array.from(order.slice(1), (index, i) => (table[index]! + table[order[i]!]!) / 2);
  /** Its rank among the 15 borders, by halving. */
  const codeOf = (x: number): number => {
    let rank = 0;
    for (let step = 8; step > 0; step >>= 1) if (x > borders[rank + step - 1]!) rank += step;
    return order[rank]!;
  };
  bytes.fill(0);
  for (let begin = 0; begin < length; begin += blockSize) {
    const end = Math.min(begin + blockSize, length);
    let largest = 0;
    for (let i = begin; i < end; i++) largest = Math.max(largest, Math.abs(values[i]!));
    maxima[begin / blockSize] = largest;
    for (let i = begin; i < end; i++) {
      bytes[i >> 1]! |= codeOf(largest === 0 ? 0 : Math.fround(values[i]! / largest)) << (i % 2 === 0 ? 4 : 0);
    }
  }
  if (length % 2 === 1) bytes[bytes.length - 1]! |= codeOf(0);
  if (maxima !== asHost(absmax).array) storeFloats(absmax, maxima);
};

/** Index of the code nearest to x; of two equally near, the lower. Codes ascend. */
function nearest(code: Float32Array, x: number): number {
  let low = 0;
  let high = code.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (x > Math.fround(0.5 * Math.fround(code[middle]! + code[middle + 1]!))) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Quantises one block in place of its codes; returns nothing that is not in the buffers. */
function quantizeBlock(values: Float32Array, code: Float32Array, out: Uint8Array, start: number): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  const scale = largest === 0 ? 0 : Math.fround(1 / largest);
  for (const [i, value] of values.entries()) out[start + i] = nearest(code, Math.fround(value * scale));
  return largest;
}

export const adamw8bit: Kernels['adamw8bit'] = (...operands) => {
  const [parameter, m, mScale, v, vScale, bf16Copy, grad, mCode, vCode, sizes] = operands;
  const { length, learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale, blockSize } = sizes;
  const values = toFloats(parameter);
  const gradients = toFloats(grad, length);
  const [firstCodes, secondCodes] = [toBytes(m), toBytes(v)];
  const [firstScales, secondScales] = [toFloats(mScale), toFloats(vScale)];
  const [firstTable, secondTable] = [toFloats(mCode), toFloats(vCode)];
  const keep = 1 - learningRate * weightDecay;
  const correction1 = 1 - beta1 ** step;
  const correction2 = 1 - beta2 ** step;
  for (let start = 0, block = 0; start < length; start += blockSize, block++) {
    const count = Math.min(blockSize, length - start);
    const first = new Float32Array(count);
    const second = new Float32Array(count);
    for (let k = 0; k < count; k++) {
      const i = start + k;
      const g = gradientScale * gradients[i]!;
      first[k] = beta1 * firstTable[firstCodes[i]!]! * firstScales[block]! + (1 - beta1) * g;
      second[k] = beta2 * secondTable[secondCodes[i]!]! * secondScales[block]! + (1 - beta2) * g * g;
      const update = first[k]! / correction1 / (Math.sqrt(second[k]! / correction2) + epsilon);
      values[i] = values[i]! * keep - learningRate * update;
    }
    firstScales[block] = quantizeBlock(first, firstTable, firstCodes, start);
    secondScales[block] = quantizeBlock(second, secondTable, secondCodes, start);
  }
  if (bf16Copy !== null) storeFloats(bf16Copy, values.subarray(0, length));
};
