/** The weights of a GGUF file under Hugging Face's names, put together from the rows of its tensors. */
import { open } from 'node:fs/promises';
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';
import { GGUF_ARCHITECTURES } from '../gguf/gguf-architectures.ts';
import { ggufLayout, reorderRows } from '../gguf/gguf-layout.ts';
import type { GgufFile, GgufTensor } from './gguf.ts';
import { dequantizeGguf } from './gguf-blocks.ts';
import { asUint16 } from './safetensors.ts';
import type { WeightSource, WeightSources } from './weight-source.ts';

/** Factors on the rotary wavelengths: of Llama 3.1, and of Phi-3's long and short texts. The config has them. */
export const ROPE_TENSORS = {
  factors: 'rope_freqs.weight',
  long: 'rope_factors_long.weight',
  short: 'rope_factors_short.weight',
} as const;
/** One a pair of a head's numbers: far more than any model has. */
const MOST_FACTORS = 1 << 14;
/** Bytes of blocks converted at a time. */
const PIECE_BYTES = 1 << 22;

/** Rows of a tensor that belong to a weight. */
interface Slice {
  readonly tensor: GgufTensor;
  /** Of the weight. */
  readonly to: number;
  readonly rows: number;
  readonly begin: number;
  readonly end: number;
  readonly pairedHeads: number;
  readonly addend: number;
}

/**
 * Weights by Hugging Face name. Tensors that no weight is made of are there under their own names, and those of another
 * shape than expected with the shape they have, for loading to report.
 */
export function ggufSources(gguf: GgufFile, config: ModelConfig): WeightSources {
  const { file, tensors } = gguf;
  const { hasPairedRows = false } = GGUF_ARCHITECTURES[String(gguf.metadata.get('general.architecture'))]!;
  const layout = ggufLayout(config, hasPairedRows, {
    queryKeyValue: tensors.has('blk.0.attn_qkv.weight'),
    gateUp: typeof config.architecture.names.gateUp === 'string' && !tensors.has('blk.0.ffn_gate.weight'),
  });
  const slices = new Map<string, Slice[]>();
  const sources = new Map<string, WeightSource>();
  const used = new Set<string>(Object.values(ROPE_TENSORS));
  for (const { name, shape, pieces, addend } of layout) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    used.add(name);
    if (`${tensor.shape}` !== `${shape}`) {
      for (const { parameter } of pieces) sources.set(parameter, wholeTensor(file, parameter, tensor));
      continue;
    }
    const rowBytes = (tensor.end - tensor.begin) / pieces.reduce((sum, { rows }) => sum + rows, 0);
    let begin = tensor.begin;
    for (const { parameter, firstRow, rows, pairedHeads } of pieces) {
      const end = begin + rows * rowBytes;
      const slice = { tensor, to: firstRow, rows, begin, end, pairedHeads, addend };
      slices.set(parameter, [...(slices.get(parameter) ?? []), slice]);
      begin = end;
    }
  }
  for (const [name, parts] of slices) {
    if (sources.has(name)) continue;
    parts.sort((a, b) => a.to - b.to);
    sources.set(name, joined(file, name, parts));
  }
  for (const tensor of tensors.values()) {
    if (!used.has(tensor.name)) sources.set(tensor.name, wholeTensor(file, tensor.name, tensor));
  }
  return sources;
}

/** All values of a small tensor. @throws LmError `checkpoint-malformed` */
export async function ggufFloats(file: string, tensor: GgufTensor): Promise<number[]> {
  const count = tensor.shape.reduce((product, size) => product * size, 1);
  if (count > MOST_FACTORS) {
    throw new LmError(
      'checkpoint-malformed',
      `${file}: expected at most ${MOST_FACTORS} numbers in ${tensor.name}, got ${count}`,
    );
  }
  const list: number[] = [];
  for await (const bytes of pieces(file, tensor)) list.push(...dequantizeGguf(tensor.format.type, bytes));
  return list;
}

function wholeTensor(file: string, name: string, tensor: GgufTensor): WeightSource {
  const { begin, end, shape } = tensor;
  return { ...joined(file, name, [{ tensor, to: 0, rows: shape[0]!, begin, end, pairedHeads: 0, addend: 0 }]), shape };
}

function joined(file: string, name: string, slices: readonly Slice[]): WeightSource {
  async function* floats(): AsyncGenerator<Float32Array> {
    for (const slice of slices) yield* floatsOf(file, slice);
  }
  async function* bits(): AsyncGenerator<Uint16Array> {
    for (const { tensor, begin, end } of slices) {
      for await (const bytes of pieces(file, { ...tensor, begin, end })) yield asUint16(bytes);
    }
  }
  const { format, shape } = slices[0]!.tensor;
  const isPlain = slices.every((slice) => slice.tensor.format.type === 'BF16' && isAsStored(slice));
  return {
    name,
    shape: [slices.reduce((sum, { rows }) => sum + rows, 0), ...(shape.length === 1 ? [] : shape.slice(-1))],
    dtype: format.type,
    floats,
    bf16Bits: isPlain ? bits : null,
    fourBit: null,
  };
}

function isAsStored({ pairedHeads, addend }: Slice): boolean {
  return pairedHeads === 0 && addend === 0;
}

async function* floatsOf(file: string, slice: Slice): AsyncGenerator<Float32Array> {
  const { tensor, begin, end, rows, pairedHeads, addend } = slice;
  const { format } = tensor;
  if (isAsStored(slice)) {
    for await (const bytes of pieces(file, { format, begin, end })) yield dequantizeGguf(format.type, bytes);
    return;
  }
  const values = new Float32Array(((end - begin) / format.bytes) * format.elements);
  let offset = 0;
  for await (const bytes of pieces(file, { format, begin, end })) {
    values.set(dequantizeGguf(format.type, bytes), offset);
    offset += (bytes.length / format.bytes) * format.elements;
  }
  const rowsInPlace = pairedHeads === 0 ? values : reorderRows(values, rows, pairedHeads, true);
  yield addend === 0 ? rowsInPlace : rowsInPlace.map((value) => value - addend);
}

/** Whole blocks, in fresh aligned memory. */
async function* pieces(
  file: string,
  { format, begin, end }: Pick<GgufTensor, 'format' | 'begin' | 'end'>,
): AsyncGenerator<Uint8Array> {
  const step = Math.max(1, Math.floor(PIECE_BYTES / format.bytes)) * format.bytes;
  const handle = await open(file, 'r');
  try {
    for (let at = begin; at < end; at += step) {
      const bytes = new Uint8Array(Math.min(step, end - at));
      for (let done = 0; done < bytes.length; ) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, at + done);
        if (bytesRead === 0) throw new LmError('checkpoint-malformed', `${file}: expected ${end} bytes, got fewer`);
        done += bytesRead;
      }
      yield bytes;
    }
  } finally {
    await handle.close();
  }
}
