/**
 * The native kernels: each method hands its typed arrays and numbers to the addon (C++, oneDNN). Defaults of optional
 * sizes are filled in here; sizes are the caller's to check.
 */
import {
  ACTIVATIONS,
  type DeviceBuffer,
  type DType,
  type FloatType,
  type KernelFeatures,
  type Kernels,
} from './contract.ts';
import { KernelsError } from './errors.ts';
import { asHost, bytesPerElement, type HostArray, HostBuffer, hostArray } from './host-buffer.ts';
import { loadNativeAddon } from './native-addon.ts';
import { createNativeSampling } from './native-sampling.ts';
import * as experts from './reference/experts.ts';

export interface NativeKernelOptions {
  /** Threads to compute with; by default one per physical core this process may use. Holds for the whole process. */
  threads?: number | undefined;
  /** `portable` leaves oneDNN unused (to measure or test the built-in matrix product). */
  gemm?: 'auto' | 'portable' | undefined;
  /** Kernels of one instruction set, e.g. `avx2`, `generic`; by default the best the processor has. */
  isa?: string | undefined;
}

const MAX_THREADS = 1024;
/** A cache line, and the widest vector register. */
const ALIGNMENT_BYTES = 64;

const data = (buffer: DeviceBuffer): HostArray => asHost(buffer).array;
const optional = (buffer: DeviceBuffer | null): HostArray | null => (buffer === null ? null : asHost(buffer).array);

