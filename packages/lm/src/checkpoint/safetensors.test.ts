import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LmError } from '../errors.ts';
import { openCheckpoint } from './checkpoint.ts';
import { f16ToFloats, floatsToBf16 } from './number-formats.ts';
import { readSafetensorsHeader, readTensorFloats, readTensorInts, writeSafetensors } from './safetensors.ts';
import { writeCheckpoint } from './write-checkpoint.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

const bytesOf = (numbers: Float32Array | Uint16Array) =>
  new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);

function fileOf(header: string, data: Uint8Array = new Uint8Array(0), declared?: bigint): Uint8Array {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(declared ?? BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

async function failureOf(bytes: Uint8Array): Promise<LmError> {
  const file = path.join(folder, 'bad.safetensors');
  await writeFile(file, bytes);
  const error = await readSafetensorsHeader(file).then(
    () => null,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(LmError);
  return error as LmError;
}

describe('a file written', () => {
  it('reads back as it was, aligned, with its metadata', async () => {
    const file = path.join(folder, 'good.safetensors');
    const values = Float32Array.of(1, -2.5, 3e-20, Number.POSITIVE_INFINITY, 0, 7);
    await writeSafetensors(file, [
      { name: 'half', dtype: 'BF16', shape: [3], bytes: () => bytesOf(floatsToBf16(Float32Array.of(1, 0.5, -8))) },
      { name: 'full', dtype: 'F32', shape: [2, 3], bytes: async () => bytesOf(values) },
    ]);
    const header = await readSafetensorsHeader(file);
    expect(header.metadata).toEqual({ format: 'pt' });
    expect([...header.tensors.keys()]).toEqual(['half', 'full']);
    expect(header.tensors.get('half')!.begin % 8).toBe(0);
    expect(await readTensorFloats(header.tensors.get('half')!)).toEqual(Float32Array.of(1, 0.5, -8));
    expect(await readTensorFloats(header.tensors.get('full')!)).toEqual(values);
  });

  it('leaves nothing behind when it fails, and keeps the file that was there', async () => {
    const inner = path.join(folder, 'fails');
    const file = path.join(inner, 'model.safetensors');
    await writeSafetensors(file, [{ name: 'a', dtype: 'F32', shape: [1], bytes: () => bytesOf(Float32Array.of(4)) }]);
    const before = await readFile(file);
    const short = { name: 'a', dtype: 'F32', shape: [2], bytes: () => bytesOf(Float32Array.of(4)) } as const;
    await expect(writeSafetensors(file, [short])).rejects.toMatchObject({ code: 'checkpoint-write-failed' });
    expect(await readdir(inner)).toEqual(['model.safetensors']);
    expect(await readFile(file)).toEqual(before);
  });
});

describe('a damaged file is refused with what was expected and got', () => {
  const entry = (name: string, begin: number, end: number, dtype = 'F32') =>
    `"${name}":{"dtype":"${dtype}","shape":[${(end - begin) / 4}],"data_offsets":[${begin},${end}]}`;

  it.each([
    ['empty', new Uint8Array(0), /at least 10 bytes, got 0/],
    ['header of 2^63 bytes', fileOf('{}', undefined, 2n ** 63n), /at most 100000000 bytes, got 9223372036854775808/],
    ['header longer than the file', fileOf('{}', undefined, 5000n), /truncated/],
    ['not JSON', fileOf('hello world'), /JSON header/],
    ['a list', fileOf('[]'), /JSON object/],
    ['data cut off', fileOf(`{${entry('a', 0, 8)}}`, new Uint8Array(4)), /truncated/],
    ['trailing bytes', fileOf(`{${entry('a', 0, 8)}}`, new Uint8Array(12)), /in all/],
    ['overlap', fileOf(`{${entry('a', 0, 8)},${entry('b', 4, 12)}}`, new Uint8Array(12)), /overlap/],
    ['gap', fileOf(`{${entry('a', 0, 4)},${entry('b', 8, 12)}}`, new Uint8Array(12)), /gap/],
    ['the same name twice', fileOf(`{${entry('a', 0, 4)},${entry('a', 4, 8)}}`, new Uint8Array(8)), /a twice/],
    ['a name twice, escaped', fileOf(`{${entry('a', 0, 4)},${entry('\\u0061', 4, 8)}}`, new Uint8Array(8)), /a twice/],
    ['unknown type', fileOf(`{${entry('a', 0, 4, 'F31')}}`, new Uint8Array(4)), /"F31"/],
    ['negative offset', fileOf(`{${entry('a', -4, 0)}}`, new Uint8Array(4)), /two byte positions/],
    [
      'a shape that does not fit its bytes',
      fileOf('{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}}', new Uint8Array(4)),
      /take 12 bytes, got 4/,
    ],
    [
      'a shape of fractions',
      fileOf('{"a":{"dtype":"F32","shape":[0.5],"data_offsets":[0,2]}}', new Uint8Array(2)),
      /sizes/,
    ],
  ])('%s', async (_name, bytes, message) => {
    const error = await failureOf(bytes);
    expect(error.code).toBe('checkpoint-malformed');
    expect(error.message).toMatch(message);
    expect(error.message).toContain('bad.safetensors');
  });

  it('a file that is not there', async () => {
    await expect(readSafetensorsHeader(path.join(folder, 'none'))).rejects.toMatchObject({
      code: 'checkpoint-missing',
    });
  });
});

describe('number formats', () => {
  it('reads f16 exactly, subnormals and infinities included', async () => {
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x03ff, 0x7bff, 0x7c00, 0x8000);
    const expected = [1, -2, 2 ** -24, 1023 * 2 ** -24, 65504, Number.POSITIVE_INFINITY, -0];
    expect([...f16ToFloats(halves)]).toEqual(expected);
  });

  it('rounds f32 to bf16 half to even and keeps NaN', () => {
    const values = Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, 1 + 2 ** -8 + 2 ** -20, Number.NaN);
    const bits = floatsToBf16(values);
    expect([...bits.slice(0, 3)]).toEqual([0x3f80, 0x3f82, 0x3f81]);
    expect(bits[3]! & 0x7fff).toBeGreaterThan(0x7f80);
  });

  it('reads I64 as integers and refuses them as floats', async () => {
    const file = path.join(folder, 'ints.safetensors');
    const bytes = new Uint8Array(BigInt64Array.of(3n, -4n).buffer);
    await writeSafetensors(file, [{ name: 'ids', dtype: 'I64', shape: [2], bytes: () => bytes }]);
    const { tensors } = await readSafetensorsHeader(file);
    expect([...(await readTensorInts(tensors.get('ids')!))]).toEqual([3, -4]);
    await expect(readTensorFloats(tensors.get('ids')!)).rejects.toMatchObject({ code: 'checkpoint-mismatch' });
  });
});

describe('shards', () => {
  const tensor = (name: string, value: number) =>
    ({ name, dtype: 'F32', shape: [4], bytes: () => bytesOf(new Float32Array(4).fill(value)) }) as const;

  it('are written beyond the size asked for and read back through their index', async () => {
    const shardFolder = path.join(folder, 'shards');
    await writeCheckpoint(shardFolder, [tensor('a', 1), tensor('b', 2), tensor('c', 3)], 32);
    expect((await readdir(shardFolder)).sort()).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ]);
    const checkpoint = await openCheckpoint(shardFolder);
    expect([...checkpoint.keys()]).toEqual(['a', 'b', 'c']);
    expect((await readTensorFloats(checkpoint.get('c')!))[0]).toBe(3);
  });

  it('outside the folder are refused', async () => {
    const bad = path.join(folder, 'escape');
    await writeCheckpoint(bad, [tensor('a', 1), tensor('b', 2)], 16);
    const index = path.join(bad, 'model.safetensors.index.json');
    await writeFile(index, JSON.stringify({ weight_map: { a: '../good.safetensors' } }));
    await expect(openCheckpoint(bad)).rejects.toMatchObject({ code: 'checkpoint-malformed' });
  });
});
