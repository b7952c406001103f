/** An adapter made part of its base: one model, no adapter to carry. */
import type { LanguageModel } from '@tuiqiao/lm';
import { type Kernels, type Parameter, syncCompute } from '@tuiqiao/tensor';
import { TuneError } from '../errors.ts';
import { type Adapter, detachAdapter, freezeSaved, isLowRank, requireLinear } from './adapter.ts';

/**
 * Adds s·B·A to the base weights in f32 (a frozen bf16 weight gets an f32 value first, so that saving rounds once at
 * most), at the adapter's present scale, and takes the adapter off.
 */
export async function mergeAdapter(model: LanguageModel, adapter: Adapter): Promise<void> {
  const { kernels } = model;
  if (!isLowRank(adapter)) {
    const [got, reason] =
      adapter.softPrompt === null
        ? ['bottleneck adapters', 'what has a non-linearity in it']
        : ['a soft prompt', 'virtual tokens'];
    throw new TuneError('adapter-format', `mergeAdapter: expected low-rank updates, got ${got}, ${adapter.name}`, {
      hint: `${reason} cannot become part of the weights: keep the adapter beside the model`,
    });
  }
  for (const path of adapter.deltas.keys()) {
    const { quantized, eightBit } = requireLinear(model, path).weight;
    if (!quantized && !eightBit) continue;
    const bits = quantized ? 4 : 8;
    throw new TuneError('merge-quantized', `mergeAdapter: expected a base in floats, got ${path} in ${bits} bits`, {
      hint: 'a quantised weight cannot hold the update: rounding it again would undo most of it. Merge into the base it was quantised from',
    });
  }
  for (const [path, delta] of [...adapter.deltas, ...adapter.starts]) {
    const { weight, outFeatures, inFeatures } = requireLinear(model, path);
    if (delta.scaling === 0) continue;
    if (weight.value.dtype !== 'f32') {
      const master = kernels.allocate('f32', weight.value.length);
      kernels.scale(master, weight.value, { length: master.length, alpha: 1 });
      weight.value = master;
    }
    kernels.matmul(weight.value, delta.b.value, delta.a.value, {
      M: outFeatures,
      N: inFeatures,
      K: delta.rank,
      alpha: delta.scaling,
      accumulate: true,
    });
    if (delta.magnitude) await normaliseRows(kernels, weight, delta.magnitude);
    syncCompute(kernels, weight);
  }
  // What is saved in full is the base's from now on.
  freezeSaved(adapter);
  const modules = [...adapter.saved.values()].map(({ parameter }) => ({ parameter, content: { ...parameter } }));
  detachAdapter(model, adapter);
  for (const { parameter, content } of modules) Object.assign(parameter, content);
}

/** Row o ← magnitude[o] · row/‖row‖. */
async function normaliseRows(kernels: Kernels, weight: Parameter, magnitude: Parameter): Promise<void> {
  const [O, I] = weight.shape as readonly [number, number];
  const reciprocal = kernels.allocate('f32', O);
  kernels.rowNorms(reciprocal, weight.value, { N: O, C: I, isReciprocal: true });
  const [lengths, factors] = [await kernels.read(magnitude.value), await kernels.read(reciprocal)];
  for (let o = 0; o < O; o++) {
    const row = weight.value.view(o * I, I);
    kernels.scale(row, row, { length: I, alpha: lengths[o]! * factors[o]! });
  }
}
