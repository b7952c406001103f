/**
 * One weight of a checkpoint, however its file keeps it: floats of a safetensors file, 4-bit codes with their maxima,
 * blocks of a GGUF. Loading goes through pieces of bounded size, so that no second copy of a tensor is ever in memory.
 */
import type { FourBitWeights, Kernels, Parameter } from '@tuiqiao/tensor';
import { bf16ToFloats, f16ToFloats } from './number-formats.ts';
import { asUint16, readTensorPieces, type TensorEntry } from './safetensors.ts';

export interface WeightSource {
  readonly name: string;
  readonly shape: readonly number[];
  /** As the file calls it. */
  readonly dtype: string;
  /** The elements as f32, in order, a piece at a time. */
  floats(): AsyncIterable<Float32Array>;
  /** The same as raw bf16 bits, where they are kept so; null otherwise. */
  readonly bf16Bits: (() => AsyncIterable<Uint16Array>) | null;
  /** Where those bits lie in one piece, when that is known. */
  readonly place?: { readonly file: string; readonly offset: number } | null;
  /** The 4-bit codes, where they are kept so; null otherwise. */
  readonly fourBit: (() => Promise<FourBitWeights>) | null;
}

/** Weights by Hugging Face name. */
export type WeightSources = ReadonlyMap<string, WeightSource>;

/** What a weight cannot be read from: integers without scales, 8-bit floats. */
const OTHER_TYPES = new Set(['I64', 'I32', 'I16', 'I8', 'U64', 'U32', 'U16', 'U8', 'BOOL', 'F8_E4M3', 'F8_E5M2']);

/** True for number formats a weight can be read from. */
export function isFloatType(dtype: string): boolean {
  return !OTHER_TYPES.has(dtype);
}

export function sourceOfEntry(entry: TensorEntry): WeightSource {
  return {
    name: entry.name,
    shape: entry.shape,
    dtype: entry.dtype,
    floats: () => floatPieces(entry),
    bf16Bits: entry.dtype === 'BF16' ? () => bitPieces(entry) : null,
    place: { file: entry.file, offset: entry.begin },
    fourBit: null,
  };
}

async function* bitPieces(entry: TensorEntry): AsyncGenerator<Uint16Array> {
  for await (const bytes of readTensorPieces(entry)) yield asUint16(bytes);
}

async function* floatPieces(entry: TensorEntry): AsyncGenerator<Float32Array> {
  for await (const bytes of readTensorPieces(entry)) yield toFloats(entry.dtype, bytes);
}

function toFloats(dtype: string, bytes: Uint8Array): Float32Array {
  switch (dtype) {
    case 'BF16':
      return bf16ToFloats(asUint16(bytes));
    case 'F16':
      return f16ToFloats(asUint16(bytes));
    case 'F64':
      return Float32Array.from(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8));
    default:
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  }
}

/** Copies a source into a parameter's value, as raw bits where both are bf16. */
export async function loadWeight(kernels: Kernels, parameter: Parameter, source: WeightSource): Promise<void> {
  const { value } = parameter;
  let offset = 0;
  if (value.dtype === 'bf16' && source.bf16Bits !== null) {
    for await (const bits of source.bf16Bits()) {
      kernels.writeBf16Bits(value.view(offset, bits.length), bits);
      offset += bits.length;
    }
    return;
  }
  for await (const floats of source.floats()) {
    kernels.write(value.view(offset, floats.length), floats);
    offset += floats.length;
  }
}

/** All elements at once; for small weights and tools. */
export async function readFloats(source: WeightSource): Promise<Float32Array> {
  const length = source.shape.reduce((product, size) => product * size, 1);
  const values = new Float32Array(length);
  let offset = 0;
  for await (const floats of source.floats()) {
    values.set(floats, offset);
    offset += floats.length;
  }
  return values;
}
