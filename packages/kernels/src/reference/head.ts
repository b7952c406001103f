/** SwiGLU and the log-probabilities of the head. Legend: N rows, C channels, R loss rows, V vocabulary. */
import type { Activation, DeviceBuffer, Kernels, RowSizes } from '../contract.ts';
import { storeFloats, storeRows, toFloats, toInts } from './memory.ts';

export function swiglu(out: DeviceBuffer, gate: DeviceBuffer, up: DeviceBuffer, { N, C, ldX = C }: RowSizes): void {
  const gates = toFloats(gate);
  const ups = toFloats(up);
  const to = toFloats(out, N * C);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const x = gates[n * ldX + c]!;
      to[n * C + c] = (x / (1 + Math.exp(-x))) * ups[n * ldX + c]!;
    }
  }
  storeFloats(out, to);
}

export const geglu: Kernels['geglu'] = (out, gate, up, { N, C, ldX = C }) => {
  const gates = toFloats(gate);
  const ups = toFloats(up);
  const to = toFloats(out, N * C);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) to[n * C + c] = gelu(gates[n * ldX + c]!).value * ups[n * ldX + c]!;
  }
  storeFloats(out, to);
};

export const gegluBackward: Kernels['gegluBackward'] = (dGate, dUp, dOut, gate, up, { N, C, ldX = C }) => {
  const gates = toFloats(gate);
  const ups = toFloats(up);
  const dFrom = toFloats(dOut, N * C);
  const dGates = toFloats(dGate);
  const dUps = toFloats(dUp);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const { value, slope } = gelu(gates[n * ldX + c]!);
      dGates[n * ldX + c] = dFrom[n * C + c]! * ups[n * ldX + c]! * slope;
      dUps[n * ldX + c] = dFrom[n * C + c]! * value;
    }
  }
  storeRows(dGate, dGates, { N, C, ld: ldX });
  storeRows(dUp, dUps, { N, C, ld: ldX });
};

/** The tanh form, and its derivative. */
function gelu(x: number): { value: number; slope: number } {
  const factor = Math.sqrt(2 / Math.PI);
  const t = Math.tanh(factor * (x + 0.044715 * x ** 3));
  const slope = 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * factor * (1 + 3 * 0.044715 * x * x);
  return { value: 0.5 * x * (1 + t), slope };
}

const ACTIVATED: Readonly<Record<Activation, (x: number) => { value: number; slope: number }>> = {
  relu: (x) => ({ value: Math.max(x, 0), slope: x > 0 ? 1 : 0 }),
  silu: (x) => {
    const s = 1 / (1 + Math.exp(-x));
    return { value: x * s, slope: s + x * s * (1 - s) };
  },
  gelu,
};

export const activate: Kernels['activate'] = (out, x, { length, activation }) => {
  const from = toFloats(x, length);
  const to = toFloats(out, length);
  for (let i = 0; i < length; i++) to[i] = ACTIVATED[activation](from[i]!).value;
  storeFloats(out, to);
};

export const activateBackward: Kernels['activateBackward'] = (dX, dOut, x, { length, activation }) => {
  const dFrom = toFloats(dOut, length);
  const from = toFloats(x, length);
  const to = toFloats(dX, length);
  for (let i = 0; i < length; i++) to[i] = dFrom[i]! * ACTIVATED[activation](from[i]!).slope;
  storeFloats(dX, to);
};

export const softCap: Kernels['softCap'] = (out, a, { length, cap }) => {
  const from = toFloats(a, length);
  const to = toFloats(out, length);
  for (let i = 0; i < length; i++) to[i] = cap * Math.tanh(from[i]! / cap);
  storeFloats(out, to);
};

export const softCapBackward: Kernels['softCapBackward'] = (dA, dOut, out, { length, cap }) => {
  const dFrom = toFloats(dOut, length);
  const values = toFloats(out, length);
  const to = toFloats(dA, length);
  for (let i = 0; i < length; i++) to[i] = dFrom[i]! * (1 - (values[i]! / cap) ** 2);
  storeFloats(dA, to);
};

