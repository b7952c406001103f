export type {
  Activation,
  DeviceBuffer,
  DType,
  FloatType,
  KernelFeatures,
  Kernels,
  SamplingSettings,
  TokenChoice,
  TokenRequest,
} from '@tuiqiao/kernels';
export { ACTIVATIONS } from '@tuiqiao/kernels';
export type { Arena } from './arena.ts';
export { createArena } from './arena.ts';
export type { Columns, Slice } from './columns.ts';
export { splitColumns } from './columns.ts';
export type { TensorErrorCode } from './errors.ts';
export { TensorError } from './errors.ts';
export type { AttentionOptions } from './ops/attention.ts';
export { attention, geglu, swiglu } from './ops/attention.ts';
export { addBottleneck } from './ops/bottleneck.ts';
export { checkpoint } from './ops/checkpoint.ts';
export { add, cast, embed, gatherRows, softCap, uploadInts } from './ops/embed.ts';
export type { Experts } from './ops/experts.ts';
export { mixture } from './ops/experts.ts';
export type { HeadOptions, HeadResult } from './ops/head.ts';
export { headChunkRows, headLogProbs } from './ops/head.ts';
export { fusedLinear, linear, linearAddResidual } from './ops/linear.ts';
export type { Rope, RopeOptions } from './ops/norm.ts';
export { createRope, headNormRope, rmsNorm } from './ops/norm.ts';
export type { VirtualLayout } from './ops/virtual-rows.ts';
export { insertVirtualRows, virtualLayout } from './ops/virtual-rows.ts';
export type { AdafactorOptions } from './optim/adafactor.ts';
export { createAdafactor } from './optim/adafactor.ts';
export type { AdamWOptions } from './optim/adamw.ts';
export { createAdamW } from './optim/adamw.ts';
export { createAdamW8bit } from './optim/adamw8bit.ts';
export { clipScale, globalGradientNorm } from './optim/clip.ts';
export type { LionOptions } from './optim/lion.ts';
export { createLion } from './optim/lion.ts';
export type { MuonOptions } from './optim/muon.ts';
export { createMuon } from './optim/muon.ts';
export type { Optimizer, OptimizerState, ParameterGroup, StateEntry, StateMemory } from './optim/optimizer.ts';
export { groupParameters } from './optim/optimizer.ts';
export type { SgdOptions } from './optim/sgd.ts';
export { createSgd } from './optim/sgd.ts';
export type { ParameterOptions } from './parameter.ts';
export {
  createLinear,
  createParameter,
  disableGradient,
  enableGradient,
  fuseParameters,
  initConstant,
  initKaimingUniform,
  initNormal,
  parameterLength,
  syncCompute,
  zeroGradients,
} from './parameter.ts';
export type { BlockwiseCodes, BlockwiseOptions } from './quantize/blockwise.ts';
export { dequantizeBlockwise, dynamicMap, quantizeBlockwise } from './quantize/blockwise.ts';
export { fitsEightBit, setEightBit } from './quantize/eight-bit-parameter.ts';
export type { FourBitType, FourBitWeights, NestedMaxima } from './quantize/four-bit.ts';
export {
  blockMaxima,
  dequantizeFourBit,
  FOUR_BIT_BLOCK,
  fourBitCode,
  NESTED_BLOCK,
  quantizeFourBit,
} from './quantize/four-bit.ts';
export {
  allocateFourBit,
  dequantizeParameter,
  quantizeParameter,
  setQuantized,
  uploadFourBit,
} from './quantize/quantized-parameter.ts';
export type { Random, RandomState } from './random.ts';
export { createRandom } from './random.ts';
export type { RampType, Schedule, ScheduleName, ScheduleOptions } from './schedules.ts';
export { createSchedule, SCHEDULE_NAMES } from './schedules.ts';
export type { Bottleneck, Fusion, Linear, LowRankDelta, Parameter, QuantizedWeight, Tensor } from './tape.ts';
export { Tape } from './tape.ts';
