/**
 * The tokenizer inside a GGUF file as the `tokenizer.json` it was converted from, so that the same library reads both.
 * The kinds are those of `gguf-vocabulary.ts`: byte-level BPE (`gpt2`), whose file names the rule that splits text before
 * the merges, sentencepiece BPE (`llama`), whose merges follow from the scores of its pieces, and single characters (`t5`).
 */
import type { GgufFile, GgufValue } from '../checkpoint/gguf.ts';
import { LmError } from '../errors.ts';
import type { Json } from '../tokenizer/json.ts';
import type { TokenizerFiles } from '../tokenizer/tokenizer.ts';

/** llama.cpp's kinds of token. */
const KIND = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;
/** What sentencepiece writes for a space. */
const SPACE = '▁';

/** A split rule, and whether a word that is a token is never split by merges. */
interface SplitRule {
  /** Null: GPT-2's own, which the byte-level step knows. */
  readonly pattern: string | null;
  readonly ignoresMerges?: boolean;
  readonly normalizer?: string;
  /** Where the file does not say whether text begins with the start token. */
  readonly addsBos?: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const words = (digits: string): string =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const LLAMA3: SplitRule = { pattern: words('\\p{N}{1,3}'), ignoresMerges: true, addsBos: true };
const QWEN2: SplitRule = { pattern: words('\\p{N}'), normalizer: 'NFC' };
const GPT2: SplitRule = { pattern: null };
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';

/** By the names that llama.cpp gives them (`tokenizer.ggml.pre`); the rules are those of the published `tokenizer.json`. */
const SPLIT_RULES: Readonly<Record<string, SplitRule>> = {
  'gpt-2': GPT2,
  gpt2: GPT2,
  olmo: GPT2,
  'llama-bpe': LLAMA3,
  'llama-v3': LLAMA3,
  llama3: LLAMA3,
  qwen2: QWEN2,
  'deepseek-r1-qwen': QWEN2,
  'chatglm-bpe': { pattern: words('\\p{N}{1,3}') },
  glm4: { pattern: words('\\p{N}{1,3}') },
  dbrx: { pattern: words('\\p{N}{1,3}') },
  'gpt-4o': {
    pattern: `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${CONTRACTIONS}?|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${CONTRACTIONS}?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  },
  tekken: {
    pattern: `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+|[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
    ignoresMerges: true,
    addsBos: true,
  },
};

/** The vocabulary as the file has it, checked. */
interface Vocabulary {
  readonly file: string;
  readonly tokens: readonly string[];
  readonly types: readonly number[];
  get(key: string): GgufValue | undefined;
}

/**
 * The two files a model folder would have.
 * @throws LmError `tokenizer-missing` for a file without vocabulary, `tokenizer-malformed`, `model-feature-unsupported` for
 *   other kinds and split rules
 */
export function ggufTokenizerFiles(gguf: GgufFile): TokenizerFiles {
  const get = (key: string): GgufValue | undefined => gguf.metadata.get(`tokenizer.ggml.${key}`);
  const kind = get('model');
  if (kind === undefined) {
    throw new LmError('tokenizer-missing', `${gguf.file}: expected tokenizer.ggml.model, got a file without tokenizer`);
  }
  const tokens = list<string>(gguf.file, get('tokens'), 'tokenizer.ggml.tokens', 'string');
  const types =
    get('token_type') === undefined
      ? tokens.map(() => 1)
      : list<number>(gguf.file, get('token_type'), 'tokenizer.ggml.token_type', 'number', tokens.length);
  const vocabulary: Vocabulary = { file: gguf.file, tokens, types, get };
  if (kind !== 'gpt2' && kind !== 'llama' && !(kind === 't5' && hasCharactersOnly(vocabulary))) {
    throw unsupported(gguf.file, 'tokenizer.ggml.model', 'gpt2, llama, or t5 with single characters', kind);
  }
  const special = specialTokens(vocabulary);
  const { addsBos, ...steps } = kind === 'gpt2' ? byteLevel(vocabulary) : sentencePiece(vocabulary, special.unk_token);
  const wraps = {
    before: (flag(get('add_bos_token')) ?? addsBos) ? special.bos_token : null,
    after: flag(get('add_eos_token')) ? special.eos_token : null,
  };
  const template = gguf.metadata.get('tokenizer.chat_template');
  return {
    tokenizerJson: {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      ...steps,
      post_processor: postProcessor(vocabulary, wraps) ?? steps.post_processor,
    },
    tokenizerConfig: {
      tokenizer_class: 'PreTrainedTokenizerFast',
      ...special,
      clean_up_tokenization_spaces: false,
      ...(typeof template === 'string' && { chat_template: template }),
    },
  };
}

/** A unigram model of single characters has nothing to choose between. */
function hasCharactersOnly({ tokens, types }: Vocabulary): boolean {
  return tokens.every((token, id) => types[id] !== KIND.normal || [...token].length === 1);
}

type Steps = Readonly<Record<'normalizer' | 'pre_tokenizer' | 'post_processor' | 'decoder', Json | null>> & {
  readonly model: Json;
  readonly addsBos: boolean;
};

function byteLevel(vocabulary: Vocabulary): Steps {
  const name = vocabulary.get('pre') ?? 'gpt-2';
  if (typeof name !== 'string' || !Object.hasOwn(SPLIT_RULES, name)) {
    throw unsupported(vocabulary.file, 'tokenizer.ggml.pre', Object.keys(SPLIT_RULES).join(', '), name);
  }
  const { pattern, ignoresMerges = false, normalizer, addsBos = false } = SPLIT_RULES[name]!;
  const merges = list<string>(vocabulary.file, vocabulary.get('merges'), 'tokenizer.ggml.merges', 'string');
  const step = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: pattern === null };
  const split = { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
  return {
    normalizer: normalizer === undefined ? null : { type: normalizer },
    pre_tokenizer: pattern === null ? step : { type: 'Sequence', pretokenizers: [split, step] },
    post_processor: step,
    decoder: step,
    model: { ...bpe(vocabulary), unk_token: null, ignore_merges: ignoresMerges, merges },
    addsBos,
  };
}

function sentencePiece(vocabulary: Vocabulary, unknown: string | null): Steps {
  const { file, tokens, types, get } = vocabulary;
  const scores = list<number>(file, get('scores'), 'tokenizer.ggml.scores', 'number', tokens.length);
  const hasBytes = types.includes(KIND.byte);
  const hasSpaces = tokens.some((token, id) => types[id] === KIND.normal && token.includes(SPACE));
  const hasPrefix = hasSpaces && (flag(get('add_space_prefix')) ?? true);
  const toPieces = [
    ...(hasPrefix ? [{ type: 'Prepend', prepend: SPACE }] : []),
    ...(hasSpaces ? [{ type: 'Replace', pattern: { String: ' ' }, content: SPACE }] : []),
  ];
  const toText = [
    ...(hasSpaces ? [{ type: 'Replace', pattern: { String: SPACE }, content: ' ' }] : []),
    ...(hasBytes ? [{ type: 'ByteFallback' }] : []),
    { type: 'Fuse' },
    ...(hasPrefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ];
  return {
    normalizer: toPieces.length === 0 ? null : { type: 'Sequence', normalizers: toPieces },
    pre_tokenizer: null,
    post_processor: null,
    decoder: toText.length === 1 ? toText[0]! : { type: 'Sequence', decoders: toText },
    model: {
      ...bpe(vocabulary),
      unk_token: unknown,
      fuse_unk: hasBytes,
      byte_fallback: hasBytes,
      ignore_merges: false,
      merges: mergesOfScores(vocabulary, scores),
    },
    addsBos: true,
  };
}

function bpe({ tokens, types }: Vocabulary): Json {
  const isToken = (_: string, id: number): boolean => types[id] !== KIND.unused;
  const vocab = Object.fromEntries(
    tokens.map((token, id) => [token, id] as const).filter(([token, id]) => isToken(token, id)),
  );
  return {
    type: 'BPE',
    dropout: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    vocab,
  };
}

/**
 * Merges as transformers derives them from a sentencepiece model: every way to put a piece together from two others,
 * pieces of high scores first.
 */
function mergesOfScores({ tokens, types }: Vocabulary, scores: readonly number[]): (readonly [string, string])[] {
  const ids = new Map<string, number>();
  // Runs of spaces are user-defined in some vocabularies, and reached by merges all the same.
  const isPiece = (id: number): boolean => types[id] === KIND.normal || types[id] === KIND.userDefined;
  for (const [id, token] of tokens.entries()) if (isPiece(id)) ids.set(token, id);
  const merges: { left: string; right: string; score: number }[] = [];
  for (const [token, id] of ids) {
    const characters = [...token];
    const ways: { left: string; right: string; score: number }[] = [];
    let left = '';
    for (const character of characters.slice(0, -1)) {
      left += character;
      const right = token.slice(left.length);
      if (ids.has(left) && ids.has(right)) ways.push({ left, right, score: scores[id]! });
    }
    ways.sort((a, b) => ids.get(a.left)! - ids.get(b.left)! || ids.get(a.right)! - ids.get(b.right)!);
    merges.push(...ways);
  }
  merges.sort((a, b) => b.score - a.score || b.left.length - a.left.length || b.right.length - a.right.length);
  return merges.map(({ left, right }) => [left, right]);
}

function addedTokens({ tokens, types }: Vocabulary): Json[] {
  const added: Json[] = [];
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  for (const [id, content] of tokens.entries()) {
    const type = types[id];
    if (type !== KIND.unknown && type !== KIND.control && type !== KIND.userDefined) continue;
    if (content !== '') added.push({ id, content, ...flags, special: type !== KIND.userDefined });
  }
  return added;
}

function specialTokens({
  file,
  tokens,
  get,
}: Vocabulary): Record<`${'bos' | 'eos' | 'pad' | 'unk'}_token`, string | null> {
  const token = (key: string): string | null => {
    const id = get(key);
    if (id === undefined) return null;
    const content = typeof id === 'number' ? tokens[id] : undefined;
    if (content === undefined)
      throw malformed(file, `tokenizer.ggml.${key} below ${tokens.length}`, JSON.stringify(id));
    return content;
  };
  return {
    bos_token: token('bos_token_id'),
    eos_token: token('eos_token_id'),
    pad_token: token('padding_token_id'),
    unk_token: token('unknown_token_id'),
  };
}

/** Puts the start token before every text and the end token behind it, where asked for; null for neither. */
function postProcessor(
  { tokens }: Vocabulary,
  { before, after }: { readonly before: string | null; readonly after: string | null },
): Json | null {
  const used = [before, after].filter((token) => token !== null);
  if (used.length === 0) return null;
  const place = (token: string | null, type: number): Json[] =>
    token === null ? [] : [{ SpecialToken: { id: token, type_id: type } }];
  const text = (id: 'A' | 'B', type: number): Json[] => [
    ...place(before, type),
    { Sequence: { id, type_id: type } },
    ...place(after, type),
  ];
  return {
    type: 'TemplateProcessing',
    single: text('A', 0),
    pair: [...text('A', 0), ...text('B', 1)],
    special_tokens: Object.fromEntries(
      used.map((token) => [token, { id: token, ids: [tokens.indexOf(token)], tokens: [token] }]),
    ),
  };
}

function flag(value: GgufValue | undefined): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

function list<T extends string | number>(
  file: string,
  value: GgufValue | undefined,
  key: string,
  type: 'string' | 'number',
  length?: number,
): readonly T[] {
  const isList = Array.isArray(value) && value.every((item) => typeof item === type);
  if (!isList || (length !== undefined && value.length !== length)) {
    const wanted = length === undefined ? `a list of ${type}s` : `${length} ${type}s`;
    throw malformed(
      file,
      `${key} to be ${wanted}`,
      Array.isArray(value) ? `${value.length} values` : `${typeof value}`,
    );
  }
  return value as readonly T[];
}

function malformed(file: string, expected: string, got: string): LmError {
  return new LmError('tokenizer-malformed', `${file}: expected ${expected}, got ${got}`);
}

function unsupported(file: string, key: string, expected: string, got: GgufValue): LmError {
  return new LmError('model-feature-unsupported', `${file}: expected ${key} to be ${expected}, got ${String(got)}`, {
    hint: 'Use the model’s Hugging Face folder, whose tokenizer.json is read as it is.',
  });
}
