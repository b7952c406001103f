import type { Kernels } from '../src/contract.ts';
import { KernelsError } from '../src/errors.ts';
import { createNativeKernels, type NativeKernelOptions } from '../src/native.ts';

/** The native kernels, or why they are not here. */
export function tryNative(options: NativeKernelOptions = {}): Kernels | string {
  try {
    return createNativeKernels(options);
  } catch (error) {
    if (error instanceof KernelsError && error.code === 'native-missing') return error.message;
    throw error;
  }
}
