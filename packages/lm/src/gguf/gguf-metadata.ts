/** What a GGUF file states of a model and its tokenizer. Keys: llama.cpp's `llama-arch.cpp`, `gguf-py/gguf/constants.py`. */
import type { ModelConfig } from '../config.ts';
import { ropeAngles } from '../families/rope.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { WINDOW_PATTERNS } from './gguf-architectures.ts';
import type { GgufType } from './gguf-blocks.ts';
import type { GgufField } from './gguf-header.ts';
import { ggufVocabulary } from './gguf-vocabulary.ts';

/** `general.file_type`. */
const FILE_TYPE: Readonly<Record<GgufType, number>> = { F32: 0, F16: 1, Q8_0: 7, BF16: 32 };
export const ALIGNMENT = 32;

type Fields = readonly (readonly [string, GgufField])[];

export function ggufMetadata(
  config: ModelConfig,
  architecture: string,
  tokenizer: Tokenizer,
  type: GgufType,
  name: string,
): Fields {
  const vocabulary = ggufVocabulary(tokenizer, config.modelType, config.vocabSize);
  const of = (key: string): string => `${architecture}.${key}`;
  const optional = (key: string, value: number | null): Fields => (value === null ? [] : [[key, { u32: value }]]);
  const template = tokenizer.files.tokenizerConfig.chat_template;
  return [
    ['general.architecture', { text: architecture }],
    ['general.name', { text: name }],
    ['general.file_type', { u32: FILE_TYPE[type] }],
    ['general.quantization_version', { u32: 2 }],
    ['general.alignment', { u32: ALIGNMENT }],
    [of('vocab_size'), { u32: config.vocabSize }],
    [of('context_length'), { u32: config.maxPositions }],
    [of('embedding_length'), { u32: config.hiddenSize }],
    [of('block_count'), { u32: config.layers }],
    [of('feed_forward_length'), { u32: config.intermediateSize }],
    [of('attention.head_count'), { u32: config.heads }],
    [of('attention.head_count_kv'), { u32: config.kvHeads }],
    [of('attention.key_length'), { u32: config.headDim }],
    [of('attention.value_length'), { u32: config.headDim }],
    [of('attention.layer_norm_rms_epsilon'), { f32: config.rmsNormEpsilon }],
    // Without a rotation (ALiBi) it is stated all the same.
    [of('rope.dimension_count'), { u32: config.architecture.rotaryDim || config.headDim }],
    [of('rope.freq_base'), { f32: config.ropeTheta }],
    ...[...ropeFields(config, architecture), ...familyFields(config, architecture)].map(
      ([key, value]) => [of(key), value] as const,
    ),
    ['tokenizer.ggml.model', { text: vocabulary.model }],
    ...(vocabulary.preTokenizer === null ? [] : ([['tokenizer.ggml.pre', { text: vocabulary.preTokenizer }]] as const)),
    ['tokenizer.ggml.tokens', { texts: vocabulary.tokens }],
    ...(vocabulary.scores === null ? [] : ([['tokenizer.ggml.scores', { floats: vocabulary.scores }]] as const)),
    ['tokenizer.ggml.token_type', { ints: vocabulary.types }],
    ...(vocabulary.merges === null ? [] : ([['tokenizer.ggml.merges', { texts: vocabulary.merges }]] as const)),
    ...optional('tokenizer.ggml.bos_token_id', tokenizer.bosTokenId ?? config.bosTokenId),
    ...optional('tokenizer.ggml.eos_token_id', tokenizer.eosTokenId ?? config.eosTokenIds[0] ?? null),
    ...optional('tokenizer.ggml.padding_token_id', tokenizer.padTokenId ?? config.padTokenId),
    ...optional('tokenizer.ggml.unknown_token_id', tokenizer.unknownTokenId),
    // What the tokenizer puts before any text, and only that.
    ['tokenizer.ggml.add_bos_token', { bool: startsWithBos(tokenizer) }],
    ['tokenizer.ggml.add_eos_token', { bool: false }],
    ['tokenizer.ggml.add_space_prefix', { bool: vocabulary.addsSpacePrefix }],
    ...(typeof template === 'string' ? ([['tokenizer.chat_template', { text: template }]] as const) : []),
  ];
}

