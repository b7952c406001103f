/**
 * GGUF files, versions 2 and 3: key/value metadata, then tensors in one data section. The header is read through a window
 * that slides over the file; every count and length is bounded before anything is allocated for it.
 *
 * Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { LmError } from '../errors.ts';
import { type GgufFormat, ggufFormat } from './gguf-blocks.ts';

export type GgufValue = number | boolean | string | readonly GgufValue[];

export interface GgufTensor {
  readonly name: string;
  readonly format: GgufFormat;
  /** Outermost first, as everywhere here; the file has the innermost first. */
  readonly shape: readonly number[];
  /** Absolute byte range in the file. */
  readonly begin: number;
  readonly end: number;
}

export interface GgufFile {
  readonly file: string;
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const MAGIC = 0x46554747;
const WINDOW_BYTES = 1 << 20;
const DEFAULT_ALIGNMENT = 32;
const MAX_ALIGNMENT = 1 << 16;
/** A 262,144-token vocabulary with its merges is about 15 MB. */
const MAX_HEADER_BYTES = 1 << 28;
const MAX_KEYS = 65_536;
/** Models with routed experts have tens of thousands when not stacked. */
const MAX_TENSORS = 1 << 18;
const MAX_ARRAY = 1 << 22;
const MAX_DIMENSIONS = 4;
const MAX_STRING_BYTES = 1 << 26;

/** The number the format gives the type "array"; the others are named where they are read. */
const ARRAY_TYPE = 9;

/** @throws LmError `checkpoint-missing`, `checkpoint-malformed`, `model-feature-unsupported` (a number format) */
export function readGguf(file: string): GgufFile {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw new LmError('checkpoint-missing', `readGguf: expected a readable file ${file}`, { cause });
  }
  try {
    return parse(file, new Window(file, descriptor, fstatSync(descriptor).size));
  } finally {
    closeSync(descriptor);
  }
}

function parse(file: string, window: Window): GgufFile {
  if (window.uint32() !== MAGIC) throw malformed(file, 'the letters GGUF', 'other bytes');
  const version = window.uint32();
  if (version !== 2 && version !== 3) throw malformed(file, 'version 2 or 3', `${version}`);
  const tensorCount = window.count(MAX_TENSORS, 'tensors');
  const keyCount = window.count(MAX_KEYS, 'metadata keys');
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = window.string();
    if (metadata.has(key)) throw malformed(file, 'distinct keys', `${key} twice`);
    metadata.set(key, window.value(window.uint32(), 0));
  }
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== 'number' || alignment < 1 || alignment > MAX_ALIGNMENT || alignment % 8 !== 0) {
    throw malformed(file, `an alignment of 8 to ${MAX_ALIGNMENT}`, `${alignment as number}`);
  }
  const heads = Array.from({ length: tensorCount }, () => tensorHead(file, window));
  const dataStart = Math.ceil(window.position / alignment) * alignment;
  return { file, metadata, tensors: placeTensors(file, heads, dataStart, window.size) };
}

interface TensorHead {
  readonly name: string;
  readonly shape: number[];
  readonly format: GgufFormat;
  readonly offset: number;
}

function tensorHead(file: string, window: Window): TensorHead {
  const name = window.string();
  const dimensions = window.uint32();
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw malformed(file, `1 to ${MAX_DIMENSIONS} dimensions of ${name}`, `${dimensions}`);
  }
  const shape = Array.from({ length: dimensions }, () => window.count(Number.MAX_SAFE_INTEGER, `elements of ${name}`));
  const code = window.uint32();
  const format = ggufFormat(code);
  if (format === undefined) {
    throw new LmError(
      'model-feature-unsupported',
      `${file}: expected ${name} in F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K, got type ${code}`,
    );
  }
  if (shape[0]! % format.elements !== 0) {
    throw malformed(file, `rows of ${name} in blocks of ${format.elements}`, `${shape[0]}`);
  }
  return { name, shape: shape.reverse(), format, offset: window.count(Number.MAX_SAFE_INTEGER, `offset of ${name}`) };
}

