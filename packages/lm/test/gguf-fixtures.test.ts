/**
 * GGUF files as llama.cpp's own converter writes them (`tools/golden/record_gguf.py` records them), against what
 * transformers computed for the models they were made of; and our files of the same models, tensor for tensor the same.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createArena, Tape } from '@tuiqiao/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GgufFile, readGguf } from '../src/checkpoint/gguf.ts';
import { ggufConfig } from '../src/checkpoint/gguf-model.ts';
import { HeaderWriter } from '../src/gguf/gguf-header.ts';
import { writeGguf } from '../src/gguf/write-gguf.ts';
import { loadLanguageModel } from '../src/load-language-model.ts';
import { createCharacterTokenizer } from '../src/tokenizer/character-tokenizer.ts';
import { createTokenizer, loadTokenizer } from '../src/tokenizer/load-tokenizer.ts';
import { expectClose, kernelsUnderTest, packSequences } from './golden.ts';

interface Fixture {
  readonly config: Record<string, unknown>;
  readonly sequences: number[][];
  readonly logits: string;
}

const root = path.join(import.meta.dirname, 'fixtures/gguf');
const names = readdirSync(root)
  .filter((file) => file.endsWith('.json'))
  .map((file) => path.basename(file, '.json'));
const fileOf = (name: string) => path.join(root, `${name}.gguf`);
const readFixture = (name: string) => JSON.parse(readFileSync(path.join(root, `${name}.json`), 'utf8')) as Fixture;
const LOGITS = { abs: 1e-4, rel: 1e-4 };

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'gguf-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Bytes of each tensor, by name. */
function contents({ file, tensors }: GgufFile) {
  const bytes = readFileSync(file);
  return Object.fromEntries(
    [...tensors.values()].map(({ name, shape, format, begin, end }) => [
      name,
      { shape, type: format.type, bytes: new Uint8Array(bytes.subarray(begin, end)) },
    ]),
  );
}

describe.each(kernelsUnderTest)('$name kernels', ({ kernels }) => {
  it.skipIf(kernels === null).each(names)(
    '%s as llama.cpp converts it has the logits of transformers',
    async (name) => {
      const { sequences, logits } = readFixture(name);
      const model = await loadLanguageModel(fileOf(name), { kernels: kernels!, computeType: 'f32' });
      const golden = new Float32Array(new Uint8Array(Buffer.from(logits, 'base64')).buffer);
      let offset = 0;
      for (const sequence of sequences) {
        const tape = new Tape(kernels!, createArena(kernels!), { computeType: 'f32', isRecording: false });
        const got = await kernels!.read(model.logits(packSequences([sequence], [sequence]), tape).buffer);
        expectClose(got, golden.subarray(offset, offset + got.length), LOGITS, 'logits');
        offset += got.length;
      }
      expect(offset).toBe(golden.length);
    },
  );
});

describe('writeGguf', () => {
  const { kernels } = kernelsUnderTest.find((each) => each.kernels !== null)!;

  it.each(names.filter((name) => !name.endsWith('_fused')))(
    '%s is written as llama.cpp’s converter writes it',
    async (name) => {
      const model = await loadLanguageModel(fileOf(name), { kernels: kernels!, computeType: 'f32' });
      const file = path.join(folder, `${name}.gguf`);
      const tokenizer = createTokenizer(
        createCharacterTokenizer({
          specials: ['<unk>', '<end>'],
          characters: [],
          unknownToken: '<unk>',
          eosToken: '<end>',
          padToken: '<end>',
        }),
      );
      await writeGguf(model, tokenizer, file, { type: 'BF16' });
      const [ours, theirs] = [readGguf(file), readGguf(fileOf(name))];
      expect(contents(ours)).toEqual(contents(theirs));
      const stated = [...theirs.metadata].filter(([key]) => !/^(?:general|tokenizer)\./u.test(key));
      for (const [key, value] of stated) expect([key, ours.metadata.get(key)]).toEqual([key, value]);
      expect(stated.length).toBeGreaterThan(8);
    },
  );

  it('fused files are fused', () => {
    const { tensors } = readGguf(fileOf('llama_fused'));
    expect(tensors.has('blk.0.attn_qkv.weight') && !tensors.has('blk.0.attn_q.weight')).toBe(true);
  });

  it('the vocabulary of a file is its tokenizer', async () => {
    const tokenizer = await loadTokenizer(fileOf('gemma3'));
    expect(tokenizer.encode('一丁')).toEqual([1, 3, 4]);
  });
});

describe('files that do not fit', () => {
  const { kernels } = kernelsUnderTest.find((each) => each.kernels !== null)!;
  /** The fixture with one text replaced by another as long. */
  async function changed(name: string, from: string, to: string): Promise<string> {
    const bytes = readFileSync(fileOf(name));
    for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + to.length)) bytes.write(to, at);
    const file = path.join(folder, `changed-${name}.gguf`);
    await writeFile(file, bytes);
    return file;
  }

  it('another architecture is refused with the known ones', async () => {
    const file = await changed('glm4', 'glm4', 'glmX');
    await expect(loadLanguageModel(file, { kernels: kernels! })).rejects.toMatchObject({
      code: 'model-type-unknown',
      message: expect.stringMatching(/one of llama, qwen2, .*baichuan, got glmX$/u) as string,
    });
  });

  it('experts of another number, and tensors that are missing and unexpected, are named', async () => {
    const number = await changed('qwen3moe', 'expert_count', 'expert_cound');
    await expect(loadLanguageModel(number, { kernels: kernels! })).rejects.toMatchObject({
      code: 'checkpoint-mismatch',
      message: expect.stringContaining(
        'layers.0.mlp.experts.0.gate_proj.weight: expected [20, 32], got [5, 20, 32]',
      ) as string,
    });
    const renamed = await changed('qwen3moe', 'blk.1.ffn_up_exps', 'blk.1.ffn_xx_exps');
    await expect(loadLanguageModel(renamed, { kernels: kernels! })).rejects.toMatchObject({
      message: expect.stringMatching(
        /missing model\.layers\.1\.mlp\.experts\.4\.up_proj\.weight .*unexpected blk\.1\.ffn_xx_exps\.weight/u,
      ) as string,
    });
  });

  it('OLMo 3, which has the name of OLMo 2, is refused', async () => {
    const gguf = readGguf(fileOf('olmo2'));
    const metadata = new Map([...gguf.metadata, ['olmo2.attention.sliding_window', 4096] as const]);
    await expect(ggufConfig({ ...gguf, metadata })).rejects.toMatchObject({ code: 'model-feature-unsupported' });
  });
});

it('a rotary tensor of any length is refused before it is read', async () => {
  const count = 1 << 20;
  const header = new HeaderWriter();
  header.bytes(new TextEncoder().encode('GGUF'));
  header.u32(3);
  header.u64(1);
  header.u64(1);
  header.field('general.architecture', { text: 'llama' });
  header.text('rope_freqs.weight');
  header.u32(1);
  header.u64(count);
  header.u32(0);
  header.u64(0);
  header.pad(32);
  const file = path.join(folder, 'long.gguf');
  await writeFile(file, Buffer.concat([header.finish(), new Uint8Array(4 * count)]));
  await expect(ggufConfig(await readGguf(file))).rejects.toMatchObject({
    code: 'checkpoint-malformed',
    message: expect.stringContaining('at most 16384 numbers in rope_freqs.weight, got 1048576'),
  });
});
