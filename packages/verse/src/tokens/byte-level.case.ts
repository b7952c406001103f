/** A byte-level BPE vocabulary whose merges ignore where characters end, trained on a few lines: for tests. */
import { createTokenizer, type Tokenizer } from '@tuiqiao/lm';
import { bytesOf } from './token-bytes.ts';

const END = '<|end|>';

/** GPT-2's letters by byte. */
function letters(): string[] {
  const known: string[] = [];
  let next = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    known.push(String.fromCharCode(isPrintable ? byte : next++));
  }
  return known;
}

export interface ByteLevelOptions {
  readonly texts: readonly string[];
  readonly merges: number;
}

/** Merges the commonest neighbours again and again, across characters and marks alike. */
export function createByteLevelTokenizer({ texts, merges: count }: ByteLevelOptions): Tokenizer {
  const alphabet = letters();
  const vocab = new Map(alphabet.map((letter, id) => [letter, id]));
  const merges: [string, string][] = [];
  let rows = texts.map((text) => [...bytesOf(text)].map((byte) => alphabet[byte.charCodeAt(0)]!));
  for (let merge = 0; merge < count; merge++) {
    const pairs = new Map<string, number>();
    for (const row of rows) {
      for (let i = 1; i < row.length; i++) {
        const pair = `${row[i - 1]} ${row[i]}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
      }
    }
    const [best] = [...pairs].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]!;
    const [left, right] = best.split(' ') as [string, string];
    merges.push([left, right]);
    vocab.set(left + right, vocab.size);
    rows = rows.map((row) => {
      const merged: string[] = [];
      for (const piece of row) {
        if (piece === right && merged.at(-1) === left) merged[merged.length - 1] = left + right;
        else merged.push(piece);
      }
      return merged;
    });
  }
  const end = vocab.size;
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  return createTokenizer({
    tokenizerJson: {
      version: '1.0',
      added_tokens: [
        { id: end, content: END, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
      ],
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: null,
      decoder: byteLevel,
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: '',
        end_of_word_suffix: '',
        fuse_unk: false,
        byte_fallback: false,
        vocab: Object.fromEntries(vocab),
        merges,
      },
    },
    tokenizerConfig: { eos_token: END },
  });
}
