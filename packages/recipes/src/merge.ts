/** `merge`: adapters into their base, checked by the logits of the same poems before, after, and read from disk. */
import { saveLanguageModel, saveTokenizer } from '@tuiqiao/lm';
import type { MergeOptions, RunControls } from '@tuiqiao/schema';
import { type Adapter, combineAdapters, mergeAdapter, setAdapterScale } from '@tuiqiao/tune';
import { openKernels } from './compute.ts';
import { RecipesError } from './errors.ts';
import { compareLogits, type LogitDifference, probeExamples, probeLogits } from './logit-check.ts';
import { type OpenedModel, openModel, parseAdapter } from './models.ts';

export interface MergeResult {
  readonly outputDir: string;
  readonly model: string;
  readonly adapters: readonly string[];
  /** null when no check was wanted. */
  readonly check: {
    /** Adapter on → merged, in f32. */
    readonly merged: LogitDifference;
    /** Adapter on → the folder written, in its number type. */
    readonly saved: LogitDifference;
    readonly isSame: boolean;
  } | null;
}

/** Divergence in nats beyond which a merged model is another model; f32 sums in another order stay a hundredfold below. */
const SAME_DIVERGENCE = 1e-4;

/** Opens the model with its adapters in f32, where adapter and merged weights can be told to be the same. */
export function openForMerging(
  options: Pick<MergeOptions, 'model' | 'adapter' | 'kernels' | 'threads'>,
): Promise<OpenedModel> {
  return openModel(options.model, { kernels: openKernels(options), computeType: 'f32', adapters: options.adapter });
}

/** All adapters into the weights, in the order given, each at its scale. */
export async function mergeAll({ model, adapters }: OpenedModel): Promise<void> {
  for (const adapter of adapters) await mergeAdapter(model, adapter);
}

/** The adapters as one, by PEFT's rule; the originals are switched off. */
async function mixed({ model, adapters }: OpenedModel, combination: 'linear' | 'cat'): Promise<Adapter> {
  const weights = adapters.map(({ name }) => parseAdapter(name).scale);
  const combined = await combineAdapters(model, adapters, weights, { combination, name: combination });
  for (const adapter of adapters) setAdapterScale(adapter, 0);
  return combined;
}

/**
 * @throws RecipesError `recipe-bad-value` without adapter; TuneError `merge-quantized` on a 4-bit base
 */
export async function runMerge(options: MergeOptions, controls: RunControls = {}): Promise<MergeResult> {
  if (options.adapter.length === 0) {
    throw new RecipesError('recipe-bad-value', 'merge: expected at least one adapter, got none', {
      hint: 'tuiqiao merge --adapter runs/sft',
    });
  }
  const progress = (done: number): void =>
    controls.onEvent?.({ type: 'progress', label: 'merging', done, total: 4, unit: 'steps' });
  const opened = await openForMerging(options);
  progress(1);
  const examples = options.check ? await probeExamples(opened) : [];
  const { combination } = options;
  const combined = combination === 'sum' || opened.adapters.length < 2 ? null : await mixed(opened, combination);
  const before = await probeLogits(opened, examples);
  if (combined === null) await mergeAll(opened);
  else await mergeAdapter(opened.model, combined);
  const after = await probeLogits(opened, examples);
  progress(2);
  controls.signal?.throwIfAborted();
  await saveLanguageModel(opened.model, options.outputDir, { dtype: options.dtype });
  await saveTokenizer(opened.tokenizer.files, options.outputDir);
  progress(3);
  const { vocabSize: V } = opened.model.config;
  let check: MergeResult['check'] = null;
  if (options.check) {
    const merged = compareLogits(before, after, V);
    const reopened = await openModel(options.outputDir, { kernels: opened.model.kernels, computeType: 'f32' });
    const saved = compareLogits(before, await probeLogits(reopened, examples), V);
    check = { merged, saved, isSame: Math.abs(merged.meanDivergence) < SAME_DIVERGENCE };
  }
  progress(4);
  return { outputDir: options.outputDir, model: options.model, adapters: options.adapter, check };
}
