/**
 * The frozen reference of on-policy training, on the model it is compared with: a copy of the starting adapter, or no
 * adapter at all. One set of base weights serves policy and reference; adapters are switched, never moved.
 */
import type { LanguageModel } from '@tuiqiao/lm';
import { type Arena, createArena, type LowRankDelta } from '@tuiqiao/tensor';
import { TuneError } from './errors.ts';
import { type Adapter, copyAdapter, setAdapterScale } from './lora/adapter.ts';
import { computeTypeOf, scoreSequences } from './micro-batch.ts';
import type { Sequence } from './packing.ts';
import type { ReferenceKind } from './reference.ts';

export interface FrozenReference {
  readonly kind: ReferenceKind;
  /** Runs `work` with the reference in the policy's place. */
  during<T>(work: () => Promise<T>): Promise<T>;
}

/** `start`: the policy's adapter as it is now, copied. `base`: the model without any adapter. To be called before training. */
export function freezeReference(model: LanguageModel, policy: Adapter, kind: ReferenceKind): FrozenReference {
  const copy = kind === 'start' ? copyAdapter(model, policy, `${policy.name} (reference)`) : null;
  let isOfUse: boolean | undefined;
  return {
    kind,
    during: async (work) => {
      // A new adapter changes nothing: leaving its copy out gives the same bits for less work.
      isOfUse ??= copy !== null && !(await addsNothing(model, copy));
      const own = copy === null ? allDeltas(model) : [...policy.deltas.values()];
      const before = own.map((delta) => ({ delta, scaling: delta.scaling }));
      for (const delta of own) delta.scaling = 0;
      if (isOfUse) setAdapterScale(copy!, 1);
      try {
        return await work();
      } finally {
        if (isOfUse) setAdapterScale(copy!, 0);
        for (const { delta, scaling } of before) delta.scaling = scaling;
      }
    },
  };
}

/** All of B is 0, and no magnitude takes the place of the weight's own. */
async function addsNothing({ kernels }: LanguageModel, adapter: Adapter): Promise<boolean> {
  for (const { b, magnitude } of adapter.deltas.values()) {
    if (magnitude || !(await kernels.read(b.value)).every((value) => value === 0)) return false;
  }
  return true;
}

function allDeltas(model: LanguageModel): LowRankDelta[] {
  return [...model.linears.values()].flatMap((linear) => linear.deltas);
}

/** Largest |policy − reference| of a token, in nats, that rounding can explain: both read the same packed batch. */
const START_TOLERANCE = { f32: 1e-5, bf16: 1e-2 } as const;

/**
 * Before step 1: policy and a `start` reference must say the same of given sequences.
 *
 * @returns a sentence for the run's notes
 * @throws TuneError `grpo-start-mismatch`
 */
export async function checkReferenceStart(
  model: LanguageModel,
  reference: FrozenReference,
  sequences: readonly Sequence[],
  arena: Arena = createArena(model.kernels),
): Promise<string> {
  const score = () => scoreSequences(model, arena, sequences);
  const policy = await score();
  const frozen = await reference.during(score);
  let largest = 0;
  for (let r = 0; r < policy.logProbs.length; r++) {
    const difference = Math.abs(policy.logProbs[r]! - frozen.logProbs[r]!);
    // A comparison that NaN fails, so that a broken reference does not pass.
    if (!(difference <= largest)) largest = difference;
  }
  const tolerance = START_TOLERANCE[computeTypeOf(model)];
  if (reference.kind === 'start' && !(largest <= tolerance)) {
    throw new TuneError(
      'grpo-start-mismatch',
      `reference: expected the policy's own log-probabilities at step 0 within ${tolerance} per token, got a difference of ${largest.toPrecision(3)}`,
      { hint: 'the reference was frozen after training had begun, or from another adapter' },
    );
  }
  return `policy and reference at the start: largest difference of a token's log-probability ${largest.toExponential(2)} over ${sequences.length} texts`;
}
