/** Which kernels to use: the native ones where they load, else the reference. The result's `features` say which. */
import type { Kernels } from './contract.ts';
import { KernelsError } from './errors.ts';
import { createNativeKernels } from './native.ts';
import { createReferenceKernels } from './reference.ts';

export interface CreateKernelsOptions {
  /**
   * `native`: the native ones, or an error. `reference`: the plain TypeScript ones. Without it: native where the addon
   * is built; where it is not, the reference, about a hundred times slower – callers must report `features.name`.
   */
  prefer?: 'native' | 'reference' | undefined;
  /** Threads of the native kernels; by default one per physical core. */
  threads?: number | undefined;
}

/** @throws KernelsError `native-missing` when native kernels were asked for and do not load; `option-invalid`. */
export function createKernels({ prefer, threads }: CreateKernelsOptions = {}): Kernels {
  if (prefer === 'reference') return createReferenceKernels();
  try {
    return createNativeKernels({ threads });
  } catch (error) {
    if (prefer !== 'native' && error instanceof KernelsError && error.code === 'native-missing') {
      return createReferenceKernels();
    }
    throw error;
  }
}
