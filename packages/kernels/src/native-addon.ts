/**
 * The addon's functions as TypeScript sees them, and loading it. Signatures mirror native/kernel-set.cc: buffers, then
 * numbers, in the contract's order. Nothing here has an opinion; `native.ts` turns it into `Kernels`.
 */
import { createRequire } from 'node:module';
import { KernelsError } from './errors.ts';
import type { HostArray } from './host-buffer.ts';

type Optional = HostArray | Float64Array | Uint32Array | null;

/** A kernel: its typed arrays (null for an optional one left out) and its numbers. */
type Kernel = (...operands: (Optional | number | boolean)[]) => void;

const KERNEL_NAMES = [
  'fill',
  'copyRows',
  'scale',
  'add',
  'multiply',
  'sumRows',
  'addBias',
  'scaleColumns',
  'scaleRows',
  'rowNorms',
  'sumSquares',
  'dequantize4',
  'quantize4',
  'dropout',
  'embed',
  'embedBackward',
  'gatherRows',
  'scatterAddRows',
  'cacheAppend',
  'rmsNorm',
  'rmsNormBackward',
  'swiglu',
  'swigluBackward',
  'geglu',
  'gegluBackward',
  'activate',
  'activateBackward',
  'softCap',
  'softCapBackward',
  'headNormRope',
  'headNormRopeBackward',
  'attention',
  'attentionBackward',
  'attentionCached',
  'quantize8',
  'matmul8',
  'sampleTokens',
  'tokenLogProbs',
  'tokenLogProbsBackward',
  'adamw',
  'adamw8bit',
  'lion',
  'adafactor',
  'sgd',
  'matmul',
] as const;

const OTHER_NAMES = [
  'prepareMemory',
  'mapMemory',
  'mapFile',
  'forgetPacked',
  'setThreads',
  'selectKernels',
  'gemmName',
] as const;

export type NativeAddon = Readonly<Record<(typeof KERNEL_NAMES)[number], Kernel>> & {
  /** Readies new memory for kernels (large pages) and returns its first 64-byte aligned offset. */
  prepareMemory(memory: ArrayBuffer): number;
  /** Memory backed by a file of its own in the folder, which is unlinked at once; null where that cannot be had. */
  mapMemory(folder: string, bytes: number): ArrayBuffer | null;
  /** `bytes` of a file from `offset` on, read when touched; what is written stays in memory. Null where that fails. */
  mapFile(file: string, offset: number, bytes: number): ArrayBuffer | null;
  /** Tells the addon that JavaScript wrote to the array: packed copies of it are stale. */
  forgetPacked(array: HostArray): void;
  /** 0: one per physical core. Returns the count in use. */
  setThreads(count: number): number;
  /** Uses the kernels of one instruction set (null: the best). Returns its name. */
  selectKernels(isa: string | null): string;
  gemmName(): string;
};

const require = createRequire(import.meta.url);
const FOLDER = '../build/Release/';

/**
 * How often a thread that waits for the others looks again before it goes to sleep. OpenMP's own default (milliseconds)
 * halves the speed of everything as soon as another process wants a core; a few microseconds cost nothing measurable.
 */
const SPIN_COUNT = '2000';

let loaded: NativeAddon | undefined;

/** Loads the addon once. @throws KernelsError `native-missing` */
export function loadNativeAddon(): NativeAddon {
  if (loaded !== undefined) return loaded;
  try {
    const environment = require(`${FOLDER}tuiqiao_environment.node`) as {
      setDefault(name: string, value: string): void;
    };
    if (process.env.OMP_WAIT_POLICY === undefined) environment.setDefault('GOMP_SPINCOUNT', SPIN_COUNT);
    const addon = require(`${FOLDER}tuiqiao_kernels.node`) as NativeAddon;
    const missing = [...KERNEL_NAMES, ...OTHER_NAMES].filter((name) => typeof addon[name] !== 'function');
    if (missing.length > 0) throw new Error(`the addon is out of date: it lacks ${missing.join(', ')}`);
    loaded = addon;
    return addon;
  } catch (cause) {
    throw new KernelsError(
      'native-missing',
      `createNativeKernels: expected the native addon, got: ${(cause as Error).message.split('\n')[0]}`,
      { hint: 'run `npm run setup` (it needs a C++ compiler, make and Python)', cause },
    );
  }
}
