/** When a plan cannot be kept: which wish to give up so that it can. */
import type { FormPlan } from './plan.ts';

const OPTIONS = ['firstLineRhymes', 'start', 'variant', 'rhymeGroup', 'noRepeatedCharacters', 'forbiddenCharacters'];

interface Relaxation {
  readonly label: string;
  apply(plan: FormPlan): FormPlan;
}

/** Tries to leave out one wish, then two; the order is from what a person misses least. */
export function nearestPlan(
  plan: FormPlan,
  isSatisfiable: (plan: FormPlan) => boolean,
): { plan: FormPlan; dropped: string[] } | undefined {
  const relaxations = listRelaxations(plan);
  for (const relaxation of relaxations) {
    const relaxed = relaxation.apply(plan);
    if (isSatisfiable(relaxed)) return { plan: relaxed, dropped: [relaxation.label] };
  }
  for (const [index, first] of relaxations.entries()) {
    for (const second of relaxations.slice(index + 1)) {
      const relaxed = second.apply(first.apply(plan));
      if (isSatisfiable(relaxed)) return { plan: relaxed, dropped: [first.label, second.label] };
    }
  }
  return undefined;
}

function listRelaxations(plan: FormPlan): Relaxation[] {
  const relaxations: Relaxation[] = [];
  for (const key of OPTIONS) {
    const value: unknown = (plan as unknown as Record<string, unknown>)[key];
    if (value === undefined || (key === 'noRepeatedCharacters' && value === false)) continue;
    relaxations.push({ label: key, apply: (from) => without(from, key) });
  }
  const { fixed = [] } = plan;
  for (const one of fixed) {
    relaxations.push({
      label: `the fixed ${one.character} (line ${one.line} position ${one.position})`,
      apply: (from) => ({ ...from, fixed: (from.fixed ?? []).filter((other) => other !== one) }),
    });
  }
  for (const line of new Set(fixed.map((one) => one.line))) {
    if (fixed.filter((one) => one.line === line).length < 2) continue;
    relaxations.push({
      label: `the fixed line ${line}`,
      apply: (from) => ({ ...from, fixed: (from.fixed ?? []).filter((other) => other.line !== line) }),
    });
  }
  return relaxations;
}

function without(plan: FormPlan, key: string): FormPlan {
  const copy: Record<string, unknown> = { ...plan };
  delete copy[key];
  return copy as unknown as FormPlan;
}
