/** `adapter_config.json` as PEFT has it, to and from our names. What this engine cannot do is refused by name. */
import { TuneError } from '../errors.ts';
import type { AdapterConfig } from './adapter.ts';
import { modulesOfParameter } from './fused-experts.ts';

/** The PEFT release whose files this writes; readers only use it for messages. */
export const PEFT_VERSION = '0.21.2';
/** Transformers' name of a sequence classifier's head. */
export const SCORE_MODULE = 'score';

/** The file of a configuration. */
export function toPeftConfig(config: AdapterConfig, baseModelName: string | null): Record<string, unknown> {
  const savedNames = [...config.modulesToSave, ...(config.taskType === 'SEQ_CLS' ? [SCORE_MODULE] : [])];
  return {
    alpha_pattern: config.alphaPattern,
    auto_mapping: null,
    base_model_name_or_path: baseModelName,
    bias: 'none',
    exclude_modules: null,
    fan_in_fan_out: false,
    inference_mode: true,
    init_lora_weights: config.initialization === 'gaussian' ? 'gaussian' : true,
    layer_replication: null,
    layers_pattern: null,
    layers_to_transform: null,
    loftq_config: {},
    lora_alpha: config.alpha,
    lora_bias: false,
    lora_dropout: config.dropout,
    megatron_config: null,
    megatron_core: 'megatron.core',
    modules_to_save: savedNames.length === 0 ? null : savedNames,
    peft_type: 'LORA',
    peft_version: PEFT_VERSION,
    r: config.rank,
    rank_pattern: config.rankPattern,
    revision: null,
    target_modules: config.targetModules,
    target_parameters: null,
    task_type: config.taskType,
    trainable_token_indices: null,
    use_dora: config.useDora,
    use_rslora: config.useRslora,
  };
}

/** @throws TuneError `adapter-format` for fields that change the arithmetic and are not supported */
export function fromPeftConfig(file: string, json: Record<string, unknown>): AdapterConfig {
  const refuse = (field: string, expected: string): never => {
    throw new TuneError('adapter-format', `${file}: expected ${field} ${expected}, got ${JSON.stringify(json[field])}`);
  };
  if (json.peft_type !== 'LORA') refuse('peft_type', 'LORA, PROMPT_TUNING or PREFIX_TUNING');
  // Fields that change the arithmetic or the file, with the values that do not.
  const unsupported: [string, (value: unknown) => boolean][] = [
    ['lora_bias', isEmpty],
    ['bias', (value) => isEmpty(value) || value === 'none'],
    ['fan_in_fan_out', isEmpty],
    ['layer_replication', isEmpty],
    ['target_parameters', (value) => isEmpty(value) || (isNameList(value) && value.every(modulesOfParameter))],
    ['trainable_token_indices', isEmpty],
    ['alora_invocation_tokens', isEmpty],
    ['use_qalora', isEmpty],
    ['use_bdlora', isEmpty],
  ];
  for (const [field, isHarmless] of unsupported) {
    if (!isHarmless(json[field])) refuse(field, 'unset (it is not supported)');
  }
  const number = (field: string, otherwise: number): number => {
    const value = json[field] ?? otherwise;
    return typeof value === 'number' && Number.isFinite(value) ? value : refuse(field, 'to be a number');
  };
  const patterns = (field: string): Record<string, number> => {
    const value = json[field] ?? {};
    const isMap = typeof value === 'object' && !Array.isArray(value);
    if (!isMap || !Object.values(value).every((entry) => typeof entry === 'number')) {
      return refuse(field, 'to map patterns to numbers');
    }
    return value as Record<string, number>;
  };
  const savedNames: unknown = json.modules_to_save ?? [];
  if (!isNameList(savedNames)) return refuse('modules_to_save', 'to be names');
  const isClassifier = json.task_type === 'SEQ_CLS';
  const parameters: unknown = json.target_parameters ?? [];
  const parameterModules = isNameList(parameters) ? parameters.flatMap((name) => modulesOfParameter(name)!) : [];
  const target = json.target_modules ?? (parameterModules.length > 0 ? [] : null);
  const isNames = isNameList(target);
  if (!isNames && typeof target !== 'string') refuse('target_modules', 'to be names');
  return {
    // PEFT's own defaults for fields a minimal file leaves out.
    rank: number('r', 8),
    alpha: number('lora_alpha', 8),
    dropout: number('lora_dropout', 0),
    targetModules: [...(isNames ? target : [target as string]), ...parameterModules],
    useRslora: json.use_rslora === true,
    rankPattern: patterns('rank_pattern'),
    alphaPattern: patterns('alpha_pattern'),
    useDora: json.use_dora === true,
    // PEFT itself adds classifier and score for this task; a decoder has the latter alone.
    modulesToSave: isClassifier
      ? savedNames.filter((name) => name !== SCORE_MODULE && name !== 'classifier')
      : savedNames,
    taskType: isClassifier ? 'SEQ_CLS' : 'CAUSAL_LM',
    initialization: json.init_lora_weights === 'gaussian' ? 'gaussian' : 'kaiming',
    baseModelName: typeof json.base_model_name_or_path === 'string' ? json.base_model_name_or_path : null,
  };
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === null ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (typeof value === 'object' && Object.keys(value).length === 0)
  );
}

function isNameList(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