export function swigluBackward(
  dGate: DeviceBuffer,
  dUp: DeviceBuffer,
  dOut: DeviceBuffer,
  gate: DeviceBuffer,
  up: DeviceBuffer,
  { N, C, ldX = C }: RowSizes,
): void {
  const gates = toFloats(gate);
  const ups = toFloats(up);
  const dFrom = toFloats(dOut, N * C);
  const dGates = toFloats(dGate);
  const dUps = toFloats(dUp);
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      const x = gates[n * ldX + c]!;
      const sigmoid = 1 / (1 + Math.exp(-x));
      dGates[n * ldX + c] = dFrom[n * C + c]! * ups[n * ldX + c]! * sigmoid * (1 + x * (1 - sigmoid));
      dUps[n * ldX + c] = dFrom[n * C + c]! * x * sigmoid;
    }
  }
  storeRows(dGate, dGates, { N, C, ld: ldX });
  storeRows(dUp, dUps, { N, C, ld: ldX });
}

export const tokenLogProbs: Kernels['tokenLogProbs'] = (
  logProbs,
  lse,
  entropy,
  meanLogProbs,
  top,
  logits,
  targets,
  { R, V },
) => {
  const scores = toFloats(logits, R * V);
  const target = toInts(targets);
  const tops = top === null ? null : toInts(top);
  const logSums = toFloats(lse);
  const logs = toFloats(logProbs);
  for (let r = 0; r < R; r++) {
    const at = r * V;
    let best = 0;
    for (let v = 1; v < V; v++) if (scores[at + v]! > scores[at + best]!) best = v;
    const largest = scores[at + best]!;
    let sum = 0;
    let weighted = 0;
    let total = 0;
    for (let v = 0; v < V; v++) {
      const shifted = scores[at + v]! - largest;
      const weight = Math.exp(shifted);
      sum += weight;
      weighted += weight * shifted;
      total += shifted;
    }
    const logSum = Math.log(sum);
    logSums[r] = largest + logSum;
    logs[r] = scores[at + target[r]!]! - largest - logSum;
    if (entropy !== null) toFloats(entropy)[r] = logSum - weighted / sum;
    if (meanLogProbs !== null) toFloats(meanLogProbs)[r] = total / V - logSum;
    if (tops !== null) tops[r] = best;
  }
};

export const tokenLogProbsBackward: Kernels['tokenLogProbsBackward'] = (
  dLogits,
  dLogProbs,
  dEntropy,
  dMean,
  logits,
  lse,
  entropy,
  targets,
  { R, V },
) => {
  const scores = toFloats(logits, R * V);
  const to = toFloats(dLogits, R * V);
  const target = toInts(targets);
  const logSums = toFloats(lse);
  const dLogs = toFloats(dLogProbs);
  const entropies = entropy === null ? null : toFloats(entropy);
  const dEntropies = dEntropy === null ? null : toFloats(dEntropy);
  const dMeans = dMean === null ? null : toFloats(dMean);
  for (let r = 0; r < R; r++) {
    const at = r * V;
    const dLog = dLogs[r]!;
    const dRowEntropy = dEntropies === null ? 0 : dEntropies[r]!;
    const dRowMean = dMeans === null ? 0 : dMeans[r]!;
    const rowEntropy = entropies === null ? 0 : entropies[r]!;
    for (let v = 0; v < V; v++) {
      const logP = scores[at + v]! - logSums[r]!;
      const p = Math.exp(logP);
      to[at + v] =
        dLog * ((v === target[r]! ? 1 : 0) - p) - dRowEntropy * p * (logP + rowEntropy) + dRowMean * (1 / V - p);
    }
  }
  storeFloats(dLogits, to);
};
