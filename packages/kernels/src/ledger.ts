/**
 * Kernels that compute nothing and keep account: which memory is asked for, how much of it is ever used, which calls are
 * made. What runs over them allocates as it would over real ones, in milliseconds and without the memory, so that the
 * need of a run can be told before it. Reading gives zeros.
 *
 * Not for results. `timedKernels`, beside it, measures the same calls on kernels that do compute.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { DeviceBuffer, DType, KernelFeatures, Kernels } from './contract.ts';
import { bytesPerElement } from './host-buffer.ts';

/** Bytes that lie in memory because something wrote or read them. */
export interface LedgerBytes {
  /** Asked for by `allocate` and still reachable. */
  readonly allocated: number;
  /** Of mapped checkpoints. */
  readonly mapped: number;
  /** Of `allocatePaged`: the system may write them out. */
  readonly paged: number;
  /** Packed copies that native kernels make of constant f32 weights. */
  readonly packed: number;
}

/** Calls by signature: name, types and sizes, as far as the time of a call depends on them. */
export type CallCounts = Map<string, number>;

export interface KernelLedger {
  readonly kernels: Kernels;
  /** Collects garbage first, so that what the engine has let go is not counted. */
  measure(): Promise<LedgerBytes>;
  /** The calls since the last time this was asked. */
  takeCalls(): CallCounts;
}

type MemoryKind = 'allocated' | 'mapped' | 'paged';

/** A piece of memory that does not exist. */
interface Extent {
  readonly kind: MemoryKind;
  readonly elementBytes: number;
  /** Elements from the start to the last one ever used. */
  used: number;
}

class LedgerBuffer implements DeviceBuffer {
  readonly dtype: DType;
  readonly length: number;
  readonly extent: Extent;
  readonly #offset: number;

  constructor(dtype: DType, length: number, extent: Extent, offset: number) {
    this.dtype = dtype;
    this.length = length;
    this.extent = extent;
    this.#offset = offset;
  }

