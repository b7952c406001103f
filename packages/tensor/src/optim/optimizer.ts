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

export interface Optimizer {
  /** Every parameter it updates, in order. */
  readonly parameters: readonly Parameter[];
  /** Updates made so far. */
  readonly stepCount: number;
  /** One update of all parameters from their gradients, each multiplied by `gradientScale` (1 when absent). */
  step(learningRate: number, gradientScale?: number): Promise<void>;
  /** Everything a bit-for-bit resume needs, by name, as raw little-endian bytes. */
  saveState(): Promise<Map<string, Uint8Array>>;
  /** @throws TensorError `tensor.state` when names or sizes differ from this optimizer's */
  loadState(state: ReadonlyMap<string, Uint8Array>): void;
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

/** Bytes of the step count and of every state buffer, under `<parameter>.<buffer>`. */
export async function saveSlots(
  kernels: Kernels,
  slots: readonly Slot[],
  stepCount: number,
): Promise<Map<string, Uint8Array>> {
  const step = new Uint8Array(8);
  new DataView(step.buffer).setFloat64(0, stepCount, true);
  const state = new Map<string, Uint8Array>([[STEP_NAME, step]]);
  for (const { parameter, buffers } of slots) {
    for (const [name, buffer] of Object.entries(buffers)) {
      state.set(`${parameter.name}.${name}`, await kernels.readBytes(buffer));
    }
  }
  return state;
}

/** The inverse of `saveSlots`; returns the step count. Nothing is written unless everything fits. */
export function loadSlots(kernels: Kernels, slots: readonly Slot[], state: ReadonlyMap<string, Uint8Array>): number {
  const writes: [DeviceBuffer, Uint8Array][] = [];
  const take = (name: string, sizeBytes: number): Uint8Array => {
    const bytes = state.get(name);
    if (bytes?.length !== sizeBytes) {
      throw new TensorError(
        'tensor.state',
        `loadState: expected ${sizeBytes} bytes of ${name}, got ${bytes === undefined ? 'none' : bytes.length}`,
      );
    }
    return bytes;
  };
  const step = take(STEP_NAME, 8);
  for (const { parameter, buffers } of slots) {
    for (const [name, buffer] of Object.entries(buffers)) {
      writes.push([buffer, take(`${parameter.name}.${name}`, buffer.length * (buffer.dtype === 'u8' ? 1 : 4))]);
    }
  }
  if (state.size !== writes.length + 1) {
    throw new TensorError('tensor.state', `loadState: expected ${writes.length + 1} entries, got ${state.size}`);
  }
  for (const [buffer, bytes] of writes) kernels.writeBytes(buffer, bytes);
  return new DataView(step.buffer, step.byteOffset).getFloat64(0, true);
}
