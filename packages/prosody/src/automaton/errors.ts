import type { FormPlan } from './plan.ts';

/** Which part of the plan stands in the way. */
export type PlanErrorCode =
  | 'PLAN_INVALID'
  | 'PLAN_UNKNOWN_TUNE'
  | 'PLAN_UNKNOWN_VARIANT'
  | 'PLAN_UNKNOWN_RHYME'
  | 'PLAN_UNSATISFIABLE';

/** No poem can satisfy the plan; `nearest` is the plan with as little as possible given up, if one was found. */
export class PlanError extends Error {
  override readonly name = 'PlanError';
  readonly code: PlanErrorCode;
  /** What to give up, as a sentence. */
  readonly hint: string | undefined;
  readonly nearest: FormPlan | undefined;

  constructor(code: PlanErrorCode, message: string, more: { hint?: string; nearest?: FormPlan } = {}) {
    super(message);
    this.code = code;
    this.hint = more.hint;
    this.nearest = more.nearest;
  }
}
