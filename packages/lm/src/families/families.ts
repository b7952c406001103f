/** The known `model_type`s and which file describes each. */
import type { Json } from '../tokenizer/json.ts';
import type { Architecture, Geometry } from './architecture.ts';
import { describeBaichuan, translateBaichuanConfig } from './baichuan.ts';
import { describeChatGlm, translateChatGlmConfig } from './chatglm.ts';
import { describeGemma, describeGemma2, describeGemma3, translateGemmaConfig } from './gemma.ts';
import { describeGlm, describeGlm4 } from './glm.ts';
import { describeLlama } from './llama.ts';
import { describeMistral } from './mistral.ts';
import { describeOlmo2 } from './olmo2.ts';
import { describePhi3 } from './phi3.ts';
import { describeQwen2 } from './qwen2.ts';
import { describeQwen3 } from './qwen3.ts';
import { describeQwen3Moe } from './qwen3-moe.ts';

/** `model_type`s this package can run. */
export const knownModelTypes = [
  'qwen3',
  'qwen2',
  'llama',
  'mistral',
  'glm',
  'glm4',
  'chatglm',
  'baichuan',
  'phi3',
  'olmo2',
  'gemma',
  'gemma2',
  'gemma3_text',
  'qwen3_moe',
] as const;
export type KnownModelType = (typeof knownModelTypes)[number];

/** The config under the keys most families share. @throws LmError `model-feature-unsupported` */
export function translateConfig(modelType: KnownModelType, raw: Json): Json {
  switch (modelType) {
    case 'chatglm':
      return translateChatGlmConfig(raw);
    case 'baichuan':
      return translateBaichuanConfig(raw);
    case 'gemma':
    case 'gemma2':
    case 'gemma3_text':
      return translateGemmaConfig(raw);
    default:
      return raw;
  }
}

/** @throws LmError `model-feature-unsupported` */
export function describeFamily(modelType: KnownModelType, raw: Json, geometry: Geometry): Architecture {
  switch (modelType) {
    case 'qwen3':
      return describeQwen3(raw, geometry);
    case 'qwen2':
      return describeQwen2(raw, geometry);
    case 'llama':
      return describeLlama(raw, geometry);
    case 'mistral':
      return describeMistral(raw, geometry);
    case 'glm':
      return describeGlm(raw, geometry);
    case 'glm4':
      return describeGlm4(raw, geometry);
    case 'chatglm':
      return describeChatGlm(raw, geometry);
    case 'baichuan':
      return describeBaichuan(raw, geometry);
    case 'phi3':
      return describePhi3(raw, geometry);
    case 'olmo2':
      return describeOlmo2(raw, geometry);
    case 'gemma':
      return describeGemma(raw, geometry);
    case 'gemma2':
      return describeGemma2(raw, geometry);
    case 'gemma3_text':
      return describeGemma3(raw, geometry);
    case 'qwen3_moe':
      return describeQwen3Moe(raw, geometry);
    default:
      return modelType satisfies never;
  }
}
