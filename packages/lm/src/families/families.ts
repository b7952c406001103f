/** The known `model_type`s and which file describes each. */
import type { Json } from '../tokenizer/json.ts';
import type { Architecture, Geometry } from './architecture.ts';
import { describeBaichuan } from './baichuan.ts';
import { describeChatGlm, translateChatGlmConfig } from './chatglm.ts';
import { describeGlm, describeGlm4 } from './glm.ts';
import { describeLlama } from './llama.ts';
import { describeMistral } from './mistral.ts';
import { describeOlmo2 } from './olmo2.ts';
import { describePhi3 } from './phi3.ts';
import { describeQwen2 } from './qwen2.ts';
import { describeQwen3 } from './qwen3.ts';

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
] as const;
export type KnownModelType = (typeof knownModelTypes)[number];

/** The config under the keys most families share. @throws LmError `model-feature-unsupported` */
export function translateConfig(modelType: KnownModelType, raw: Json): Json {
  return modelType === 'chatglm' ? translateChatGlmConfig(raw) : raw;
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
    default:
      return modelType satisfies never;
  }
}
