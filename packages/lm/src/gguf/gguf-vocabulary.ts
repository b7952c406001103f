/**
 * The vocabulary of a `tokenizer.json` as GGUF's `tokenizer.ggml.*` fields: byte-level BPE (`gpt2`), sentencepiece pieces
 * (`llama`), or single characters (`t5`, a unigram model: llama.cpp falls back to bytes with `llama`, and ends with an
 * exception where the vocabulary has none).
 */
import { LmError } from '../errors.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

export interface GgufVocabulary {
  readonly model: 'gpt2' | 'llama' | 't5';
  /** llama.cpp's name for the rule that splits text before merges, of `gpt2`; null for others. */
  readonly preTokenizer: string | null;
  readonly tokens: readonly string[];
  /** llama.cpp's kinds: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. */
  readonly types: readonly number[];
  /** Without `gpt2`: a merge's order of precedence as a score. */
  readonly scores: readonly number[] | null;
  /** `gpt2` only. */
  readonly merges: readonly string[] | null;
  /** Text gets a space before its first word (sentencepiece's `add_dummy_prefix`). */
  readonly addsSpacePrefix: boolean;
}

const KIND = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** llama.cpp's pre-tokeniser by model type; the split rules themselves are in its source under these names. */
const PRE_TOKENIZERS: Readonly<Record<string, string>> = {
  qwen2: 'qwen2',
  qwen3: 'qwen2',
  qwen3_moe: 'qwen2',
  glm: 'chatglm-bpe',
  glm4: 'glm4',
  olmo2: 'dbrx',
  llama: 'llama-bpe',
  mistral: 'tekken',
};

/** Phi-4 has the vocabulary of GPT-4, Phi-4-mini the larger one of GPT-4o. */
function phiSplit(vocabSize: number): string {
  return vocabSize > 150_000 ? 'gpt-4o' : 'dbrx';
}

interface BpeModel {
  readonly type?: string;
  readonly vocab?: Readonly<Record<string, number>>;
  readonly merges?: readonly (string | readonly [string, string])[];
}

/**
 * @param vocabSize rows of the embedding: ids the tokenizer does not know become unused tokens
 * @throws LmError `gguf-unsupported` for tokenizers other than BPE
 */
export function ggufVocabulary(tokenizer: Tokenizer, modelType: string, vocabSize: number): GgufVocabulary {
  const { tokenizerJson } = tokenizer.files;
  const model = tokenizerJson.model as BpeModel | undefined;
  if (model?.type !== 'BPE' || model.vocab === undefined) {
    throw new LmError('gguf-unsupported', `gguf: expected a BPE tokenizer, got ${model?.type ?? 'none'}`);
  }
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`);
  const types: number[] = new Array(vocabSize).fill(KIND.unused);
  const place = (token: string, id: number, type: number): void => {
    if (id >= vocabSize) return;
    tokens[id] = token;
    types[id] = type;
  };
  for (const [token, id] of Object.entries(model.vocab)) {
    place(token, id, /^<0x[0-9A-F]{2}>$/u.test(token) ? KIND.byte : KIND.normal);
  }
  const added = (tokenizerJson.added_tokens ?? []) as readonly { id: number; content: string; special?: boolean }[];
  for (const { id, content, special } of added) {
    const isUnknown = id === tokenizer.unknownTokenId;
    place(content, id, isUnknown ? KIND.unknown : special === true ? KIND.control : KIND.userDefined);
  }
  const merges = (model.merges ?? []).map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  if (JSON.stringify(tokenizerJson.pre_tokenizer ?? null).includes('ByteLevel')) {
    const preTokenizer = PRE_TOKENIZERS[modelType] ?? (modelType === 'phi3' ? phiSplit(vocabSize) : 'default');
    return { model: 'gpt2', preTokenizer, tokens, types, scores: null, merges, addsSpacePrefix: false };
  }
  // Pieces of text: what is merged first scores highest; single characters need no merge.
  const ranks = new Map<string, number>();
  for (const [rank, merge] of merges.entries()) {
    const piece = merge.replace(' ', '');
    if (!ranks.has(piece)) ranks.set(piece, rank);
  }
  const scores = tokens.map((token) => -(ranks.get(token) ?? merges.length));
  const addsSpacePrefix = hasPrefix(tokenizerJson);
  const isCharacters = merges.length === 0 && !types.includes(KIND.byte);
  return {
    model: isCharacters ? 't5' : 'llama',
    preTokenizer: null,
    tokens,
    types,
    scores,
    merges: null,
    addsSpacePrefix,
  };
}

/** A normalizer that prepends, or the older pre-tokenizer that does. */
function hasPrefix({ normalizer, pre_tokenizer: preTokenizer }: Readonly<Record<string, unknown>>): boolean {
  const steps = JSON.stringify([normalizer ?? null, preTokenizer ?? null]);
  return steps.includes('"Prepend"') || /"prepend_scheme":"(?:first|always)"|"add_prefix_space":true/u.test(steps);
}