/** @throws KernelsError `native-missing` when the addon does not load, `option-invalid` on a bad thread count. */
export function createNativeKernels(options: NativeKernelOptions = {}): Kernels {
  const { threads = 0, gemm = 'auto', isa = null } = options;
  if (!Number.isInteger(threads) || threads < 0 || threads > MAX_THREADS) {
    throw new KernelsError('option-invalid', `threads: expected an integer from 1 to ${MAX_THREADS}, got ${threads}`);
  }
  const native = loadNativeAddon();
  const isaName = native.selectKernels(isa);
  const usesPortable = gemm === 'portable';
  const isPortable = usesPortable || native.gemmName() === 'portable';
  const features: KernelFeatures = {
    name: 'native',
    gemm: isPortable ? 'portable' : native.gemmName(),
    // The tile unit needs no library.
    hasFastBf16: isaName === 'amx_bf16' ? !usesPortable : !isPortable && isaName === 'avx512_bf16',
    isa: isaName,
    threads: native.setThreads(threads),
    hasPagedMemory: process.platform !== 'win32',
  };

  const allocate = (dtype: DType, length: number): HostBuffer => {
    const memory = new ArrayBuffer(length * bytesPerElement(dtype) + ALIGNMENT_BYTES);
    return new HostBuffer(dtype, hostArray(dtype, memory, native.prepareMemory(memory), length));
  };

  const kernels: Kernels = {
    features,

    allocate,
    allocatePaged(dtype, length, folder) {
      const memory = native.mapMemory(folder, Math.max(1, length) * bytesPerElement(dtype));
      return memory === null ? allocate(dtype, length) : new HostBuffer(dtype, hostArray(dtype, memory, 0, length));
    },
    mapFile(dtype, file, offset, length) {
      const size = bytesPerElement(dtype);
      if (length === 0 || offset % size !== 0) return null;
      const memory = native.mapFile(file, offset, length * size);
      return memory === null ? null : new HostBuffer(dtype, hostArray(dtype, memory, 0, length));
    },
    write(out, numbers) {
      const { array, dtype } = asHost(out);
      if (dtype === 'bf16') {
        const floats = numbers instanceof Float32Array ? numbers : Float32Array.from(numbers);
        native.copyRows(array, floats, 1, floats.length, floats.length, floats.length);
      } else {
        array.set(numbers);
        native.forgetPacked(array);
      }
    },
    writeBf16Bits(out, bits) {
      const array = data(out);
      array.set(bits);
      native.forgetPacked(array);
    },
    async read(buffer) {
      const { array, dtype, length } = asHost(buffer);
      if (dtype !== 'bf16') return Float32Array.from(array as Float32Array);
      const floats = new Float32Array(length);
      native.copyRows(floats, array, 1, length, length, length);
      return floats;
    },
    async readInts(buffer) {
      return Int32Array.from(data(buffer));
    },
    async readBytes(buffer) {
      const { buffer: memory, byteOffset, byteLength } = data(buffer);
      return new Uint8Array(memory, byteOffset, byteLength).slice();
    },
    writeBytes(out, bytes) {
      const array = data(out);
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(bytes);
      native.forgetPacked(array);
    },

    fill: (out, value) => native.fill(data(out), value),
    copyRows: (out, a, { N, C, ldOut = C, ldA = C }) => native.copyRows(data(out), data(a), N, C, ldOut, ldA),
    scale: (out, a, { length, alpha, accumulate = false }) =>
      native.scale(data(out), data(a), length, alpha, accumulate),
    add: (out, a, b, { length }) => native.add(data(out), data(a), data(b), length),
    multiply: (out, a, b, { length, accumulate = false }) =>
      native.multiply(data(out), data(a), data(b), length, accumulate),
    sumRows: (out, x, { N, C, ldX = C, accumulate = false }) =>
      native.sumRows(data(out), data(x), N, C, ldX, accumulate),
    addBias: (x, bias, { N, C, ldX = C }) => native.addBias(data(x), data(bias), N, C, ldX),
    scaleRows: (out, a, factors, { N, C, accumulate = false }) =>
      native.scaleRows(data(out), data(a), data(factors), N, C, accumulate),
    scaleColumns: (out, a, factors, { N, C, ldOut = C, ldA = C, accumulate = false }) =>
      native.scaleColumns(data(out), data(a), data(factors), N, C, ldOut, ldA, accumulate),
    rowNorms: (out, a, { N, C, isReciprocal = false }) => native.rowNorms(data(out), data(a), N, C, isReciprocal),
    sumSquares: (out, a, { index, length }) => native.sumSquares(data(out), data(a), index, length),
    dropout: (out, a, { length, p, seed }) => native.dropout(data(out), data(a), length, p, seed),

    dequantize4: (out, packed, absmax, code, nestedAbsmax, nestedCode, sizes) =>
      native.dequantize4(
        data(out),
        data(packed),
        data(absmax),
        data(code),
        optional(nestedAbsmax),
        optional(nestedCode),
        sizes.offset,
        sizes.length,
        sizes.blockSize,
        sizes.nestedBlockSize ?? 1,
        sizes.nestedOffset ?? 0,
      ),

    quantize4: (packed, absmax, a, code, { length, blockSize }) =>
      native.quantize4(data(packed), data(absmax), data(a), data(code), length, blockSize),

    matmul(out, a, b, sizes) {
      const { M, N, K, transposeA = false, transposeB = false, accumulate = false, alpha = 1 } = sizes;
      const { ldA = transposeA ? M : K, ldB = transposeB ? K : N, ldOut = N, isConstantB = false } = sizes;
      native.matmul(
        data(out),
        data(a),
        data(b),
        M,
        N,
        K,
        transposeA,
        transposeB,
        accumulate,
        alpha,
        ldA,
        ldB,
        ldOut,
        isConstantB,
        usesPortable,
      );
    },

    quantize8: (codes, scales, weight, { N, K }) => native.quantize8(data(codes), data(scales), data(weight), N, K),
    matmul8: (out, a, codes, scales, { M, N, K, ldOut = N, accumulate = false }) =>
      native.matmul8(data(out), data(a), data(codes), data(scales), M, N, K, ldOut, accumulate),

    embed: (out, table, ids, { N, C, scale = 1 }) => native.embed(data(out), data(table), data(ids), N, C, scale),
    embedBackward: (dTable, dOut, ids, { N, C, V, scale = 1 }) =>
      native.embedBackward(data(dTable), data(dOut), data(ids), N, C, V, scale),

    rmsNorm: (out, rstd, x, weight, { N, C, epsilon, weightOffset = 0 }) =>
      native.rmsNorm(data(out), data(rstd), data(x), data(weight), N, C, epsilon, weightOffset),
    rmsNormBackward: (dX, dWeight, dOut, x, weight, rstd, { N, C, accumulate = false, weightOffset = 0 }) =>
      native.rmsNormBackward(
        data(dX),
        optional(dWeight),
        data(dOut),
        data(x),
        data(weight),
        data(rstd),
        N,
        C,
        accumulate,
        weightOffset,
      ),

    headNormRope(out, rstd, x, weight, cos, sin, positions, sizes) {
      const { N, heads, D, rotaryDim, ldX, ldOut, epsilon, interleaved = false, weightOffset = 0 } = sizes;
      native.headNormRope(
        data(out),
        optional(rstd),
        data(x),
        optional(weight),
        data(cos),
        data(sin),
        data(positions),
        N,
        heads,
        D,
        rotaryDim,
        ldX,
        ldOut,
        epsilon,
        interleaved,
        weightOffset,
      );
    },
    headNormRopeBackward(dX, dWeight, dOut, x, weight, rstd, cos, sin, positions, sizes) {
      const { N, heads, D, rotaryDim, ldX, ldOut, interleaved = false, weightOffset = 0 } = sizes;
      native.headNormRopeBackward(
        data(dX),
        optional(dWeight),
        data(dOut),
        data(x),
        optional(weight),
        optional(rstd),
        data(cos),
        data(sin),
        data(positions),
        N,
        heads,
        D,
        rotaryDim,
        ldX,
        ldOut,
        interleaved,
        weightOffset,
      );
    },

    attention(out, lse, q, k, v, segments, prefixes, sizes) {
      const { N, H, G, D, ldQ, ldK, ldV, S, scale = 1 / Math.sqrt(D), window = N } = sizes;
      const { softCap = 0, alibi = false } = sizes;
      native.attention(
        data(out),
        data(lse),
        data(q),
        data(k),
        data(v),
        data(segments),
        optional(prefixes),
        N,
        H,
        G,
        D,
        ldQ,
        ldK,
        ldV,
        S,
        scale,
        window,
        softCap,
        alibi,
      );
    },
    attentionBackward(dQ, dK, dV, dOut, q, k, v, out, lse, segments, prefixes, sizes) {
      const { N, H, G, D, ldQ, ldK, ldV, S, scale = 1 / Math.sqrt(D), window = N } = sizes;
      const { softCap = 0, alibi = false } = sizes;
      native.attentionBackward(
        data(dQ),
        data(dK),
        data(dV),
        data(dOut),
        data(q),
        data(k),
        data(v),
        data(out),
        data(lse),
        data(segments),
        optional(prefixes),
        N,
        H,
        G,
        D,
        ldQ,
        ldK,
        ldV,
        S,
        scale,
        window,
        softCap,
        alibi,
      );
    },
    attentionCached(out, q, kCache, vCache, tables, lengths, sizes) {
      const { B, H, G, D, pageSize, ldTable, scale = 1 / Math.sqrt(D), window = ldTable * pageSize } = sizes;
      const { softCap = 0, alibi = false } = sizes;
      native.attentionCached(
        data(out),
        data(q),
        data(kCache),
        data(vCache),
        data(tables),
        data(lengths),
        B,
        H,
        G,
        D,
        pageSize,
        ldTable,
        scale,
        window,
        softCap,
        alibi,
      );
    },
    cacheAppend: (cache, x, rows, { N, G, D, pageSize, ldX = G * D }) =>
      native.cacheAppend(data(cache), data(x), data(rows), N, G, D, pageSize, ldX),

    swiglu: (out, gate, up, { N, C, ldX = C }) => native.swiglu(data(out), data(gate), data(up), N, C, ldX),
    swigluBackward: (dGate, dUp, dOut, gate, up, { N, C, ldX = C }) =>
      native.swigluBackward(data(dGate), data(dUp), data(dOut), data(gate), data(up), N, C, ldX),

    geglu: (out, gate, up, { N, C, ldX = C }) => native.geglu(data(out), data(gate), data(up), N, C, ldX),
    gegluBackward: (dGate, dUp, dOut, gate, up, { N, C, ldX = C }) =>
      native.gegluBackward(data(dGate), data(dUp), data(dOut), data(gate), data(up), N, C, ldX),
    activate: (out, x, { length, activation }) =>
      native.activate(data(out), data(x), length, ACTIVATIONS.indexOf(activation)),
    activateBackward: (dX, dOut, x, { length, activation }) =>
      native.activateBackward(data(dX), data(dOut), data(x), length, ACTIVATIONS.indexOf(activation)),
    softCap: (out, a, { length, cap }) => native.softCap(data(out), data(a), length, cap),
    softCapBackward: (dA, dOut, out, { length, cap }) =>
      native.softCapBackward(data(dA), data(dOut), data(out), length, cap),

    routeExperts: experts.routeExperts,
    routeExpertsBackward: experts.routeExpertsBackward,
    scatterWeighted: experts.scatterWeighted,
    scatterWeightedBackward: experts.scatterWeightedBackward,
    expertMatmul: (...operands) => grouped.expertMatmul(...operands),
    expertMatmulWeights: (...operands) => grouped.expertMatmulWeights(...operands),

    gatherRows: (out, x, rows, { R, C }) => native.gatherRows(data(out), data(x), data(rows), R, C),
    scatterAddRows: (dX, dOut, rows, { R, C }) => native.scatterAddRows(data(dX), data(dOut), data(rows), R, C),

    tokenLogProbs: (logProbs, lse, entropy, meanLogProbs, top, logits, targets, { R, V }) =>
      native.tokenLogProbs(
        data(logProbs),
        data(lse),
        optional(entropy),
        optional(meanLogProbs),
        optional(top),
        data(logits),
        data(targets),
        R,
        V,
      ),
    tokenLogProbsBackward: (dLogits, dLogProbs, dEntropy, dMean, logits, lse, entropy, targets, { R, V }) =>
      native.tokenLogProbsBackward(
        data(dLogits),
        data(dLogProbs),
        optional(dEntropy),
        optional(dMean),
        data(logits),
        data(lse),
        optional(entropy),
        data(targets),
        R,
        V,
      ),

    ...createNativeSampling(native),

    adamw(parameter, m, v, bf16Copy, grad, sizes) {
      const { length, learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale } = sizes;
      native.adamw(
        data(parameter),
        data(m),
        data(v),
        optional(bf16Copy),
        data(grad),
        length,
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        step,
        gradientScale,
      );
    },
    adamw8bit(parameter, m, mScale, v, vScale, bf16Copy, grad, mCode, vCode, sizes) {
      const { length, learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale, blockSize } = sizes;
      native.adamw8bit(
        data(parameter),
        data(m),
        data(mScale),
        data(v),
        data(vScale),
        optional(bf16Copy),
        data(grad),
        data(mCode),
        data(vCode),
        length,
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        step,
        gradientScale,
        blockSize,
      );
    },
    lion(parameter, m, bf16Copy, grad, { length, learningRate, beta1, beta2, weightDecay, gradientScale }) {
      native.lion(
        data(parameter),
        data(m),
        optional(bf16Copy),
        data(grad),
        length,
        learningRate,
        beta1,
        beta2,
        weightDecay,
        gradientScale,
      );
    },
    adafactor(parameter, row, column, bf16Copy, grad, sizes) {
      const { O, I, learningRate, beta2, epsilon, clipThreshold, weightDecay, gradientScale } = sizes;
      native.adafactor(
        data(parameter),
        data(row),
        optional(column),
        optional(bf16Copy),
        data(grad),
        O,
        I,
        learningRate,
        beta2,
        epsilon,
        clipThreshold,
        weightDecay,
        gradientScale,
      );
    },
    sgd(parameter, momentumBuffer, bf16Copy, grad, sizes) {
      const { length, learningRate, momentum, weightDecay, step, gradientScale } = sizes;
      native.sgd(
        data(parameter),
        optional(momentumBuffer),
        optional(bf16Copy),
        data(grad),
        length,
        learningRate,
        momentum,
        weightDecay,
        step,
        gradientScale,
      );
    },
  };
  const grouped = experts.groupedProducts(kernels.matmul);
  return kernels;
}

