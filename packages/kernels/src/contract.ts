/**
 * Contract 1: what a set of float kernels can do. `reference` (plain TypeScript, the truth in tests) and `native`
 * (C++, oneDNN) implement it; one case list runs over both.
 *
 * Legend: N rows (packed tokens), C channels, V vocabulary, I intermediate size, H query heads, G key/value heads,
 * D head size, S segments (packed sequences), R rows that carry a loss.
 *
 * Rules: arguments are outputs, inputs, sizes. Forward and backward are neighbours. Calls enqueue and return nothing;
 * only what is read is a Promise (host kernels run at once; a GPU may not). Input is trusted: sizes are checked by the caller.
 * Float buffers are `f32` or `bf16` (round to nearest even); arithmetic and accumulation are always f32.
 * "bf16 | f32" below means: either, and all operands named together share it. Gradients are `d` + name.
 * Same input, same thread count → same bits.
 */
import type { AttentionKernels } from './contract/attention.ts';
import type { KernelFeatures } from './contract/buffers.ts';
import type { ElementwiseKernels } from './contract/elementwise.ts';
import type { ExpertKernels } from './contract/experts.ts';
import type { HeadKernels } from './contract/head.ts';
import type { LayerKernels } from './contract/layers.ts';
import type { MatrixKernels } from './contract/matrix.ts';
import type { MemoryKernels } from './contract/memory.ts';
import type { UpdateKernels } from './contract/updates.ts';

export type { AttentionSizes } from './contract/attention.ts';
export type { DeviceBuffer, DType, FloatType, KernelFeatures } from './contract/buffers.ts';
export { ACTIVATIONS, type Activation, type RowSizes } from './contract/elementwise.ts';
export type { Dequantize4Sizes, MatmulSizes } from './contract/matrix.ts';
export type { AdamWSizes } from './contract/updates.ts';

export interface Kernels
  extends MemoryKernels,
    ElementwiseKernels,
    MatrixKernels,
    LayerKernels,
    AttentionKernels,
    ExpertKernels,
    HeadKernels,
    UpdateKernels {
  readonly features: KernelFeatures;
}
