import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { LmError } from '../errors.ts';
import { readGguf } from './gguf.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'gguf-'));
afterAll(() => rmSync(folder, { recursive: true }));

const u32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number | bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (value: string) => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** One key, one F32 tensor [2, 3]. */
function tinyFile(): Buffer {
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(1),
    u64(1),
    text('general.architecture'),
    u32(8),
    text('qwen3'),
    text('output.weight'),
    u32(2),
    u64(3),
    u64(2),
    u32(0),
    u64(0),
  ]);
  const padding = Buffer.alloc((32 - (head.length % 32)) % 32);
  return Buffer.concat([head, padding, Buffer.alloc(24)]);
}

function read(bytes: Uint8Array) {
  const file = path.join(folder, 'model.gguf');
  writeFileSync(file, bytes);
  return readGguf(file);
}

describe('readGguf', () => {
  it('reads metadata, and shapes outermost first', () => {
    const { metadata, tensors } = read(tinyFile());
    expect(metadata.get('general.architecture')).toBe('qwen3');
    expect(tensors.get('output.weight')).toMatchObject({ shape: [2, 3], format: { type: 'F32' } });
  });

  it('refuses a file cut off anywhere', () => {
    const bytes = tinyFile();
    for (let length = 0; length < bytes.length; length++) {
      expect(() => read(bytes.subarray(0, length)), `${length} bytes`).toThrow(LmError);
    }
  });

  it('refuses counts of 2^63 without allocating for them', () => {
    const bytes = tinyFile();
    bytes.writeBigUInt64LE(1n << 63n, 8);
    expect(() => read(bytes)).toThrow(expect.objectContaining({ code: 'checkpoint-malformed' }));
  });

  it('answers any damage with a file or an LmError', () => {
    const whole = tinyFile();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        try {
          read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(LmError);
        }
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});
