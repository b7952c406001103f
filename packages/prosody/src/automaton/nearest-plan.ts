/** When a plan cannot be kept: which wish to give up so that it can. */
import type { Words } from './errors.ts';
import type { FormPlan } from './plan.ts';

/** By the key of the plan, from what a person misses least. */
const OPTIONS: Readonly<Record<string, Words>> = {
  firstLineRhymes: { en: 'firstLineRhymes', zh: '首句入韵与否' },
  start: { en: 'start', zh: '平起或仄起' },
  variant: { en: 'variant', zh: '词谱别体' },
  rhymeGroup: { en: 'rhymeGroup', zh: '韵部' },
  noRepeatedCharacters: { en: 'noRepeatedCharacters', zh: '不重字' },
  forbiddenCharacters: { en: 'forbiddenCharacters', zh: '禁用的字' },
};

interface Relaxation {
  readonly label: Words;
  apply(plan: FormPlan): FormPlan;
}

/** Tries to leave out one wish, then two; the order is from what a person misses least. */
export function nearestPlan(
  plan: FormPlan,
  isSatisfiable: (plan: FormPlan) => boolean,
): { plan: FormPlan; dropped: Words[] } | undefined {
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
  for (const [key, label] of Object.entries(OPTIONS)) {
    const value: unknown = (plan as unknown as Record<string, unknown>)[key];
    if (value === undefined || (key === 'noRepeatedCharacters' && value === false)) continue;
    relaxations.push({ label, apply: (from) => without(from, key) });
  }
  const { fixed = [] } = plan;
  for (const one of fixed) {
    relaxations.push({
      label: {
        en: `the fixed ${one.character} (line ${one.line} position ${one.position})`,
        zh: `第${one.line}句第${one.position}字指定的“${one.character}”`,
      },
      apply: (from) => ({ ...from, fixed: (from.fixed ?? []).filter((other) => other !== one) }),
    });
  }
  for (const line of new Set(fixed.map((one) => one.line))) {
    if (fixed.filter((one) => one.line === line).length < 2) continue;
    relaxations.push({
      label: { en: `the fixed line ${line}`, zh: `第${line}句指定的字` },
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
