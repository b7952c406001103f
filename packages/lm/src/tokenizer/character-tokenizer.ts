/**
 * Vocabularies of single characters: `tokenizer.json` as BPE without merges, which Hugging Face `tokenizers` and its
 * JavaScript sibling both load (the latter has no WordLevel), and a direct implementation of exactly that case, some
 * hundred times faster, for corpora of millions of poems. One token is one code point or one special token.
 */
import { LmError } from '../errors.ts';
import { createChatTemplate } from './chat-template.ts';
import { isJsonObject, type Json } from './json.ts';
import { refuseChat } from './library-tokenizer.ts';
import type { DecodeOptions, Tokenizer, TokenizerFiles } from './tokenizer.ts';
import { readChatTemplate, readSpecialTokens, templateVariables } from './tokenizer-config.ts';

const BMP_SIZE = 0x10000;

export interface CharacterVocabulary {
  /** Whole-string tokens, ids from 0 in this order; must hold the three below. */
  readonly specials: readonly string[];
  /** One code point each; ids follow the specials. */
  readonly characters: readonly string[];
  /** Stands for every character that is not in the vocabulary, one each. */
  readonly unknownToken: string;
  readonly eosToken: string;
  readonly padToken: string;
  readonly bosToken?: string;
  /** Jinja. */
  readonly chatTemplate?: string;
  /** Written as `model_max_length`. */
  readonly maxLength?: number;
}

/**
 * The two files of a character tokenizer.
 * @throws LmError `tokenizer-malformed`: a token twice, a "character" of several code points, a role without its special
 */
export function createCharacterTokenizer(vocabulary: CharacterVocabulary): TokenizerFiles {
  const { specials, characters, unknownToken, eosToken, padToken, bosToken, chatTemplate, maxLength } = vocabulary;
  checkVocabulary(vocabulary);
  const vocab = Object.fromEntries([...specials, ...characters].map((token, id) => [token, id]));
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  const addedTokens = specials.map((content, id) => ({ id, content, ...flags }));
  return {
    tokenizerJson: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens,
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: { type: 'Fuse' },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: unknownToken,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab,
        merges: [],
      },
    },
    tokenizerConfig: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: bosToken ?? null,
      eos_token: eosToken,
      pad_token: padToken,
      unk_token: unknownToken,
      added_tokens_decoder: Object.fromEntries(addedTokens.map(({ id, ...token }) => [String(id), token])),
      clean_up_tokenization_spaces: false,
      ...(maxLength !== undefined && { model_max_length: maxLength }),
      ...(chatTemplate !== undefined && { chat_template: chatTemplate }),
    },
  };
}

/** True for files of the form that `createCharacterTokenizer` writes, whoever wrote them. */
export function isCharacterTokenizer({ tokenizerJson }: TokenizerFiles): boolean {
  const { model, added_tokens: added, normalizer, pre_tokenizer: preTokenizer, post_processor: post } = tokenizerJson;
  if (!isJsonObject(model) || !isJsonObject(model.vocab)) return false;
  const vocab = model.vocab as Readonly<Record<string, number>>;
  const hasPlainModel =
    model.type === 'BPE' &&
    Array.isArray(model.merges) &&
    model.merges.length === 0 &&
    !model.fuse_unk &&
    !model.byte_fallback &&
    !model.continuing_subword_prefix &&
    !model.end_of_word_suffix &&
    typeof model.unk_token === 'string' &&
    Object.hasOwn(vocab, model.unk_token);
  const hasNoSteps = [normalizer, preTokenizer, post].every((step) => step === null || step === undefined);
  const hasFuse = isJsonObject(tokenizerJson.decoder) && tokenizerJson.decoder.type === 'Fuse';
  const addedTokens: readonly unknown[] = Array.isArray(added) ? added : [];
  const hasPlainAdded = addedTokens.every(
    (token) =>
      isJsonObject(token) &&
      !token.lstrip &&
      !token.rstrip &&
      !token.single_word &&
      !token.normalized &&
      token.content !== '',
  );
  return hasPlainModel && hasNoSteps && hasFuse && hasPlainAdded;
}

