/** Optimizers: parameters updated in place. Legend and rules: `../contract.ts`. */
import type { DeviceBuffer } from './buffers.ts';

export interface AdamWSizes {
  length: number;
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** 1 for the first update (bias correction). */
  step: number;
  /** Gradients are multiplied by this before use (clipping, accumulation). */
  gradientScale: number;
}

export interface UpdateKernels {
  /**
   * Decoupled weight decay Adam: g = s·grad; p −= lr·wd·p; m = β1·m + (1−β1)·g; v = β2·v + (1−β2)·g²;
   * p −= lr · m̂ / (√v̂ + ε), m̂ = m/(1−β1^t), v̂ = v/(1−β2^t). All f32; `bf16Copy`, when given, receives p rounded.
   */
  adamw(
    parameter: DeviceBuffer,
    m: DeviceBuffer,
    v: DeviceBuffer,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    sizes: AdamWSizes,
  ): void;
  /**
   * `adamw` with both moments kept as u8 codes in blocks with an f32 scale each: m = mCode[m]·mScale, v = vCode[v]·vScale,
   * and after the update each block is quantised anew to the nearest code of value/max. Codes ascend, f32 [256].
   */
  adamw8bit(
    parameter: DeviceBuffer,
    m: DeviceBuffer,
    mScale: DeviceBuffer,
    v: DeviceBuffer,
    vScale: DeviceBuffer,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    mCode: DeviceBuffer,
    vCode: DeviceBuffer,
    sizes: AdamWSizes & { blockSize: number },
  ): void;
  /** g = s·grad; p −= lr·wd·p; p −= lr·sign(β1·m + (1−β1)·g); m = β2·m + (1−β2)·g. */
  lion(
    parameter: DeviceBuffer,
    m: DeviceBuffer,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    sizes: {
      length: number;
      learningRate: number;
      beta1: number;
      beta2: number;
      weightDecay: number;
      gradientScale: number;
    },
  ): void;
  /**
   * Adafactor on a matrix [O, I]: q = (s·grad)² + ε; row = β·row + (1−β)·mean_i q; column = β·column + (1−β)·mean_o q;
   * u = s·grad / √(row·column/mean(row)); u /= max(1, rms(u)/clip); p −= lr·wd·p; p −= lr·u. row f32 [O], column f32 [I].
   * With `column` null (vectors, O = 1) row holds the whole second moment [I].
   */
  adafactor(
    parameter: DeviceBuffer,
    row: DeviceBuffer,
    column: DeviceBuffer | null,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    sizes: {
      O: number;
      I: number;
      learningRate: number;
      beta2: number;
      epsilon: number;
      clipThreshold: number;
      weightDecay: number;
      gradientScale: number;
    },
  ): void;
  /** g = s·grad + wd·p; b = μ·b + g (b = g on step 1); p −= lr·b (lr·g without momentum). As torch.optim.SGD. */
  sgd(
    parameter: DeviceBuffer,
    momentumBuffer: DeviceBuffer | null,
    bf16Copy: DeviceBuffer | null,
    grad: DeviceBuffer,
    sizes: {
      length: number;
      learningRate: number;
      momentum: number;
      weightDecay: number;
      step: number;
      gradientScale: number;
    },
  ): void;
}
