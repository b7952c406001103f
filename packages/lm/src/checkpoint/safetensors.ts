/**
 * The safetensors file: eight bytes of header length, a JSON header, then raw little-endian tensors. The header is read
 * and checked when the file is opened; a tensor's bytes are read only when asked for. Writing goes to a temporary name
 * and is renamed, so that a reader never sees half a file. Shards and their index are in `checkpoint.ts`.
 *
 * Format: https://github.com/huggingface/safetensors#format
 */
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { LmError } from '../errors.ts';
import { duplicateKeys } from './json-keys.ts';
import { bf16ToFloats, f16ToFloats } from './number-formats.ts';

/** The reference implementation's own bound: a header is a few hundred bytes a tensor, so 100 MB is no real model. */
const MAX_HEADER_BYTES = 100_000_000;
/** Smallest header is `{}`. */
const MIN_HEADER_BYTES = 2;
/** The length field itself. */
const LENGTH_BYTES = 8;
/** Deepest shape any model here has is 4 (convolutions); more means a corrupt or hostile header. */
const MAX_DIMENSIONS = 8;
/** Tensor data starts 8-byte aligned, as the reference writes it, so that files can be memory-mapped. */
const DATA_ALIGNMENT = 8;
/** Bytes moved by one read or write call: keeps a single request below Node's 2 GiB limit. */
const MAX_IO_BYTES = 1 << 28;

const BYTES_PER_ELEMENT = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
} as const;

export type SafetensorsDType = keyof typeof BYTES_PER_ELEMENT;

/** Where a tensor lies in a file. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly file: string;
  /** Absolute byte range in the file. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads and checks the header.
 * @throws LmError `checkpoint-missing`, `checkpoint-malformed` (the file and what is wrong with it are named)
 */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  const handle = await openForReading(file);
  try {
    const { size } = await handle.stat();
    if (size < LENGTH_BYTES + MIN_HEADER_BYTES) {
      throw malformed(file, `at least ${LENGTH_BYTES + MIN_HEADER_BYTES} bytes`, `${size}`);
    }
    const lengthField = await readRange(handle, file, 0, LENGTH_BYTES);
    const declared = Buffer.from(lengthField).readBigUInt64LE(0);
    if (declared > BigInt(MAX_HEADER_BYTES)) {
      throw malformed(file, `a header of at most ${MAX_HEADER_BYTES} bytes`, `${declared}`);
    }
    const headerBytes = Number(declared);
    const dataStart = LENGTH_BYTES + headerBytes;
    if (dataStart > size) {
      throw malformed(file, `a header of ${headerBytes} bytes`, `a file of ${size} bytes (truncated)`);
    }
    const text = Buffer.from(await readRange(handle, file, LENGTH_BYTES, dataStart)).toString('utf8');
    return parseHeader(file, text, dataStart, size);
  } finally {
    await handle.close();
  }
}

/** The raw bytes of one tensor. */
export async function readTensorBytes(entry: TensorEntry): Promise<Uint8Array> {
  const handle = await openForReading(entry.file);
  try {
    return await readRange(handle, entry.file, entry.begin, entry.end);
  } finally {
    await handle.close();
  }
}

/** Bytes of a tensor read at a time: bounds what loading holds beside the model itself. */
const PIECE_BYTES = 1 << 22;

/** The raw bytes of one tensor in pieces of whole 8-byte words, each in fresh aligned memory. */
export async function* readTensorPieces(entry: TensorEntry): AsyncGenerator<Uint8Array> {
  const handle = await openForReading(entry.file);
  try {
    for (let begin = entry.begin; begin < entry.end; begin += PIECE_BYTES) {
      yield await readRange(handle, entry.file, begin, Math.min(begin + PIECE_BYTES, entry.end));
    }
  } finally {
    await handle.close();
  }
}

/**
 * One floating-point tensor as f32 (exact for F32, F16 and BF16).
 * @throws LmError `checkpoint-mismatch` for integer and 8-bit tensors
 */
export async function readTensorFloats(entry: TensorEntry): Promise<Float32Array> {
  const bytes = await readTensorBytes(entry);
  switch (entry.dtype) {
    case 'F32':
      return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
    case 'BF16':
      return bf16ToFloats(asUint16(bytes));
    case 'F16':
      return f16ToFloats(asUint16(bytes));
    case 'F64':
      return Float32Array.from(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8));
    default:
      throw new LmError(
        'checkpoint-mismatch',
        `${entry.file}: expected floating-point numbers in ${entry.name}, got ${entry.dtype}`,
      );
  }
}

/** One 32- or 64-bit integer tensor. */
export async function readTensorInts(entry: TensorEntry): Promise<Int32Array> {
  const bytes = await readTensorBytes(entry);
  if (entry.dtype === 'I32') return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  if (entry.dtype === 'I64') {
    return Int32Array.from(new BigInt64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8), Number);
  }
  throw new LmError('checkpoint-mismatch', `${entry.file}: expected integers in ${entry.name}, got ${entry.dtype}`);
}

/** bf16 or f16 bits of a tensor read with `readTensorBytes`. */
export function asUint16(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
}

/** A tensor to be written. `bytes` is called once, in file order, so that only one tensor is in memory at a time. */
export interface TensorToWrite {
  readonly name: string;
  readonly dtype: SafetensorsDType;
  readonly shape: readonly number[];
  readonly bytes: () => Uint8Array | Promise<Uint8Array>;
}

