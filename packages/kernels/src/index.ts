export type {
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
export { createReferenceKernels } from './reference.ts';
