/** What is made of logits: log-probabilities of tokens, and tokens drawn. Legend and rules: `../contract.ts`. */
import type { DeviceBuffer } from './buffers.ts';
import type { TokenChoice, TokenRequest } from './sampling.ts';

export interface HeadKernels {
  /**
   * From logits [R, V]: lse[r] = log Σ_v exp(logits[r, v]); logProbs[r] = logits[r, targets[r]] − lse[r];
   * when given, entropy[r] = lse[r] − Σ_v p_v·logits[r, v]; meanLogProbs[r] = mean_v(logits[r, v]) − lse[r];
   * top[r] = arg max (lowest index on a tie), i32. logits any float type; the rest f32 [R].
   */
  tokenLogProbs(
    logProbs: DeviceBuffer,
    lse: DeviceBuffer,
    entropy: DeviceBuffer | null,
    meanLogProbs: DeviceBuffer | null,
    top: DeviceBuffer | null,
    logits: DeviceBuffer,
    targets: DeviceBuffer,
    sizes: { R: number; V: number },
  ): void;
  /**
   * dLogits[r, v] = dLogProbs[r]·(1[v = target] − p_v) + dEntropy[r]·(−p_v·(log p_v + entropy[r]))
   * + dMean[r]·(1/V − p_v), p_v = exp(logits[r, v] − lse[r]). dLogits may alias logits; any float types.
   */
  tokenLogProbsBackward(
    dLogits: DeviceBuffer,
    dLogProbs: DeviceBuffer,
    dEntropy: DeviceBuffer | null,
    dMean: DeviceBuffer | null,
    logits: DeviceBuffer,
    lse: DeviceBuffer,
    entropy: DeviceBuffer | null,
    targets: DeviceBuffer,
    sizes: { R: number; V: number },
  ): void;
  /**
   * One token for each request over rows of logits [·, V] (f32; changed meanwhile, and left as they were). In this order:
   * penalties, bans, bias, mask, temperature, top-k (and ties of the k-th), top-p, min-p, typical, the draw; sums in
   * double. A request's answer does not depend on the others.
   */
  chooseTokens(
    logits: DeviceBuffer,
    requests: readonly TokenRequest[],
    sizes: { V: number },
  ): Promise<readonly TokenChoice[]>;
  /** The probabilities [V] that such a draw is made from. Temperature must not be 0. */
  tokenProbabilities(logits: DeviceBuffer, request: TokenRequest, sizes: { V: number }): Promise<Float64Array>;
}
