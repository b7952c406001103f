import { describe, expect, it } from 'vitest';
import { chineseTokens } from './chinese-tokens.ts';
import { createLibraryTokenizer } from './library-tokenizer.ts';

/** The byte-level letters of a text, as GPT-2's table writes them; enough of it for these. */
const BYTES: Readonly<Record<string, string>> = { 春: 'æĺ¥', 風: 'é¢¨', '。': 'ãĢĤ' };

describe('chineseTokens', () => {
  it('keeps hanzi, their parts and punctuation, digits, ASCII letters and special tokens; drops words, code, other scripts', () => {
    const tokens = [
      BYTES.春!,
      BYTES.春! + BYTES.風!,
      BYTES['。']!,
      'æĺ', // two bytes of 春
      'Ċ', // line break
      '12',
      'a',
      'Ġthe',
      '});',
      'spring',
      'ÐĿ', // Н
    ];
    const tokenizer = createLibraryTokenizer({
      tokenizerJson: {
        version: '1.0',
        normalizer: null,
        post_processor: null,
        added_tokens: [{ id: tokens.length, content: '<|im_start|>', special: true }],
        pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
        model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges: [] },
      },
      tokenizerConfig: {},
    });
    const kept = [...chineseTokens(tokenizer)].map((id) => tokenizer.decode([id]));
    expect(kept).toEqual(['春', '春風', '。', '\ufffd', '\n', '12', 'a', '<|im_start|>']);
  });
});
