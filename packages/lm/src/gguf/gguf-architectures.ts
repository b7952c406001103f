/** The architectures of GGUF files (`general.architecture`) that are read and written, and the model type each one is. */
import type { KnownModelType } from '../families/families.ts';

export interface GgufArchitecture {
  readonly modelType: KnownModelType;
  /** transformers' class. */
  readonly className: string;
  /** Rows of q and k lie in neighbouring pairs, as the rotary embedding of llama.cpp turns them there. */
  readonly hasPairedRows?: true;
}

export const GGUF_ARCHITECTURES: Readonly<Record<string, GgufArchitecture>> = {
  llama: { modelType: 'llama', className: 'LlamaForCausalLM', hasPairedRows: true },
  qwen2: { modelType: 'qwen2', className: 'Qwen2ForCausalLM' },
  qwen3: { modelType: 'qwen3', className: 'Qwen3ForCausalLM' },
  qwen3moe: { modelType: 'qwen3_moe', className: 'Qwen3MoeForCausalLM' },
  gemma: { modelType: 'gemma', className: 'GemmaForCausalLM' },
  gemma2: { modelType: 'gemma2', className: 'Gemma2ForCausalLM' },
  gemma3: { modelType: 'gemma3_text', className: 'Gemma3ForCausalLM' },
  phi3: { modelType: 'phi3', className: 'Phi3ForCausalLM' },
  chatglm: { modelType: 'glm', className: 'GlmForCausalLM' },
  glm4: { modelType: 'glm4', className: 'Glm4ForCausalLM' },
  olmo2: { modelType: 'olmo2', className: 'Olmo2ForCausalLM' },
  baichuan: { modelType: 'baichuan', className: 'BaichuanForCausalLM', hasPairedRows: true },
};

/** The architecture a model type is written as; null: none. Mistral's differs from Llama's in nothing the format has. */
export function ggufArchitectureOf(modelType: string): string | null {
  if (modelType === 'mistral') return 'llama';
  return Object.keys(GGUF_ARCHITECTURES).find((name) => GGUF_ARCHITECTURES[name]!.modelType === modelType) ?? null;
}

/** Layers by which llama.cpp knows Baichuan 13B (ALiBi) and the 27B models of Gemma, which scale their scores otherwise. */
export const BAICHUAN_13B_LAYERS = 40;
const GEMMA_27B_LAYERS: Readonly<Record<string, number>> = { gemma2: 46, gemma3: 62 };

/** `query_pre_attn_scalar` of a Gemma 2 or 3, which the format does not keep. */
export function gemmaQueryScalar(
  architecture: string,
  { layers, hiddenSize, heads, headDim }: Readonly<Record<'layers' | 'hiddenSize' | 'heads' | 'headDim', number>>,
): number {
  return layers === GEMMA_27B_LAYERS[architecture] ? hiddenSize / heads : headDim;
}

/** Every so-manieth layer sees everything, the others a window, where a file does not say. */
export const WINDOW_PATTERNS: Readonly<Record<string, number>> = { gemma2: 2, gemma3: 6 };
