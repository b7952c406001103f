import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRandom } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { createCharacterTokenizer, isCharacterTokenizer, openCharacterTokenizer } from './character-tokenizer.ts';
import { createLibraryTokenizer } from './library-tokenizer.ts';
import { createTokenizer, loadTokenizer, saveTokenizer } from './load-tokenizer.ts';

const vocabulary = {
  specials: ['<|pad|>', '<|unk|>', '<|end|>', '<|poem|>', '<|title|>', '<|form:七绝|>', '<|form:七|>', '<|rhyme:尤|>'],
  characters: [...'。，\n 春風月明𠀀𡃁<|ée\u0301>Aa上白日'],
  unknownToken: '<|unk|>',
  eosToken: '<|end|>',
  padToken: '<|pad|>',
  maxLength: 512,
  chatTemplate:
    "{%- for message in messages %}{%- if message['role'] == 'assistant' %}{{- '<|poem|>' + message['content'] + '<|end|>' }}{%- else %}{{- message['content'] }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|poem|>' }}{%- endif %}",
};
const files = createCharacterTokenizer(vocabulary);
const direct = openCharacterTokenizer(files);
const library = createLibraryTokenizer(files);

interface Row {
  readonly text: string;
  readonly ids: number[];
  readonly decoded: string;
  readonly decodedSkip: string;
}
const fixture = path.resolve(import.meta.dirname, '../../test/fixtures/character-tokenizer.json');
const { rows } = JSON.parse(readFileSync(fixture, 'utf8')) as { rows: Row[] };

describe('a character tokenizer', () => {
  it.each(rows)('encodes and decodes $text as the Rust library does', ({ text, ids, decoded, decodedSkip }) => {
    for (const tokenizer of [direct, library]) {
      expect(tokenizer.encode(text)).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(decoded);
      expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe(decodedSkip);
    }
  });

  it('agrees with the JavaScript library on random text of characters, specials and their fragments', () => {
    const random = createRandom(1);
    const pieces = [...vocabulary.specials, ...vocabulary.characters, '<|', '|>', '<|form:', '😀', '詩', '\ud842', 'x'];
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: random.integer(30) }, () => pieces[random.integer(pieces.length)]!).join('');
      expect(direct.encode(text), JSON.stringify(text)).toEqual(library.encode(text));
      const ids = Array.from({ length: random.integer(20) }, () => random.integer(direct.vocabSize + 3));
      expect(direct.decode(ids)).toBe(library.decode(ids));
    }
  });

  it('knows its special tokens, its size, and its tokens both ways', () => {
    for (const tokenizer of [direct, library]) {
      expect(tokenizer).toMatchObject({
        vocabSize: 29,
        eosTokenId: 2,
        padTokenId: 0,
        unknownTokenId: 1,
        bosTokenId: null,
      });
      expect([...tokenizer.specialIds]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      expect(tokenizer.tokenToId('𠀀')).toBe(16);
      expect(tokenizer.tokenToId('<|form:七绝|>')).toBe(5);
      expect(tokenizer.tokenToId('詩')).toBeNull();
      expect(tokenizer.idToToken(28)).toBe('日');
      expect(tokenizer.idToToken(29)).toBeNull();
    }
  });

  it('renders its chat template', () => {
    const messages = [
      { role: 'user', content: '<|form:七绝|><|title|>春' },
      { role: 'assistant', content: '白日' },
    ];
    expect(direct.applyChatTemplate(messages)).toBe('<|form:七绝|><|title|>春<|poem|>白日<|end|>');
    expect(direct.applyChatTemplate(messages.slice(0, 1), { addGenerationPrompt: true })).toBe(
      '<|form:七绝|><|title|>春<|poem|>',
    );
  });

  it('comes back from its folder, opened directly', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'tokenizer-'));
    await saveTokenizer(files, folder);
    const loaded = await loadTokenizer(folder);
    expect(loaded.files).toEqual(JSON.parse(JSON.stringify(files)));
    expect(isCharacterTokenizer(loaded.files)).toBe(true);
    expect(loaded.encode(rows[3]!.text)).toEqual(rows[3]!.ids);
    await rm(folder, { recursive: true });
  });

  it.each([
    [{ characters: ['春', '春'] }, /twice/],
    [{ characters: ['<|pad|>'] }, /twice/],
    [{ characters: ['春風'] }, /one code point/],
    [{ characters: ['\ud842'] }, /one code point/],
    [{ characters: [''] }, /empty/],
    [{ eosToken: '<|eos|>' }, /eosToken/],
  ])('refuses %j', (change, message) => {
    expect(() => createCharacterTokenizer({ ...vocabulary, ...change })).toThrow(message);
  });
});

describe('the direct implementation', () => {
  const changed = (change: (json: { model: Record<string, unknown>; [key: string]: unknown }) => void) => {
    const tokenizerJson = JSON.parse(JSON.stringify(files.tokenizerJson));
    change(tokenizerJson);
    return isCharacterTokenizer({ ...files, tokenizerJson });
  };

  it('is chosen for exactly the files it understands', () => {
    expect(isCharacterTokenizer(files)).toBe(true);
    expect(createTokenizer(files).encode('春')).toEqual([12]);
    expect(changed((json) => (json.model.merges = [['春', '風']]))).toBe(false);
    expect(changed((json) => (json.model.fuse_unk = true))).toBe(false);
    expect(changed((json) => (json.model.type = 'Unigram'))).toBe(false);
    expect(changed((json) => (json.model.unk_token = null))).toBe(false);
    expect(changed((json) => (json.normalizer = { type: 'NFC' }))).toBe(false);
    expect(changed((json) => (json.post_processor = { type: 'ByteLevel' }))).toBe(false);
    expect(changed((json) => (json.decoder = null))).toBe(false);
  });

  it('reads a million characters in at most 1.5 s of processor time (20 million in 30 s)', () => {
    const poem = '春風明月白日，上。\n'.repeat(6);
    const start = process.cpuUsage();
    let back = '';
    for (let i = 0; i < 16_667; i++) back = direct.decode(direct.encode(poem));
    expect(back).toBe(poem);
    const { user, system } = process.cpuUsage(start);
    // Measured: about 0.06 s. Not wall time, which other processes stretch.
    expect((user + system) / 1e6).toBeLessThan(1.5);
  });
});
