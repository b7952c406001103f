/** Which kernels a recipe runs on, and how that is told: never a silent fallback. */
import { createKernels, type Kernels } from '@tuiqiao/kernels';

export interface ComputeOptions {
  readonly kernels: 'auto' | 'native' | 'reference';
  readonly threads?: number | undefined;
}

/** The kernels a recipe asks for; `native` asked by name is an error where it cannot load. */
export function openKernels(options: ComputeOptions): Kernels {
  return createKernels({
    ...(options.kernels === 'auto' ? {} : { prefer: options.kernels }),
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
}

/** One sentence for `run-start`. */
export function describeKernels(kernels: Kernels): string {
  const { name, gemm, isa, threads, hasFastBf16 } = kernels.features;
  if (name === 'reference') {
    return 'Kernels: plain TypeScript, about 100 times slower than native; run `npm run setup` with a C++ compiler installed.';
  }
  const slow = gemm.startsWith('portable') ? ' (install oneDNN for several times the speed)' : '';
  return `Kernels: native, ${gemm}${slow}, ${isa}, ${threads} threads, matrix products in ${hasFastBf16 ? 'bf16' : 'f32'}.`;
}
