/**
 * What each token of a vocabulary adds to the text, in bytes: the common ground of character vocabularies, byte-level
 * BPE (Qwen, Llama 3, GPT) and SentencePiece with byte fallback (Llama 2, Gemma). Bytes are kept as strings of the
 * characters U+0000–U+00FF, which are small, comparable and fit for keys.
 */
import type { Tokenizer } from '@tuiqiao/lm';

type Decoder = {
  readonly type?: unknown;
  readonly decoders?: unknown;
  readonly pattern?: unknown;
  readonly content?: unknown;
};

const encoder = new TextEncoder();
const BYTE_TOKEN = /^<0x([0-9A-Fa-f]{2})>$/u;
/** SentencePiece's visible space. */
const METASPACE = '▁';

/** UTF-8 bytes as a string of characters below U+0100. */
export function bytesOf(text: string): string {
  return String.fromCharCode(...encoder.encode(text));
}

/** Length in bytes of a UTF-8 character by its first byte; 0 for a continuation byte or no UTF-8 at all. */
export function characterLength(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/**
 * GPT-2's letters for bytes: printable Latin-1 stands for itself, the other 68 for U+0100 onwards in order.
 * Source: `bytes_to_unicode` of GPT-2's encoder.
 */
function byteLetters(): ReadonlyMap<string, string> {
  const letters = new Map<string, string>();
  let next = 0x100;
  for (let byte = 0; byte < 0x100; byte++) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    letters.set(String.fromCharCode(isPrintable ? byte : next++), String.fromCharCode(byte));
  }
  return letters;
}

function decodersOf(json: Readonly<Record<string, unknown>>): Decoder[] {
  const decoder = json.decoder as Decoder | null | undefined;
  if (typeof decoder !== 'object' || decoder === null) return [];
  return Array.isArray(decoder.decoders) ? (decoder.decoders as Decoder[]) : [decoder];
}

/**
 * @returns for a token id its bytes, or null when it writes no text (special tokens, the unknown token, ids without a token)
 */
export function createTokenBytes(tokenizer: Tokenizer): (id: number) => string | null {
  const json = tokenizer.files.tokenizerJson;
  const decoders = decodersOf(json);
  const isByteLevel = decoders.some(({ type }) => type === 'ByteLevel');
  const hasByteFallback = decoders.some(({ type }) => type === 'ByteFallback');
  const hasMetaspace = decoders.some(
    ({ type, pattern }) =>
      type === 'Metaspace' || (type === 'Replace' && (pattern as { String?: unknown } | null)?.String === METASPACE),
  );
  const added = new Set(
    Array.isArray(json.added_tokens) ? json.added_tokens.map((token: { readonly id?: unknown }) => token.id) : [],
  );
  const letters = isByteLevel ? byteLetters() : null;
  return (id) => {
    if (tokenizer.specialIds.has(id) || id === tokenizer.unknownTokenId) return null;
    const token = tokenizer.idToToken(id);
    if (token === null || token === '') return null;
    if (added.has(id)) return bytesOf(token);
    if (letters !== null) {
      let bytes = '';
      for (const letter of token) {
        const byte = letters.get(letter);
        if (byte === undefined) return null;
        bytes += byte;
      }
      return bytes;
    }
    const byte = hasByteFallback ? BYTE_TOKEN.exec(token) : null;
    if (byte !== null) return String.fromCharCode(Number.parseInt(byte[1]!, 16));
    return bytesOf(hasMetaspace ? token.replaceAll(METASPACE, ' ') : token);
  };
}