  view(offset: number, length: number): LedgerBuffer {
    return new LedgerBuffer(this.dtype, length, this.extent, this.#offset + offset);
  }

  /** Where the buffer begins in its extent. */
  get start(): number {
    return this.#offset;
  }

  use(): void {
    this.extent.used = Math.max(this.extent.used, this.#offset + this.length);
  }
}

/** Sizes that change from call to call and cost nothing. */
const IRRELEVANT_SIZES = new Set(['seed', 'step', 'learningRate', 'gradientScale', 'index', 'offset', 'nestedOffset']);
/** Kernels that read a few rows of a table, wherever they lie. */
const SPARSE_READERS = new Set(['embed', 'gatherRows']);
/** The bound of the native kernels on packed copies. */
const MOST_PACKED_BYTES = 4 * 2 ** 30;

function isBuffer(value: unknown): value is DeviceBuffer {
  return typeof value === 'object' && value !== null && 'dtype' in value;
}

/** The call as far as its time depends on it. */
export function callSignature(name: string, values: readonly unknown[]): string {
  const parts = values.map((value) => {
    if (value === null || typeof value !== 'object') return typeof value === 'boolean' ? String(value) : '';
    if ('dtype' in value) {
      const { dtype, length } = value as DeviceBuffer;
      // The length says what is done where no sizes follow.
      return values.length <= 2 ? `${dtype}[${length}]` : dtype;
    }
    const buffers = Array.isArray(value) ? value.filter(isBuffer) : [];
    if (buffers.length > 0) return `${buffers.length} × ${buffers[0]!.dtype}`;
    return Object.entries(value)
      .filter(([key]) => !IRRELEVANT_SIZES.has(key))
      .map(([key, size]) => `${key}=${String(size)}`)
      .join(' ');
  });
  return `${name}(${parts.join(', ')})`;
}

/** An empty ledger of kernels with the features of real ones. */
export function createKernelLedger(features: KernelFeatures): KernelLedger {
  /** Held by the buffers: an extent dies with the last of them. */
  let extents: WeakRef<Extent>[] = [];
  let calls: CallCounts = new Map();
  /** Bytes of packed copies, by the extent they are of; a place in it may be packed in either direction. */
  const packed = new WeakMap<Extent, Map<string, number>>();

  const allocate = (kind: MemoryKind, dtype: DType, length: number): LedgerBuffer => {
    const extent: Extent = { kind, elementBytes: bytesPerElement(dtype), used: 0 };
    extents.push(new WeakRef(extent));
    return new LedgerBuffer(dtype, length, extent, 0);
  };
  const use = (buffer: DeviceBuffer): void => (buffer as LedgerBuffer).use();
  const packsWeights = features.name === 'native' && features.gemm !== 'portable';

  const call = (name: string, values: readonly unknown[]): void => {
    const signature = callSignature(name, values);
    calls.set(signature, (calls.get(signature) ?? 0) + 1);
    const isSparse = SPARSE_READERS.has(name);
    for (const [place, value] of values.entries()) {
      if (value instanceof LedgerBuffer && !(isSparse && place > 0 && value.extent.kind === 'mapped')) value.use();
    }
    // Matrices one by one, of routed experts.
    for (const value of values) if (Array.isArray(value)) for (const each of value) if (isBuffer(each)) use(each);
    if (name === 'matmul' && packsWeights) notePacked(values);
  };

  const notePacked = (values: readonly unknown[]): void => {
    const [, a, b, sizes] = values as [LedgerBuffer, LedgerBuffer, LedgerBuffer, Record<string, unknown>];
    if (sizes.isConstantB !== true || a.dtype !== 'f32' || b.dtype !== 'f32') return;
    const copies = packed.get(b.extent) ?? new Map<string, number>();
    copies.set(`${b.start} ${String(sizes.transposeB)}`, 4 * (sizes.N as number) * (sizes.K as number));
    packed.set(b.extent, copies);
  };

  const memory: Partial<Kernels> = {
    features,
    allocate: (dtype, length) => allocate('allocated', dtype, length),
    allocatePaged: (dtype, length) => allocate(features.hasPagedMemory ? 'paged' : 'allocated', dtype, length),
    mapFile: (dtype, _file, offset, length) => {
      const isMappable = features.name === 'native' && length > 0 && offset % bytesPerElement(dtype) === 0;
      return isMappable ? allocate('mapped', dtype, length) : null;
    },
    write: use,
    writeBf16Bits: use,
    writeBytes: use,
    read: async ({ length }) => new Float32Array(length),
    readInts: async ({ length }) => new Int32Array(length),
    // Both are called like any other kernel, and answer as well.
    chooseTokens: async (...values) => {
      call('chooseTokens', values);
      return values[1].map(() => ({ id: 0, logProb: 0, allowedMass: 1 }));
    },
    tokenProbabilities: async (...values) => {
      call('tokenProbabilities', values);
      return new Float64Array(values[2].V);
    },
    readBytes: async ({ dtype, length }) => new Uint8Array(length * bytesPerElement(dtype)),
  };
  const kernels = new Proxy(memory as Kernels, {
    get: (target, name) => {
      const own = Reflect.get(target, name);
      if (own !== undefined || typeof name === 'symbol' || name === 'then') return own;
      return (...values: unknown[]) => call(name, values);
    },
  });

  return {
    kernels,
    async measure() {
      await collectGarbage();
      const sums = { allocated: 0, mapped: 0, paged: 0, packed: 0 };
      extents = extents.filter((reference) => {
        const extent = reference.deref();
        if (extent === undefined) return false;
        sums[extent.kind] += extent.used * extent.elementBytes;
        for (const bytes of packed.get(extent)?.values() ?? []) sums.packed += bytes;
        return true;
      });
      return { ...sums, packed: Math.min(sums.packed, MOST_PACKED_BYTES) };
    },
    takeCalls() {
      const taken = calls;
      calls = new Map();
      return taken;
    },
  };
}

/** What is reachable only by a WeakRef stays until the running job ends: collected between two of them. */
async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let round = 0; round < 2; round++) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
  }
}

/** A clock on every call of some kernels that computes. */
export interface CallTimes {
  readonly kernels: Kernels;
  /** Forgets what was measured and measures from now on. */
  start(): void;
  stop(): void;
  /** Mean seconds of a call, by signature. */
  times(): ReadonlyMap<string, number>;
  /** Seconds of all calls. */
  totalSeconds(): number;
}

/** @param seconds the clock; by default the time that passes */
export function timedKernels(kernels: Kernels, seconds: () => number = () => performance.now() / 1000): CallTimes {
  const measured = new Map<string, { seconds: number; count: number }>();
  let isOn = false;
  const timed = new Proxy(kernels, {
    get: (target, name) => {
      const own = Reflect.get(target, name) as unknown;
      if (!isOn || typeof own !== 'function' || typeof name === 'symbol' || isMemoryCall(name)) return own;
      return (...values: unknown[]) => {
        const start = seconds();
        const result = (own as (...args: unknown[]) => unknown)(...values);
        const taken = seconds() - start;
        const signature = callSignature(name, values);
        const sum = measured.get(signature) ?? { seconds: 0, count: 0 };
        measured.set(signature, { seconds: sum.seconds + taken, count: sum.count + 1 });
        return result;
      };
    },
  });
  return {
    kernels: timed,
    start: () => {
      measured.clear();
      isOn = true;
    },
    stop: () => {
      isOn = false;
    },
    times: () => new Map([...measured].map(([signature, sum]) => [signature, sum.seconds / sum.count])),
    totalSeconds: () => [...measured.values()].reduce((sum, one) => sum + one.seconds, 0),
  };
}

function isMemoryCall(name: string): boolean {
  return /^(allocate|mapFile|write|read)/u.test(name);
}