function startsWithBos(tokenizer: Tokenizer): boolean {
  return tokenizer.bosTokenId !== null && tokenizer.encode('春')[0] === tokenizer.bosTokenId;
}

function ropeFields({ ropeScaling: scaling }: ModelConfig, architecture: string): Fields {
  if (scaling?.type === 'linear') {
    return [
      ['rope.scaling.type', { text: 'linear' }],
      ['rope.scaling.factor', { f32: scaling.factor }],
    ];
  }
  if (scaling?.type !== 'longrope' || architecture === 'llama') return [];
  return [
    ['rope.scaling.original_context_length', { u32: scaling.originalMaxPositions }],
    ['rope.scaling.attn_factor', { f32: scaling.attentionScale }],
  ];
}

/** What only some families have. */
function familyFields({ architecture: traits, maxPositions }: ModelConfig, architecture: string): Fields {
  const { windows, attentionSoftCap, logitSoftCap, localRopeTheta, experts } = traits;
  const window = windows.find((size) => size !== null) ?? null;
  switch (architecture) {
    case 'gemma2':
    case 'gemma3': {
      const period = WINDOW_PATTERNS[architecture]!;
      const isUsual = windows.every((size, layer) => (size !== null) === layer % period < period - 1);
      const flags = windows.map((size) => size !== null);
      return [
        ...(attentionSoftCap === null ? [] : ([['attn_logit_softcapping', { f32: attentionSoftCap }]] as const)),
        ...(logitSoftCap === null ? [] : ([['final_logit_softcapping', { f32: logitSoftCap }]] as const)),
        ['attention.sliding_window', { u32: window ?? maxPositions }],
        ...(isUsual ? [] : ([['attention.sliding_window_pattern', { bools: flags }]] as const)),
        ...(localRopeTheta === null ? [] : ([['rope.freq_base_swa', { f32: localRopeTheta }]] as const)),
      ];
    }
    case 'phi3':
      return [['attention.sliding_window', { u32: window ?? 0 }]];
    case 'qwen3moe':
      return [
        ['expert_count', { u32: experts!.count }],
        ['expert_used_count', { u32: experts!.perToken }],
        ['expert_feed_forward_length', { u32: experts!.intermediateSize }],
      ];
    default:
      return [];
  }
}

/** True for a Llama whose wavelengths have factors of their own whatever the length: Llama 3.1, or one read from such a file. */
export function hasPlainFactors({ ropeScaling: scaling }: ModelConfig): boolean {
  if (scaling?.type !== 'longrope') return scaling?.type === 'llama3';
  return scaling.attentionScale === 1 && `${scaling.longFactors}` === `${scaling.shortFactors}`;
}

/** Factors on the rotary wavelengths, which files keep as tensors. */
export function ropeFactorTensors(config: ModelConfig, architecture: string): Map<string, Float32Array> {
  const { ropeScaling: scaling, ropeTheta: theta } = config;
  const { rotaryDim } = config.architecture;
  if (architecture === 'llama' && hasPlainFactors(config)) {
    const [plain, stretched] = [null, scaling].map((each) => ropeAngles({ rotaryDim, theta, scaling: each }, 1));
    const factors = plain!.inverseFrequencies.map((frequency, i) => frequency / stretched!.inverseFrequencies[i]!);
    return new Map([['rope_freqs.weight', Float32Array.from(factors)]]);
  }
  if (scaling?.type !== 'longrope') return new Map();
  return new Map([
    ['rope_factors_long.weight', Float32Array.from(scaling.longFactors)],
    ['rope_factors_short.weight', Float32Array.from(scaling.shortFactors)],
  ]);
}
