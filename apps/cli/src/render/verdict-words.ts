/** Words about a verdict that the terminal, the page and the table share. */
import type { Finding, Grade, Polyphone, Verdict } from '@tuiqiao/prosody';
import { type Language, translate } from '../messages.ts';

export const BOOK_NAMES: Readonly<Record<Verdict['book'], string>> = {
  pingshui: '平水韵',
  cilin: '词林正韵',
  xinyun: '中华新韵',
  tongyun: '中华通韵',
  guangyun: '廣韻',
};

/** Worst first: the order in which findings are told. */
export const GRADES: readonly Grade[] = ['疵', '拗可', '多音', '合'];

/** 下平尤, but 第三部平: the parts of 词林正韵 are named before their level. */
export function nameRhyme({ group, level }: NonNullable<Verdict['rhyme']>): string {
  return /部$/u.test(group) ? `${group}${level}` : `${level}${group}`;
}

/** 平起, 首句入韵, 钦定词谱 1: what stands in brackets after the form. */
export function formDetails(verdict: Verdict, language: Language): string[] {
  return [
    verdict.start,
    verdict.firstLineRhymes === null
      ? null
      : translate(language, verdict.firstLineRhymes ? 'firstLineRhymes' : 'firstLineFree'),
    verdict.variant,
  ].filter((detail): detail is string => detail !== null);
}

export function nameForm(verdict: Verdict, language: Language): string {
  return verdict.tune ?? verdict.form ?? translate(language, 'unknownForm');
}

/** 合律 · 宽松合律 · 不合律 */
export function outcomeOf(verdict: Verdict): 'flawless' | 'tolerated' | 'faulty' {
  if (verdict.strict.all) return 'flawless';
  return verdict.lenient.all ? 'tolerated' : 'faulty';
}

export function sortFindings(findings: readonly Finding[]): Finding[] {
  return [...findings].sort(
    (a, b) =>
      GRADES.indexOf(a.verdict) - GRADES.indexOf(b.verdict) || a.line - b.line || (a.position ?? 0) - (b.position ?? 0),
  );
}

/** The worst grade of the findings at a place of a poem, or undefined. */
export function gradeAt(findings: readonly Finding[], line: number, position: number): Grade | undefined {
  return GRADES.find((grade) =>
    findings.some((finding) => finding.verdict === grade && finding.line === line && finding.position === position),
  );
}

/** A tone that verse gives a character less often than this is left out, unless it is the one taken here. */
const RARE = 0.03;

function isWorthNaming({ readings, tone }: Polyphone): boolean {
  const rarer = Math.min(...readings.map(({ share }) => share ?? 1));
  return rarer >= RARE || readings.some(({ tone: own, share }) => own === tone && share === rarer);
}

/** 看 平（寒） 仄（翰）→平: both readings and the one taken here, by line. */
export function namePolyphones(verdict: Verdict): { readonly line: number; readonly words: readonly string[] }[] {
  const byLine = new Map<number, string[]>();
  for (const polyphone of verdict.polyphones ?? []) {
    if (!isWorthNaming(polyphone)) continue;
    const { line, char, tone, readings } = polyphone;
    const groups = (own: '平' | '仄') =>
      [...new Set(readings.filter((reading) => reading.tone === own).map(({ group }) => group))].join('、');
    const commonestFirst = readings[0]?.tone === '仄' ? (['仄', '平'] as const) : (['平', '仄'] as const);
    const word = `${char} ${commonestFirst.map((own) => `${own}（${groups(own)}）`).join('')}→${tone}`;
    const words = byLine.get(line);
    if (words === undefined) byLine.set(line, [word]);
    else words.push(word);
  }
  return [...byLine].map(([line, words]) => ({ line, words }));
}
