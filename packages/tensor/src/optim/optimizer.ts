/** What optimizers share: parameter groups, and state that is saved and loaded as raw bytes. */
import type { DeviceBuffer, DType, Kernels } from '@tuiqiao/kernels';
import { TensorError } from '../errors.ts';
import type { Parameter } from '../tape.ts';

export interface ParameterGroup {
  readonly parameters: readonly Parameter[];
  /** Decoupled (AdamW, Muon) or added to the gradient (SGD). */
  readonly weightDecay: number;
  /** Factor on the learning rate; 1 when absent (LoRA+ gives B a larger one). */
  readonly learningRateScale?: number;
}

/** A piece of an optimizer's state. Pieces are read one by one, so that no copy of the whole exists. */
export interface StateEntry {
  readonly byteLength: number;
  /** Raw little-endian bytes, as they are when this is called. */
  bytes(): Promise<Uint8Array>;
}

/** By name. */
export type OptimizerState = ReadonlyMap<string, StateEntry>;

export interface Optimizer {
  /** Every parameter it updates, in order. */
  readonly parameters: readonly Parameter[];
  /** Updates made so far. */
  readonly stepCount: number;
  /** One update of all parameters from their gradients, each multiplied by `gradientScale` (1 when absent). */
  step(learningRate: number, gradientScale?: number): Promise<void>;
  /** Everything a bit-for-bit resume needs; to be read before the next step. */
  saveState(): OptimizerState;
  /** @throws TensorError `tensor.state` when names or sizes differ from this optimizer's; nothing is changed then */
  loadState(state: OptimizerState): Promise<void>;
}

/** Two groups: matrices with weight decay, vectors (norm weights, biases) without. Frozen parameters are left out. */
export function groupParameters(parameters: Iterable<Parameter>, weightDecay: number): ParameterGroup[] {
  const trained = [...parameters].filter(({ requiresGrad }) => requiresGrad);
  return [
    { parameters: trained.filter(({ shape }) => shape.length >= 2), weightDecay },
    { parameters: trained.filter(({ shape }) => shape.length < 2), weightDecay: 0 },
  ].filter((group) => group.parameters.length > 0);
}

/** Where optimizer state lives. */
export interface StateMemory {
  /** A folder for a mapped file that the system may page out when memory is short; absent: ordinary memory. */
  readonly pagedFolder?: string | undefined;
}

/** The state buffers of a parameter: type and length by name. */
export type StateLayout = Readonly<Record<string, readonly [dtype: DType, length: number]>>;

/** One parameter with its group's settings and its state buffers (named as torch names them). */
export interface Slot {
  readonly parameter: Parameter;
  readonly weightDecay: number;
  readonly learningRateScale: number;
  readonly buffers: Readonly<Record<string, DeviceBuffer>>;
}

/** A slot per parameter, with zeroed state buffers: f32 ones of the parameter's length by name, or a layout of their own. */
export function createSlots(
  kernels: Kernels,
  groups: readonly ParameterGroup[],
  layout: readonly string[] | ((parameter: Parameter) => StateLayout),
  { pagedFolder }: StateMemory = {},
): Slot[] {
  const layoutOf = (parameter: Parameter): StateLayout =>
    typeof layout === 'function'
      ? layout(parameter)
      : Object.fromEntries(layout.map((name) => [name, ['f32', parameter.value.length]]));
  const allocate = (dtype: DType, length: number): DeviceBuffer =>
    pagedFolder === undefined ? kernels.allocate(dtype, length) : kernels.allocatePaged(dtype, length, pagedFolder);
  const seen = new Set<string>();
  return groups.flatMap(({ parameters, weightDecay, learningRateScale = 1 }) =>
    parameters.map((parameter) => {
      if (parameter.grad === null || parameter.value.dtype !== 'f32') {
        throw new TensorError(
          'tensor.state',
          `optimizer: expected a trainable parameter, got ${parameter.name} without an f32 master and gradient`,
        );
      }
      if (seen.has(parameter.name)) {
        throw new TensorError('tensor.state', `optimizer: expected each parameter once, got ${parameter.name} twice`);
      }
      seen.add(parameter.name);
      const entries = Object.entries(layoutOf(parameter)).map(([name, size]) => [name, allocate(...size)] as const);
      return { parameter, weightDecay, learningRateScale, buffers: Object.fromEntries(entries) };
    }),
  );
}

/** Where the bf16 copy of an update goes: the compute buffer when it is one. */
export function bf16CopyOf({ compute, value }: Parameter): DeviceBuffer | null {
  return compute !== value && compute.dtype === 'bf16' ? compute : null;
}

const STEP_NAME = 'step';

/** The step count and every state buffer, under `<parameter>.<buffer>`. */
export function saveSlots(kernels: Kernels, slots: readonly Slot[], stepCount: number): OptimizerState {
  const step = new Uint8Array(8);
  new DataView(step.buffer).setFloat64(0, stepCount, true);
  const state = new Map<string, StateEntry>([[STEP_NAME, { byteLength: step.length, bytes: async () => step }]]);
  for (const [name, buffer] of stateBuffers(slots)) {
    state.set(name, { byteLength: bytesOf(buffer), bytes: () => kernels.readBytes(buffer) });
  }
  return state;
}

/** The inverse of `saveSlots`; returns the step count. Nothing is written unless everything fits. */
export async function loadSlots(kernels: Kernels, slots: readonly Slot[], state: OptimizerState): Promise<number> {
  const take = (name: string, byteLength: number): StateEntry => {
    const entry = state.get(name);
    if (entry?.byteLength !== byteLength) {
      throw new TensorError(
        'tensor.state',
        `loadState: expected ${byteLength} bytes of ${name}, got ${entry?.byteLength ?? 'none'}`,
      );
    }
    return entry;
  };
  const step = take(STEP_NAME, 8);
  const writes = stateBuffers(slots).map(([name, buffer]) => [buffer, take(name, bytesOf(buffer))] as const);
  if (state.size !== writes.length + 1) {
    throw new TensorError('tensor.state', `loadState: expected ${writes.length + 1} entries, got ${state.size}`);
  }
  for (const [buffer, entry] of writes) kernels.writeBytes(buffer, await entry.bytes());
  const count = await step.bytes();
  return new DataView(count.buffer, count.byteOffset).getFloat64(0, true);
}

function stateBuffers(slots: readonly Slot[]): [name: string, DeviceBuffer][] {
  return slots.flatMap(({ parameter, buffers }) =>
    Object.entries(buffers).map(([name, buffer]): [string, DeviceBuffer] => [`${parameter.name}.${name}`, buffer]),
  );
}

function bytesOf({ dtype, length }: DeviceBuffer): number {
  return length * (dtype === 'u8' ? 1 : 4);
}
