/** Words about a verdict. */
import type { Finding, Grade, Verdict } from '@tuiqiao/prosody/lazy';
import { CHOICE_LABELS, type Language, say } from '../words.ts';

const GRAVEST_FIRST: readonly Grade[] = ['疵', '拗可', '多音', '合'];

export type Outcome = 'kept' | 'tolerated' | 'broken' | 'noForm';

export function outcomeOf({ form, tune, strict, lenient }: Verdict): Outcome {
  if (form === null && tune === null) return 'noForm';
  return strict.all ? 'kept' : lenient.all ? 'tolerated' : 'broken';
}

/** 七绝 · 仄起 · 首句入韵 · 下平尤韵 · 平水韵 */
export function describeVerdict(verdict: Verdict, language: Language): string {
  const { form, tune, start, firstLineRhymes, variant, rhyme, book } = verdict;
  const group =
    rhyme === null ? '' : rhyme.group.endsWith('部') ? rhyme.group + rhyme.level : rhyme.level + rhyme.group;
  const parts = [
    tune ?? form,
    start,
    firstLineRhymes === true ? say(language, 'firstLineRhymes') : null,
    variant,
    group === '' ? null : language === 'zh' ? `${group}韵` : `${say(language, 'rhymeGroup')} ${group}`,
    form === null ? null : (CHOICE_LABELS[book]?.[language] ?? book),
  ];
  return parts.filter((part) => part !== null).join(' · ');
}

export function byGravity(findings: readonly Finding[]): Finding[] {
  return findings.toSorted(
    (a, b) =>
      GRAVEST_FIRST.indexOf(a.verdict) - GRAVEST_FIRST.indexOf(b.verdict) ||
      a.line - b.line ||
      (a.position ?? 0) - (b.position ?? 0),
  );
}
