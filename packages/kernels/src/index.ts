export type { SamplingSettings, TokenChoice, TokenRequest } from './contract/sampling.ts';
export type {
  Activation,
  AdamWSizes,
  AttentionSizes,
  DeviceBuffer,
  DType,
  FloatType,
  KernelFeatures,
  Kernels,
  MatmulSizes,
  RowSizes,
} from './contract.ts';
export { ACTIVATIONS } from './contract.ts';
export type { CreateKernelsOptions } from './create-kernels.ts';
export { createKernels } from './create-kernels.ts';
export { KernelsError } from './errors.ts';
export type { CallCounts, CallTimes, KernelLedger, LedgerBytes } from './ledger.ts';
export { createKernelLedger, timedKernels } from './ledger.ts';
export type { GemmShape, NativeKernelOptions } from './native.ts';
export { createNativeKernels, measureGemmPeak } from './native.ts';
export type { ReferenceOptions } from './reference.ts';
export { createReferenceKernels } from './reference.ts';
