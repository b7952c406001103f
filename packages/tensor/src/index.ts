export type { DeviceBuffer, DType, FloatType, KernelFeatures, Kernels } from '@tuiqiao/kernels';
export type { Arena } from './arena.ts';
export type { Linear, LowRankDelta, Parameter, Tensor } from './tape.ts';
export { Tape } from './tape.ts';
