/** Parameters whose value is kept in 4 bits: made from a float value or from stored bytes, and read back as f32. */
import type { DeviceBuffer, FloatType, Kernels } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import { parameterLength } from '../parameter.ts';
import type { Parameter, QuantizedWeight } from '../tape.ts';
import { dynamicMap } from './blockwise.ts';
import {
  FOUR_BIT_BLOCK,
  type FourBitType,
  type FourBitWeights,
  fourBitCode,
  NESTED_BLOCK,
  quantizeFourBit,
} from './four-bit.ts';

/** The bytes and scales of `weights` in the kernels' memory. */
export function uploadFourBit(kernels: Kernels, weights: FourBitWeights): QuantizedWeight {
  const { type, packed, maxima } = weights;
  const bytes = (data: Uint8Array): DeviceBuffer => {
    const buffer = kernels.allocate('u8', data.length);
    kernels.writeBytes(buffer, data);
    return buffer;
  };
  const floats = (data: Float32Array): DeviceBuffer => {
    const buffer = kernels.allocate('f32', data.length);
    kernels.write(buffer, data);
    return buffer;
  };
  const code = floats(fourBitCode(type));
  if (maxima instanceof Float32Array) {
    return { type, packed: bytes(packed), maxima: floats(maxima), code, nested: null };
  }
  const nested = { maxima: floats(maxima.maxima), code: floats(dynamicMap()), offset: maxima.offset };
  return { type, packed: bytes(packed), maxima: bytes(maxima.codes), code, nested };
}

/** Memory for a weight of that shape in 4 bits, all zeros: what a real one takes. */
export function allocateFourBit(
  kernels: Kernels,
  shape: readonly number[],
  { type, doubleQuant }: { readonly type: FourBitType; readonly doubleQuant: boolean },
): QuantizedWeight {
  const length = parameterLength(shape);
  const blocks = Math.ceil(length / FOUR_BIT_BLOCK);
  const floats = (count: number): DeviceBuffer => kernels.allocate('f32', count);
  return {
    type,
    packed: kernels.allocate('u8', Math.ceil(length / 2)),
    maxima: doubleQuant ? kernels.allocate('u8', blocks) : floats(blocks),
    code: floats(fourBitCode(type).length),
    nested: doubleQuant
      ? { maxima: floats(Math.ceil(blocks / NESTED_BLOCK)), code: floats(dynamicMap().length), offset: 0 }
      : null,
  };
}

/**
 * Replaces a frozen matrix's float value by its 4-bit form; its memory is freed.
 * @throws TensorError `tensor.state` when the parameter is trained or no matrix
 */
export async function quantizeParameter(
  kernels: Kernels,
  parameter: Parameter,
  options: { type: FourBitType; doubleQuant?: boolean },
): Promise<void> {
  if (parameter.requiresGrad || parameter.shape.length !== 2) {
    throw new TensorError('tensor.state', `quantizeParameter: expected a frozen matrix, got ${parameter.name}`);
  }
  const weights = await quantizeFourBit(kernels, parameter.value, options);
  setQuantized(kernels, parameter, uploadFourBit(kernels, weights));
}

/** Gives a frozen parameter a 4-bit value; what it held before is dropped. */
export function setQuantized(kernels: Kernels, parameter: Parameter, quantized: QuantizedWeight): void {
  // An empty buffer still says what products are computed in.
  const empty = kernels.allocate(parameter.compute.dtype, 0);
  parameter.quantized = quantized;
  parameter.value = empty;
  parameter.compute = empty;
  parameter.fusion = null;
}

/** `length` elements of the weight from `offset` (even) on, into `out`. */
export function dequantizeInto(
  kernels: Kernels,
  out: DeviceBuffer,
  { packed, maxima, code, nested }: QuantizedWeight,
  { offset, length }: { offset: number; length: number },
): void {
  kernels.dequantize4(out, packed, maxima, code, nested?.maxima ?? null, nested?.code ?? null, {
    offset,
    length,
    blockSize: FOUR_BIT_BLOCK,
    nestedBlockSize: NESTED_BLOCK,
    nestedOffset: nested?.offset ?? 0,
  });
}

/** The whole weight as a new buffer. */
export function dequantizeParameter(kernels: Kernels, parameter: Parameter, type: FloatType = 'f32'): DeviceBuffer {
  const length = parameterLength(parameter.shape);
  const out = kernels.allocate(type, length);
  if (parameter.quantized) dequantizeInto(kernels, out, parameter.quantized, { offset: 0, length });
  else if (length > 0) kernels.scale(out, parameter.value, { length, alpha: 1 });
  return out;
}
