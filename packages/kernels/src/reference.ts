/**
 * The kernels in plain TypeScript: the truth the native ones are tested against, and what runs where there is no
 * compiler. Values are f32 (or bf16) in memory; sums are doubles.
 */
import type { KernelFeatures, Kernels } from './contract.ts';
import * as attention from './reference/attention.ts';
import * as eightBit from './reference/eight-bit.ts';
import * as elementwise from './reference/elementwise.ts';
import * as experts from './reference/experts.ts';
import * as head from './reference/head.ts';
import * as matrix from './reference/matmul.ts';
import * as memory from './reference/memory.ts';
import * as norm from './reference/norm.ts';
import * as optimizer from './reference/optimizer.ts';
import * as quantized from './reference/quantized.ts';
import * as rope from './reference/rope.ts';
import * as sampling from './reference/sampling.ts';

const FEATURES: KernelFeatures = {
  name: 'reference',
  gemm: 'reference',
  hasFastBf16: false,
  isa: 'javascript',
  threads: 1,
  hasPagedMemory: false,
};

export interface ReferenceOptions {
  /** `double`: f32 buffers hold doubles, for checking gradients by central differences; `f32` when absent. */
  readonly precision?: 'f32' | 'double';
}

/** Reference kernels; they hold no state. */
export function createReferenceKernels({ precision = 'f32' }: ReferenceOptions = {}): Kernels {
  return {
    features: FEATURES,
    allocate: precision === 'double' ? memory.allocateDouble : memory.allocate,
    mapFile: () => null,
    allocatePaged: precision === 'double' ? memory.allocateDouble : memory.allocate,
    write: memory.write,
    writeBf16Bits: memory.writeBf16Bits,
    read: memory.read,
    readInts: memory.readInts,
    readBytes: memory.readBytes,
    writeBytes: memory.writeBytes,
    fill: elementwise.fill,
    copyRows: elementwise.copyRows,
    scale: elementwise.scale,
    add: elementwise.add,
    multiply: elementwise.multiply,
    sumRows: elementwise.sumRows,
    addBias: elementwise.addBias,
    scaleColumns: elementwise.scaleColumns,
    scaleRows: elementwise.scaleRows,
    rowNorms: elementwise.rowNorms,
    sumSquares: elementwise.sumSquares,
    dropout: elementwise.dropout,
    dequantize4: quantized.dequantize4,
    quantize4: quantized.quantize4,
    matmul: matrix.matmul,
    quantize8: eightBit.quantize8,
    matmul8: eightBit.matmul8,
    embed: norm.embed,
    embedBackward: norm.embedBackward,
    rmsNorm: norm.rmsNorm,
    rmsNormBackward: norm.rmsNormBackward,
    headNormRope: rope.headNormRope,
    headNormRopeBackward: rope.headNormRopeBackward,
    attention: attention.attention,
    attentionBackward: attention.attentionBackward,
    attentionCached: attention.attentionCached,
    cacheAppend: attention.cacheAppend,
    swiglu: head.swiglu,
    swigluBackward: head.swigluBackward,
    geglu: head.geglu,
    gegluBackward: head.gegluBackward,
    activate: head.activate,
    activateBackward: head.activateBackward,
    softCap: head.softCap,
    softCapBackward: head.softCapBackward,
    routeExperts: experts.routeExperts,
    routeExpertsBackward: experts.routeExpertsBackward,
    scatterWeighted: experts.scatterWeighted,
    scatterWeightedBackward: experts.scatterWeightedBackward,
    ...experts.groupedProducts(matrix.matmul),
    gatherRows: norm.gatherRows,
    scatterAddRows: norm.scatterAddRows,
    tokenLogProbs: head.tokenLogProbs,
    tokenLogProbsBackward: head.tokenLogProbsBackward,
    chooseTokens: sampling.chooseTokens,
    tokenProbabilities: sampling.tokenProbabilities,
    adamw: optimizer.adamw,
    adamw8bit: quantized.adamw8bit,
    lion: optimizer.lion,
    adafactor: optimizer.adafactor,
    sgd: optimizer.sgd,
  };
}