/** One product of a workload: `count` times out[M, N] = a[M, K] · w[N, K]ᵀ. */
export interface GemmShape {
  K: number;
  N: number;
  /** How often it occurs in the workload; 1 by default. */
  count?: number;
}

/**
 * The matrix speed of this machine in GFLOP/s, weighted by the operations of the given shapes: a[M, K] · w[N, K]ᵀ, a and
 * out of type `dtype` (the layout of a linear layer's forward pass). The best of several rounds, after a warm-up: the
 * bar that a training step's share (MFU) is measured against.
 */
export async function measureGemmPeak(
  kernels: Kernels,
  { M, dtype, shapes, rounds = 12 }: { M: number; dtype: FloatType; shapes: readonly GemmShape[]; rounds?: number },
): Promise<number> {
  const operands = shapes.map(({ K, N, count = 1 }) => {
    const a = kernels.allocate(dtype, M * K);
    const w = kernels.allocate(dtype, N * K);
    kernels.fill(a, 0.01);
    kernels.fill(w, 0.01);
    return { a, w, out: kernels.allocate(dtype, M * N), K, N, count };
  });
  const operations = operands.reduce((sum, { K, N, count }) => sum + 2 * M * K * N * count, 0);
  let best = 0;
  for (let round = 0; round <= rounds; round++) {
    const start = performance.now();
    for (const { a, w, out, K, N, count } of operands) {
      for (let i = 0; i < count; i++) kernels.matmul(out, a, w, { M, N, K, transposeB: true });
    }
    const last = operands.at(-1);
    if (last !== undefined) await kernels.read(last.out.view(0, 1)); // waits where kernels only enqueue
    const seconds = (performance.now() - start) / 1000;
    if (round > 0) best = Math.max(best, operations / seconds / 1e9);
  }
  return best;
}
