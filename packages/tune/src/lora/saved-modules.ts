/**
 * Whole weights that belong to an adapter (PEFT's `modules_to_save`): trained and stored in full, and put in the place of
 * the base weight while the adapter is on. The base's own buffers are kept aside untouched.
 */
import type { LanguageModel } from '@tuiqiao/lm';
import { type DeviceBuffer, type Fusion, type Kernels, type Parameter, syncCompute } from '@tuiqiao/tensor';
import { TuneError } from '../errors.ts';

interface Content {
  readonly value: DeviceBuffer;
  readonly compute: DeviceBuffer;
  readonly fusion: Fusion | null;
}

export interface SavedModule {
  /** The model's own parameter; what it holds is exchanged. */
  readonly parameter: Parameter;
  readonly base: Content;
  own: Content;
}

/**
 * Weights whose module path ends with one of the names, letter by letter as PEFT compares (`norm` is every norm,
 * `model.norm` the last one); in the model's order.
 * @throws TuneError `lora-target` for a name that matches nothing, or a head that is the input embedding
 */
export function selectSaved(model: LanguageModel, names: readonly string[]): string[] {
  const paths = [...model.parameters.keys()];
  const moduleOf = (path: string): string => path.replace(/\.(?:weight|bias)$/u, '');
  for (const name of names) {
    const isTied = model.config.tieWordEmbeddings && /(?:^|\.)(?:lm_head|embed_tokens)$/u.test(name);
    const isThere = paths.some((path) => moduleOf(path).endsWith(name));
    if (isTied || !isThere) {
      throw new TuneError('lora-target', `modulesToSave: expected modules of the model, got ${name}`, {
        hint: isTied
          ? 'input embedding and head are one matrix in this model; an adapter cannot hold one of them'
          : 'name modules such as lm_head, embed_tokens or model.norm',
      });
    }
  }
  return paths.filter((path) => names.some((name) => moduleOf(path).endsWith(name)));
}

/** Gives the parameter an f32 copy of its value to be trained or overwritten; the base's is kept aside. */
export function attachSaved(kernels: Kernels, parameter: Parameter): SavedModule {
  const base: Content = { value: parameter.value, compute: parameter.compute, fusion: parameter.fusion ?? null };
  const value = kernels.allocate('f32', base.value.length);
  kernels.scale(value, base.value, { length: value.length, alpha: 1 });
  parameter.value = value;
  parameter.compute = base.compute.dtype === 'f32' ? value : kernels.allocate(base.compute.dtype, value.length);
  parameter.fusion = null;
  syncCompute(kernels, parameter);
  return { parameter, base, own: { value, compute: parameter.compute, fusion: null } };
}

/** Puts the adapter's weights, or the base's, in place. */
export function switchSaved(saved: Iterable<SavedModule>, isOn: boolean): void {
  for (const module of saved) {
    const { parameter, base } = module;
    if (isOn) {
      Object.assign(parameter, module.own);
    } else if (parameter.value === module.own.value || parameter.requiresGrad) {
      // Training may have replaced the compute copy: what is there now is the adapter's.
      module.own = { value: parameter.value, compute: parameter.compute, fusion: null };
      Object.assign(parameter, base);
    }
  }
}