/** Tensors lie within the file, one after another without overlap. */
function placeTensors(
  file: string,
  heads: readonly TensorHead[],
  dataStart: number,
  size: number,
): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  let last = dataStart;
  for (const { name, shape, format, offset } of [...heads].sort((a, b) => a.offset - b.offset)) {
    const elements = shape.reduce((product, length) => product * length, 1);
    const begin = dataStart + offset;
    const end = begin + (elements / format.elements) * format.bytes;
    if (tensors.has(name)) throw malformed(file, 'distinct tensor names', `${name} twice`);
    if (begin < last) throw malformed(file, `${name} after the tensor before`, 'an overlap');
    if (!(end <= size)) throw malformed(file, `${end} bytes (${name})`, `a file of ${size} bytes (truncated)`);
    tensors.set(name, { name, format, shape, begin, end });
    last = end;
  }
  return tensors;
}

/** Sequential reading with bounds; throws `checkpoint-malformed` past the end of the file. */
class Window {
  readonly size: number;
  position = 0;
  readonly #file: string;
  readonly #descriptor: number;
  #bytes: Buffer = Buffer.alloc(0);
  #start = 0;

  constructor(file: string, descriptor: number, size: number) {
    this.#file = file;
    this.#descriptor = descriptor;
    this.size = size;
  }

  /** The next `length` bytes; valid until the next call. */
  take(length: number): Buffer {
    if (length > this.size - this.position) {
      throw malformed(this.#file, `${length} bytes at ${this.position}`, `a file of ${this.size} bytes (truncated)`);
    }
    if (this.position + length > MAX_HEADER_BYTES) {
      throw malformed(this.#file, `a header of at most ${MAX_HEADER_BYTES} bytes`, 'a longer one');
    }
    const offset = this.position - this.#start;
    if (offset + length > this.#bytes.length) {
      const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.size - this.position);
      this.#bytes = Buffer.alloc(wanted);
      this.#start = this.position;
      for (let done = 0; done < wanted; ) {
        const read = readSync(this.#descriptor, this.#bytes, done, wanted - done, this.position + done);
        if (read === 0) throw malformed(this.#file, `${this.size} bytes`, 'the end of the file');
        done += read;
      }
    }
    const from = this.position - this.#start;
    this.position += length;
    return this.#bytes.subarray(from, from + length);
  }

  uint32(): number {
    return this.take(4).readUInt32LE(0);
  }

  /** A 64-bit number of at most `most`. */
  count(most: number, what: string): number {
    const value = this.take(8).readBigUInt64LE(0);
    if (value > BigInt(most)) throw malformed(this.#file, `at most ${most} ${what}`, `${value}`);
    return Number(value);
  }

  string(): string {
    return this.take(this.count(MAX_STRING_BYTES, 'bytes of a string')).toString('utf8');
  }

  value(type: number, depth: number): GgufValue {
    switch (type) {
      case 0: // u8
        return this.take(1).readUInt8(0);
      case 1: // i8
        return this.take(1).readInt8(0);
      case 2: // u16
        return this.take(2).readUInt16LE(0);
      case 3: // i16
        return this.take(2).readInt16LE(0);
      case 4: // u32
        return this.uint32();
      case 5: // i32
        return this.take(4).readInt32LE(0);
      case 6: // f32
        return this.take(4).readFloatLE(0);
      case 7: // bool
        return this.take(1).readUInt8(0) !== 0;
      case 8: // string
        return this.string();
      case 10: // u64
        return Number(this.take(8).readBigUInt64LE(0));
      case 11: // i64
        return Number(this.take(8).readBigInt64LE(0));
      case 12: // f64
        return this.take(8).readDoubleLE(0);
      case ARRAY_TYPE: {
        const inner = this.uint32();
        if (inner === ARRAY_TYPE && depth > 0) {
          throw malformed(this.#file, 'arrays of at most two levels', 'a deeper one');
        }
        const length = this.count(MAX_ARRAY, 'array elements');
        const values: GgufValue[] = [];
        for (let i = 0; i < length; i++) values.push(this.value(inner, depth + 1));
        return values;
      }
      default:
        throw malformed(this.#file, 'a value type from 0 to 12', `${type}`);
    }
  }
}

function malformed(file: string, expected: string, got: string): LmError {
  return new LmError('checkpoint-malformed', `${file}: expected ${expected}, got ${got}`, {
    hint: 'The file is damaged or not a GGUF file; fetch it again.',
  });
}
