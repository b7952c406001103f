/**
 * Prompt tuning (Lester 2021) and prefix tuning (Li & Liang 2021): the base stays as it is, and virtual tokens before
 * every sequence are trained: their embeddings, or their keys and values in each layer.
 */
import type { LanguageModel, SoftPrompt } from '@tuiqiao/lm';
import { createParameter, createRandom, initNormal, type Parameter, syncCompute } from '@tuiqiao/tensor';
import { TuneError } from '../errors.ts';
import type { Adapter } from '../lora/adapter.ts';
import { NO_LORA } from '../lora/no-lora.ts';

export type SoftPromptKind = 'prompt' | 'prefix';

export interface SoftPromptOptions {
  readonly kind: SoftPromptKind;
  /** T. */
  readonly virtualTokens: number;
  /** Prompt tuning: tokens whose embeddings are the start, repeated as often as needed. None: random ones. */
  readonly initialIds?: readonly number[];
  readonly seed: number;
  readonly name?: string;
}

/** Deviation of a random prefix: near zero, so that the start is near the base. */
const PREFIX_DEVIATION = 0.02;

/** Every trained matrix of a soft prompt, layer by layer. */
export function softPromptParameters({ embeddings, prefix }: SoftPrompt): Parameter[] {
  return embeddings === null ? prefix!.flatMap(({ keys, values }) => [keys, values]) : [embeddings];
}

/**
 * A new, trainable soft prompt on the model. A prompt starts at the embeddings of `initialIds`, or at random numbers of
 * the size embeddings have; a prefix starts near zero.
 * @throws TuneError `lora-options`
 */
export async function attachSoftPrompt(model: LanguageModel, options: SoftPromptOptions): Promise<Adapter> {
  const { kernels, config } = model;
  const { virtualTokens: T, initialIds = [], kind } = options;
  if (!(Number.isInteger(T) && T > 0)) {
    throw new TuneError('lora-options', `virtualTokens: expected a whole number > 0, got ${T}`);
  }
  const adapter = placeSoftPrompt(model, kind, T, { name: options.name ?? 'default', isTrainable: true });
  const random = createRandom(options.seed);
  const { embeddings, prefix } = adapter.softPrompt!;
  for (const [layer, { keys, values }] of (prefix ?? []).entries()) {
    initNormal(kernels, keys, random.fork(`keys ${layer}`), PREFIX_DEVIATION);
    initNormal(kernels, values, random.fork(`values ${layer}`), PREFIX_DEVIATION);
  }
  if (embeddings === null) return adapter;
  const table = model.parameters.get(`${config.architecture.names.embedding}.weight`)!;
  const C = config.hiddenSize;
  if (initialIds.length > 0) {
    const rows = kernels.allocate('i32', T);
    kernels.write(
      rows,
      Int32Array.from({ length: T }, (_, t) => initialIds[t % initialIds.length]!),
    );
    kernels.embed(embeddings.value, table.value, rows, { N: T, C, scale: config.architecture.embeddingScale });
    syncCompute(kernels, embeddings);
    return adapter;
  }
  const sum = kernels.allocate('f32', 1);
  kernels.sumSquares(sum, table.value, { index: 0, length: table.value.length });
  const deviation = Math.sqrt((await kernels.read(sum))[0]! / table.value.length) * config.architecture.embeddingScale;
  initNormal(kernels, embeddings, random.fork('embeddings'), deviation);
  return adapter;
}

/**
 * A soft prompt of zeros on the model; for attaching and loading.
 * @throws TuneError `lora-options` when the model has one
 */
export function placeSoftPrompt(
  model: LanguageModel,
  kind: SoftPromptKind,
  tokens: number,
  { name, isTrainable }: { readonly name: string; readonly isTrainable: boolean },
): Adapter {
  if (model.softPrompt !== null) {
    throw new TuneError('lora-options', `soft prompt: expected a model without one, got ${name} as its second`);
  }
  const { kernels, config } = model;
  const create = (key: string, width: number): Parameter =>
    // The stream and the cache take them as f32, whatever products are computed in.
    createParameter(kernels, key, [tokens, width], { type: 'f32', computeType: 'f32', requiresGrad: isTrainable });
  const width = config.kvHeads * config.headDim;
  const softPrompt: SoftPrompt = {
    tokens,
    isOn: true,
    embeddings: kind === 'prompt' ? create('prompt_embeddings', config.hiddenSize) : null,
    prefix:
      kind === 'prompt'
        ? null
        : Array.from({ length: config.layers }, (_, layer) => ({
            keys: create(`prefix.${layer}.keys`, width),
            values: create(`prefix.${layer}.values`, width),
          })),
  };
  model.softPrompt = softPrompt;
  const parameters = softPromptParameters(softPrompt);
  return {
    name,
    deltas: new Map(),
    parameters,
    config: NO_LORA,
    saved: new Map(),
    starts: new Map(),
    softPrompt,
    bottlenecks: [],
  };
}
