import { describe, expect, it } from 'vitest';
import { inGguf } from '../../test/in-gguf.ts';
import type { GgufValue } from '../checkpoint/gguf.ts';
import { LmError } from '../errors.ts';
import { createCharacterTokenizer } from '../tokenizer/character-tokenizer.ts';
import { createTokenizer } from '../tokenizer/load-tokenizer.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { ggufTokenizerFiles } from './gguf-tokenizer.ts';

/** GPT-2's letters for bytes: printable ones stand for themselves, the others follow from U+0100 on. */
const BYTES = (() => {
  const isPlain = (byte: number) => (byte > 32 && byte < 127) || (byte > 160 && byte < 256 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPlain(byte) ? byte : next++));
})();
const bytesOf = (text: string) => [...Buffer.from(text)].map((byte) => BYTES[byte]!).join('');

const TEXTS = ['春眠不覺曉', ' the  rain\n\n2024 fell', "it's <end>明月", '', 'ünïcode 🙂', 'hello hello'];

function byteLevelTokenizer(): Tokenizer {
  const pieces: string[] = [];
  const merges: string[] = [];
  const learn = (text: string) => {
    const letters = [...bytesOf(text)];
    for (let i = 1; i < letters.length; i++) {
      const left = letters.slice(0, i).join('');
      const merge = `${left} ${letters[i]}`;
      if (!merges.includes(merge)) {
        merges.push(merge);
        pieces.push(left + letters[i]);
      }
    }
  };
  for (const word of ['春', '明月', ' the', ' rain', 'hello', ' hello', '\n\n']) learn(word);
  const vocab = Object.fromEntries([...BYTES, ...pieces].map((token, id) => [token, id]));
  const end = { id: 400, content: '<end>', special: true, single_word: false, lstrip: false, rstrip: false };
  const step = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  const pattern =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  return createTokenizer({
    tokenizerJson: {
      added_tokens: [{ ...end, normalized: false }],
      normalizer: { type: 'NFC' },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }, step],
      },
      post_processor: step,
      decoder: step,
      model: { type: 'BPE', vocab, merges, unk_token: null },
    },
    tokenizerConfig: { eos_token: '<end>', chat_template: '{{ messages[0].content }}' },
  });
}

function sentencePieceTokenizer(): Tokenizer {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);
  const merges = ['▁ t', 'h e', '▁t he', 'r a', 'i n', 'ra in', '▁ rain', 'l l', 'h e', 'he ll', 'hell o', '▁ hello'];
  const pieces = new Set(merges.flatMap((merge) => [...merge.split(' '), merge.replace(' ', '')]));
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, ...pieces, '春', '眠', '明', '月'];
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return createTokenizer({
    tokenizerJson: {
      added_tokens: ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, ...flags })),
      normalizer: {
        type: 'Sequence',
        normalizers: [
          { type: 'Prepend', prepend: '▁' },
          { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
        ],
      },
      pre_tokenizer: null,
      post_processor: {
        type: 'TemplateProcessing',
        single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
        pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
        special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
      },
      decoder: {
        type: 'Sequence',
        decoders: [
          { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      model: {
        type: 'BPE',
        unk_token: '<unk>',
        fuse_unk: true,
        byte_fallback: true,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges: [...new Set(merges)],
      },
    },
    tokenizerConfig: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
  });
}

const characterTokenizer = (): Tokenizer =>
  createTokenizer(
    createCharacterTokenizer({
      specials: ['<pad>', '<unk>', '<end>'],
      characters: [...'春眠不覺曉 ，。'],
      unknownToken: '<unk>',
      eosToken: '<end>',
      padToken: '<pad>',
    }),
  );

describe('ggufTokenizerFiles', () => {
  it.each([
    ['byte-level BPE', 'qwen3', byteLevelTokenizer],
    ['sentencepiece BPE', 'llama', sentencePieceTokenizer],
    ['single characters', 'qwen3', characterTokenizer],
  ])('%s: the same ids and text as tokenizer.json', (_, modelType, create) => {
    const original = create();
    const read = createTokenizer(ggufTokenizerFiles(inGguf(original, modelType)));
    for (const text of TEXTS) {
      const ids = original.encode(text);
      expect(read.encode(text), text).toEqual(ids);
      expect(read.encode(text, { addSpecialTokens: false })).toEqual(
        original.encode(text, { addSpecialTokens: false }),
      );
      expect(read.decode(ids, { skipSpecialTokens: true })).toBe(original.decode(ids, { skipSpecialTokens: true }));
    }
    const { vocabSize, bosTokenId, eosTokenId, padTokenId, specialIds, hasChatTemplate } = original;
    expect(read).toMatchObject({ vocabSize, bosTokenId, eosTokenId, padTokenId, specialIds, hasChatTemplate });
  });

  it.each<[string, Record<string, GgufValue>, string, RegExp]>([
    [
      'another kind',
      { model: 'bert' },
      'model-feature-unsupported',
      /gpt2, llama, or t5 with single characters, got bert/,
    ],
    ['a unigram model of words', { model: 't5' }, 'model-feature-unsupported', /single characters, got t5/],
    ['an unknown split rule', { pre: 'poro-chat' }, 'model-feature-unsupported', /tekken, got poro-chat/],
    ['tokens that are numbers', { tokens: [1, 2] }, 'tokenizer-malformed', /tokens to be a list of strings/],
    [
      'types of another length',
      { token_type: [1] },
      'tokenizer-malformed',
      /token_type to be \d+ numbers, got 1 values/,
    ],
    ['merges that are no list', { merges: 'a b' }, 'tokenizer-malformed', /merges to be a list of strings, got string/],
    ['an end token beyond the vocabulary', { eos_token_id: 9999 }, 'tokenizer-malformed', /eos_token_id below/],
  ])('%s is refused', (_, changes, code, message) => {
    const read = () => ggufTokenizerFiles(inGguf(byteLevelTokenizer(), 'qwen3', changes));
    expect(read).toThrow(LmError);
    expect(read).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

  it('a file without tokenizer is refused', () => {
    const empty = { file: 'model.gguf', metadata: new Map(), tensors: new Map() };
    expect(() => ggufTokenizerFiles(empty)).toThrow(expect.objectContaining({ code: 'tokenizer-missing' }));
  });
});
