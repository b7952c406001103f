/**
 * Bottleneck adapters: small two-layer networks after the branches of every block, over a frozen base. `double_seq_bn` (Houlsby
 * 2019) sits after attention and after the feed-forward and reads what the branch adds; `seq_bn` (Pfeiffer 2020) sits after
 * the feed-forward alone and reads the stream. Names and arithmetic are AdapterHub's.
 */
import type { LanguageModel } from '@tuiqiao/lm';
import {
  type Activation,
  type Bottleneck,
  createLinear,
  createParameter,
  createRandom,
  initConstant,
  initNormal,
  type Parameter,
} from '@tuiqiao/tensor';
import { TuneError } from '../errors.ts';
import type { Adapter } from '../lora/adapter.ts';
import { NO_LORA } from '../lora/no-lora.ts';
import { computeTypeOf } from '../micro-batch.ts';

export type BottleneckPlacement = 'double_seq_bn' | 'seq_bn';

export interface BottleneckConfig {
  readonly placement: BottleneckPlacement;
  /** r, the width of the bottleneck. */
  readonly width: number;
  readonly activation: Activation;
  /** What the adapter adds is multiplied by this. */
  readonly scaling: number;
}

export interface BottleneckOptions {
  /** Default `double_seq_bn`. */
  readonly placement?: BottleneckPlacement;
  /** r = ⌊C / reductionFactor⌋, at least 1. Default 16. */
  readonly reductionFactor?: number;
  /** Default: silu for `double_seq_bn`, relu for `seq_bn`. */
  readonly activation?: Activation | undefined;
  /** Default 1. */
  readonly scaling?: number;
  readonly seed: number;
  /** Default `default`. */
  readonly name?: string;
}

/** A bottleneck and the list of the model it stands in. */
export interface PlacedBottleneck {
  readonly bottleneck: Bottleneck;
  readonly list: Bottleneck[];
  /** As trained; `bottleneck.scaling` is that of the moment. */
  readonly scaling: number;
}

/** Deviation of the start of both layers (Houlsby 2019): the adapter begins near the identity. */
const DEVIATION = 0.01;
const DEFAULT_ACTIVATION: Readonly<Record<BottleneckPlacement, Activation>> = { double_seq_bn: 'silu', seq_bn: 'relu' };

/**
 * New, trainable bottleneck adapters on every block. `up` starts at 0, so the model's output does not change yet.
 * @throws TuneError `lora-options`
 */
export function attachBottlenecks(model: LanguageModel, options: BottleneckOptions): Adapter {
  const { placement = 'double_seq_bn', reductionFactor = 16, scaling = 1, name = 'default', seed } = options;
  if (!(reductionFactor >= 1 && Number.isFinite(reductionFactor))) {
    throw new TuneError('lora-options', `reductionFactor: expected a number ≥ 1, got ${reductionFactor}`);
  }
  if (!(Number.isFinite(scaling) && scaling !== 0)) {
    throw new TuneError('lora-options', `scaling: expected a number other than 0, got ${scaling}`);
  }
  const adapter = placeBottlenecks(model, name, {
    placement,
    width: Math.max(1, Math.floor(model.config.hiddenSize / reductionFactor)),
    activation: options.activation ?? DEFAULT_ACTIVATION[placement],
    scaling,
  });
  const random = createRandom(seed);
  for (const { bottleneck } of adapter.bottlenecks) {
    const { weight } = bottleneck.down;
    initNormal(model.kernels, weight, random.fork(weight.name), DEVIATION);
    initConstant(model.kernels, bottleneck.up.weight, 0);
  }
  return adapter;
}

/** Bottleneck adapters of zeros, trainable; for attaching and loading. */
export function placeBottlenecks(model: LanguageModel, name: string, config: BottleneckConfig): Adapter {
  const { kernels, bottlenecks: layers } = model;
  const { hiddenSize: C, architecture } = model.config;
  const { placement, width: r, activation, scaling } = config;
  const isDouble = placement === 'double_seq_bn';
  if (layers.some(({ feedForward }) => feedForward.some((each) => each.name === name))) {
    throw new TuneError('lora-options', `adapter name: expected one not in use, got ${name}`, {
      hint: 'give the adapter another name, or detach the one it would replace',
    });
  }
  const computeType = computeTypeOf(model);
  const parameters: Parameter[] = [];
  const layer = (path: string, rows: number, columns: number) => {
    const create = (part: string, shape: readonly number[]) => {
      const parameter = createParameter(kernels, `${path}.${part}`, shape, {
        type: 'f32',
        computeType,
        requiresGrad: true,
      });
      parameters.push(parameter);
      return parameter;
    };
    return createLinear(path, create('weight', [rows, columns]), create('bias', [rows]));
  };
  const placed: PlacedBottleneck[] = [];
  const place = (path: string, list: Bottleneck[]): void => {
    const bottleneck: Bottleneck = {
      name,
      down: layer(`${path}.adapters.${name}.adapter_down.0`, r, C),
      up: layer(`${path}.adapters.${name}.adapter_up`, C, r),
      activation,
      reads: isDouble ? 'branch' : 'stream',
      scaling,
    };
    placed.push({ bottleneck, list, scaling });
  };
  for (const [index, { attention, feedForward }] of layers.entries()) {
    const path = architecture.names.layer(index);
    if (isDouble) place(`${path}.attention_adapters`, attention);
    place(`${path}.output_adapters`, feedForward);
  }
  for (const { bottleneck, list } of placed) list.push(bottleneck);
  return {
    name,
    deltas: new Map(),
    parameters,
    config: NO_LORA,
    saved: new Map(),
    starts: new Map(),
    softPrompt: null,
    bottlenecks: placed,
  };
}
