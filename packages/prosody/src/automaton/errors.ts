import type { FormPlan } from './plan.ts';

/** Which part of the plan stands in the way. */
export type PlanErrorCode =
  | 'PLAN_INVALID'
  | 'PLAN_UNKNOWN_TUNE'
  | 'PLAN_UNKNOWN_VARIANT'
  | 'PLAN_UNKNOWN_RHYME'
  | 'PLAN_UNSATISFIABLE';

/** A sentence, or a part of one, in both languages. */
export interface Words {
  readonly en: string;
  readonly zh: string;
}

/** No poem can satisfy the plan; `nearest` is the plan with as little as possible given up, if one was found. */
export class PlanError extends Error {
  override readonly name = 'PlanError';
  readonly code: PlanErrorCode;
  /** What to give up, as a sentence. */
  readonly hint: string | undefined;
  readonly nearest: FormPlan | undefined;
  /** Message and hint in Chinese. */
  readonly zh: { readonly message: string; readonly hint?: string };

  /** @param words the message in both languages */
  constructor(code: PlanErrorCode, words: Words, more: { hint?: Words; nearest?: FormPlan } = {}) {
    super(words.en);
    this.code = code;
    this.hint = more.hint?.en;
    this.nearest = more.nearest;
    this.zh = { message: words.zh, ...(more.hint === undefined ? {} : { hint: more.hint.zh }) };
  }
}