/**
 * Writes a file in the order given, atomically: temporary name in the same folder, fsync, rename.
 * @throws LmError `checkpoint-write-failed` (disk full, no permission); nothing is left behind
 */
export async function writeSafetensors(
  file: string,
  tensors: readonly TensorToWrite[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Promise<void> {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const tensor of tensors) {
    const end = offset + byteLength(tensor.dtype, tensor.shape);
    header[tensor.name] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, end] };
    offset = end;
  }
  let text = Buffer.from(JSON.stringify(header), 'utf8');
  const padding = (DATA_ALIGNMENT - (text.length % DATA_ALIGNMENT)) % DATA_ALIGNMENT;
  text = Buffer.concat([text, Buffer.alloc(padding, ' ')]);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(text.length));

  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    const handle = await open(temporary, 'w');
    try {
      await writeAll(handle, length);
      await writeAll(handle, text);
      for (const tensor of tensors) {
        const bytes = await tensor.bytes();
        const expected = byteLength(tensor.dtype, tensor.shape);
        if (bytes.byteLength !== expected) {
          throw new Error(`${tensor.name}: expected ${expected} bytes, got ${bytes.byteLength}`);
        }
        await writeAll(handle, bytes);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new LmError('checkpoint-write-failed', `writeSafetensors: could not write ${file}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** Bytes a tensor takes. */
export function byteLength(dtype: SafetensorsDType, shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, BYTES_PER_ELEMENT[dtype]);
}

function parseHeader(file: string, text: string, dataStart: number, fileSize: number): SafetensorsHeader {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(file, 'a JSON header', messageOf(cause), cause);
  }
  if (!isRecord(json)) throw malformed(file, 'a JSON object as header', typeof json);
  const repeated = duplicateKeys(text);
  if (repeated.length > 0) throw malformed(file, 'distinct tensor names', `${repeated.join(', ')} twice`);

  const metadata: Record<string, string> = {};
  const tensors = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') {
      if (!isRecord(value)) throw malformed(file, 'an object as __metadata__', typeof value);
      for (const [key, entry] of Object.entries(value)) metadata[key] = String(entry);
    } else {
      tensors.set(name, parseEntry(file, name, value, dataStart, fileSize));
    }
  }
  requireContiguous(file, [...tensors.values()], dataStart, fileSize);
  return { file, tensors, metadata };
}

function parseEntry(file: string, name: string, value: unknown, dataStart: number, fileSize: number): TensorEntry {
  if (!isRecord(value)) throw malformed(file, `an object for tensor ${name}`, typeof value);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES_PER_ELEMENT, dtype)) {
    throw malformed(
      file,
      `dtype of ${name} to be one of ${Object.keys(BYTES_PER_ELEMENT).join(' ')}`,
      JSON.stringify(dtype),
    );
  }
  if (!Array.isArray(shape) || shape.length > MAX_DIMENSIONS || !shape.every(isSize)) {
    throw malformed(file, `shape of ${name} to be at most ${MAX_DIMENSIONS} sizes`, JSON.stringify(shape));
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isSize)) {
    throw malformed(file, `data_offsets of ${name} to be two byte positions`, JSON.stringify(offsets));
  }
  const known = dtype as SafetensorsDType;
  const [begin, end] = offsets as [number, number];
  const expected = byteLength(known, shape as number[]);
  if (end - begin !== expected) {
    throw malformed(file, `${name} ${known}[${shape.join(', ')}] to take ${expected} bytes`, `${end - begin}`);
  }
  if (dataStart + end > fileSize) {
    throw malformed(file, `${dataStart + end} bytes (${name})`, `a file of ${fileSize} bytes (truncated)`);
  }
  return { name, dtype: known, shape: shape as number[], file, begin: dataStart + begin, end: dataStart + end };
}

/** As the reference implementation: tensors follow each other without overlap, gap or trailing bytes. */
function requireContiguous(file: string, entries: TensorEntry[], dataStart: number, fileSize: number): void {
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = dataStart;
  for (const entry of entries) {
    if (entry.begin !== position) {
      const kind = entry.begin < position ? 'an overlap with the tensor before' : 'a gap';
      throw malformed(file, `${entry.name} at byte ${position - dataStart} of the data`, kind);
    }
    position = entry.end;
  }
  if (position !== fileSize) throw malformed(file, `${position} bytes in all`, `a file of ${fileSize} bytes`);
}

async function openForReading(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r');
  } catch (cause) {
    throw new LmError('checkpoint-missing', `read: expected a readable file ${file}, got ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** A fresh, aligned copy of a byte range. */
async function readRange(handle: FileHandle, file: string, begin: number, end: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(end - begin);
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(MAX_IO_BYTES, bytes.length - done);
    const { bytesRead } = await handle.read(bytes, done, length, begin + done);
    if (bytesRead === 0) throw malformed(file, `${end} bytes`, `the end of the file at ${begin + done}`);
    done += bytesRead;
  }
  return bytes;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, Math.min(MAX_IO_BYTES, bytes.length - done));
    done += bytesWritten;
  }
}

function malformed(file: string, expected: string, got: string, cause?: unknown): LmError {
  return new LmError('checkpoint-malformed', `${file}: expected ${expected}, got ${got}`, {
    hint: 'The file is damaged or not a safetensors file; fetch or save it again.',
    cause,
  });
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
