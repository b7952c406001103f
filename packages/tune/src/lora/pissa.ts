/**
 * PiSSA (Meng 2024): A and B start as the principal singular vectors of the weight, so that training begins where it
 * moves most. The base keeps its weight; a frozen copy of the start is subtracted beside it, W − s·B₀A₀ + s·B A, which is
 * the same function and leaves every other adapter's base alone.
 */
import { type Kernels, type LowRankDelta, type Parameter, type Random, syncCompute } from '@tuiqiao/tensor';

/** Extra directions of the random subspace, and rounds of power iteration (PEFT's `pissa_niter_4`). */
const OVERSAMPLING = 8;
const ITERATIONS = 4;

/**
 * Writes A = √(S/s) Vᵀ and B = U √(S/s) of the r largest singular triples of `weight` [O, I] (f32), found by randomised
 * subspace iteration (Halko 2011).
 */
export async function initPissa(
  kernels: Kernels,
  weight: ReturnType<Kernels['allocate']>,
  delta: LowRankDelta,
  random: Random,
): Promise<void> {
  const [r, I] = delta.a.shape as readonly [number, number];
  const O = delta.b.shape[0]!;
  const k = Math.min(r + OVERSAMPLING, O, I);
  const left = kernels.allocate('f32', O * k);
  const right = kernels.allocate('f32', I * k);
  kernels.write(
    right,
    Float32Array.from({ length: I * k }, () => random.normal()),
  );
  for (let round = 0; round <= ITERATIONS; round++) {
    kernels.matmul(left, weight, right, { M: O, N: k, K: I });
    await orthonormalise(kernels, left, O, k);
    kernels.matmul(right, weight, left, { M: I, N: k, K: O, transposeA: true });
    if (round < ITERATIONS) await orthonormalise(kernels, right, I, k);
  }
  // W ≈ Q (Qᵀ W) with Q = left; right = (Qᵀ W)ᵀ. Its Gram matrix has the squared singular values.
  const gram = kernels.allocate('f32', k * k);
  kernels.matmul(gram, right, right, { M: k, N: k, K: I, transposeA: true });
  const { values, vectors } = eigen(await kernels.read(gram), k);
  const [q, qtw] = [await kernels.read(left), await kernels.read(right)];
  const a = new Float32Array(r * I);
  const b = new Float32Array(O * r);
  for (let j = 0; j < r && j < k; j++) {
    const singular = Math.sqrt(Math.max(values[j]!, 0));
    const root = Math.sqrt(singular / delta.scaling);
    for (let i = 0; i < I; i++) {
      let sum = 0;
      for (let m = 0; m < k; m++) sum += qtw[i * k + m]! * vectors[m * k + j]!;
      a[j * I + i] = singular === 0 ? 0 : (sum / singular) * root;
    }
    for (let o = 0; o < O; o++) {
      let sum = 0;
      for (let m = 0; m < k; m++) sum += q[o * k + m]! * vectors[m * k + j]!;
      b[o * r + j] = sum * root;
    }
  }
  write(kernels, delta.a, a);
  write(kernels, delta.b, b);
}

function write(kernels: Kernels, parameter: Parameter, values: Float32Array): void {
  kernels.write(parameter.value, values);
  syncCompute(kernels, parameter);
}

/** Columns of [n, k] made orthonormal, twice (Gram–Schmidt once loses digits). */
async function orthonormalise(
  kernels: Kernels,
  buffer: ReturnType<Kernels['allocate']>,
  n: number,
  k: number,
): Promise<void> {
  const x = Float64Array.from(await kernels.read(buffer));
  for (let j = 0; j < k; j++) {
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < j; other++) {
        let dot = 0;
        for (let i = 0; i < n; i++) dot += x[i * k + j]! * x[i * k + other]!;
        for (let i = 0; i < n; i++) x[i * k + j]! -= dot * x[i * k + other]!;
      }
    }
    let norm = 0;
    for (let i = 0; i < n; i++) norm += x[i * k + j]! ** 2;
    norm = Math.sqrt(norm);
    for (let i = 0; i < n; i++) x[i * k + j]! *= norm < 1e-12 ? 0 : 1 / norm;
  }
  kernels.write(buffer, x);
}

/** Eigenvalues (descending) and vectors (columns) of a symmetric matrix [k, k], by Jacobi's rotations. */
function eigen(matrix: Float32Array, k: number): { values: number[]; vectors: Float64Array } {
  const m = Float64Array.from(matrix);
  const v = new Float64Array(k * k);
  for (let i = 0; i < k; i++) v[i * k + i] = 1;
  const SWEEPS = 30;
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let off = 0;
    for (let p = 0; p < k; p++) for (let q = p + 1; q < k; q++) off += m[p * k + q]! ** 2;
    if (off < 1e-24) break;
    for (let p = 0; p < k; p++) {
      for (let q = p + 1; q < k; q++) {
        const apq = m[p * k + q]!;
        if (apq === 0) continue;
        const theta = (m[q * k + q]! - m[p * k + p]!) / (2 * apq);
        const t = (theta >= 0 ? 1 : -1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
        const c = 1 / Math.sqrt(t * t + 1);
        const s = t * c;
        for (let i = 0; i < k; i++) {
          const [x, y] = [m[i * k + p]!, m[i * k + q]!];
          m[i * k + p] = c * x - s * y;
          m[i * k + q] = s * x + c * y;
        }
        for (let i = 0; i < k; i++) {
          const [x, y] = [m[p * k + i]!, m[q * k + i]!];
          m[p * k + i] = c * x - s * y;
          m[q * k + i] = s * x + c * y;
        }
        for (let i = 0; i < k; i++) {
          const [x, y] = [v[i * k + p]!, v[i * k + q]!];
          v[i * k + p] = c * x - s * y;
          v[i * k + q] = s * x + c * y;
        }
      }
    }
  }
  const order = Array.from({ length: k }, (_, i) => i).sort((i, j) => m[j * k + j]! - m[i * k + i]!);
  const vectors = new Float64Array(k * k);
  for (const [to, from] of order.entries()) for (let i = 0; i < k; i++) vectors[i * k + to] = v[i * k + from]!;
  return { values: order.map((i) => m[i * k + i]!), vectors };
}
