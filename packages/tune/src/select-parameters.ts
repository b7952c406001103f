/** Which of a model's own weights are trained when not all of them are. */
import type { LanguageModel } from '@tuiqiao/lm';
import type { Parameter } from '@tuiqiao/tensor';
import { TuneError } from './errors.ts';

export interface FreezeOptions {
  /** Number of last layers that are trained; negative: first ones. 0: none. */
  readonly trainableLayers: number;
  /** Parts of their module paths (`mlp`, `self_attn`), or `all`. */
  readonly trainableModules: readonly string[];
  /** Modules outside the layers. */
  readonly extraModules?: readonly string[];
}

/** The index of the layer a weight belongs to, or null. */
function layerOf(name: string): number | null {
  const match = /(?:^|\.)(?:layers|h|blocks)\.(\d+)\./u.exec(name);
  return match === null ? null : Number(match[1]);
}

/**
 * The weights that stay trainable when the rest is frozen (LLaMA-Factory's `freeze`).
 * @throws TuneError `tune-options` for more layers than there are, or a module that none of them has
 */
export function selectFrozenRest(model: LanguageModel, options: FreezeOptions): Parameter[] {
  const { layers } = model.config;
  const { trainableLayers: count, trainableModules: modules, extraModules = [] } = options;
  if (Math.abs(count) > layers) {
    throw new TuneError('tune-options', `freeze.trainableLayers: expected at most ${layers} layers, got ${count}`);
  }
  const [first, end] = count >= 0 ? [layers - count, layers] : [0, -count];
  const has = (name: string, module: string): boolean => `.${name}.`.includes(`.${module}.`);
  const isChosen = (name: string): boolean => {
    const layer = layerOf(name);
    if (layer === null) return extraModules.some((module) => has(name, module));
    return layer >= first && layer < end && modules.some((module) => module === 'all' || has(name, module));
  };
  const names = [...model.parameters.keys()];
  for (const module of [...modules.filter((each) => each !== 'all'), ...extraModules]) {
    if (names.some((name) => isChosen(name) && has(name, module))) continue;
    throw new TuneError('tune-options', `freeze: expected modules of the model, got ${module}`, {
      hint: 'modules are named as in the checkpoint: mlp, self_attn, q_proj; outside the layers norm, embed_tokens, lm_head',
    });
  }
  const chosen = [...model.parameters.values()].filter(({ name }) => isChosen(name));
  if (chosen.length === 0) throw new TuneError('tune-options', 'freeze: expected something to train, got nothing');
  return chosen;
}

/**
 * Every bias (BitFit, Ben-Zaken 2021).
 * @throws TuneError `tune-options` when the model has none
 */
export function selectBiases(model: LanguageModel): Parameter[] {
  const biases = [...model.parameters.values()].filter(({ name }) => name.endsWith('.bias'));
  if (biases.length > 0) return biases;
  throw new TuneError('tune-options', `bitfit: expected a model with biases, ${model.config.modelType} has none`, {
    hint: 'Qwen2 has biases on q, k and v; train an adapter or some layers (finetuning: freeze) of other models',
  });
}