/** The direct implementation. `files` must satisfy `isCharacterTokenizer`. */
export function openCharacterTokenizer(files: TokenizerFiles): Tokenizer {
  const model = files.tokenizerJson.model as Json;
  const vocab = model.vocab as Readonly<Record<string, number>>;
  const added = (files.tokenizerJson.added_tokens ?? []) as readonly {
    id: number;
    content: string;
    special: boolean;
  }[];
  const unknownId = vocab[model.unk_token as string]!;

  const tokens: string[] = [];
  const idOfToken = new Map<string, number>();
  const learn = (token: string, id: number): void => {
    tokens[id] = token;
    idOfToken.set(token, id);
  };
  const plane0 = new Int32Array(BMP_SIZE).fill(unknownId);
  const beyond = new Map<number, number>();
  for (const [token, id] of Object.entries(vocab)) {
    learn(token, id);
    const point = token.codePointAt(0);
    if (point === undefined || token.length !== String.fromCodePoint(point).length) continue;
    if (point < BMP_SIZE) plane0[point] = id;
    else beyond.set(point, id);
  }
  for (const { content, id } of added) learn(content, id);
  const specialIds = new Set(added.filter(({ special }) => special).map(({ id }) => id));
  const matchers = createMatchers(added);

  function encode(text: string): number[] {
    const ids: number[] = [];
    for (let i = 0; i < text.length; ) {
      const unit = text.charCodeAt(i);
      const lengths = matchers.lengths.get(unit);
      const match = lengths === undefined ? null : matchAt(text, i, lengths);
      if (match !== null) {
        ids.push(match.id);
        i += match.length;
        continue;
      }
      // A surrogate pair is one code point; a lone surrogate is no character at all.
      const point = unit >= 0xd800 && unit < 0xdc00 ? text.codePointAt(i)! : unit;
      if (point < BMP_SIZE) {
        ids.push(plane0[point]!);
        i += 1;
      } else {
        ids.push(beyond.get(point) ?? unknownId);
        i += 2;
      }
    }
    return ids;
  }

  /** Longest special token that starts at `i`. */
  function matchAt(text: string, i: number, lengths: readonly number[]): { id: number; length: number } | null {
    for (const length of lengths) {
      const id = matchers.ids.get(text.slice(i, i + length));
      if (id !== undefined) return { id, length };
    }
    return null;
  }

  function decode(ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string {
    let text = '';
    for (const id of ids) if (!skipSpecialTokens || !specialIds.has(id)) text += tokens[id] ?? '';
    return text;
  }

  const special = readSpecialTokens(files.tokenizerConfig);
  const template = readChatTemplate(files.tokenizerConfig);
  const idOf = (token: string | null): number | null => (token === null ? null : (idOfToken.get(token) ?? null));
  return {
    vocabSize: tokens.length,
    bosTokenId: idOf(special.bos),
    eosTokenId: idOf(special.eos),
    padTokenId: idOf(special.pad),
    unknownTokenId: unknownId,
    specialIds,
    hasChatTemplate: template !== null,
    files,
    encode,
    decode,
    tokenToId: idOf,
    idToToken: (id) => tokens[id] ?? null,
    applyChatTemplate: template === null ? refuseChat : createChatTemplate(template, templateVariables(special)),
  };
}

/** By first code unit: which lengths of special tokens to try, longest first. */
function createMatchers(added: readonly { id: number; content: string }[]): {
  readonly lengths: ReadonlyMap<number, readonly number[]>;
  readonly ids: ReadonlyMap<string, number>;
} {
  const lengths = new Map<number, Set<number>>();
  const ids = new Map<string, number>();
  for (const { content, id } of added) {
    const first = content.charCodeAt(0);
    const known = lengths.get(first) ?? new Set();
    lengths.set(first, known.add(content.length));
    ids.set(content, id);
  }
  const sorted = new Map([...lengths].map(([first, known]) => [first, [...known].sort((a, b) => b - a)]));
  return { lengths: sorted, ids };
}

function checkVocabulary({ specials, characters, ...roles }: CharacterVocabulary): void {
  const seen = new Set<string>();
  for (const token of [...specials, ...characters]) {
    if (token === '') throw malformed('tokens that are not empty', 'an empty one');
    if (seen.has(token)) throw malformed('distinct tokens', `${JSON.stringify(token)} twice`);
    seen.add(token);
  }
  for (const character of characters) {
    if ([...character].length !== 1 || /\p{Surrogate}/u.test(character)) {
      throw malformed('characters of one code point', JSON.stringify(character));
    }
  }
  for (const role of ['unknownToken', 'eosToken', 'padToken', 'bosToken'] as const) {
    const token = roles[role];
    if (token !== undefined && !specials.includes(token)) throw malformed(`${role} among the specials`, token);
  }
}

function malformed(expected: string, got: string): LmError {
  return new LmError('tokenizer-malformed', `createCharacterTokenizer: expected ${expected}, got ${got}`);
}
