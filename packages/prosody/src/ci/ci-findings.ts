/** Readings, findings and scores of a ci, as the verdict has them. */
import type { Book } from '../book-types.ts';
import { withSuggestion } from '../lazy-verdict.ts';
import type { Language } from '../messages.ts';
import { describePolyphone } from '../polyphones.ts';
import type { Script } from '../scripts.ts';
import { suggestCharacters } from '../suggest.ts';
import { toneByContext } from '../tone-context.ts';
import { usualTone } from '../tone-usage.ts';
import type { Finding, LineReading, Polyphone, Score, ToneMark, Verdict } from '../verdict.ts';
import { CI_ISSUES, type CiFacts, wordCiIssue } from './ci-wording.ts';
import { groupName, type RhymeJudged } from './judge-ci-rhyme.ts';
import type { CiIssue, SetText } from './set-text.ts';
import type { VariantShape } from './variant-shape.ts';

const MARKS: readonly ToneMark[] = ['？', '平', '仄', '多'];

/** The lines with their tones. */
export function readCiLines(set: SetText, slotOf: Int32Array, shape: VariantShape, script: Script): LineReading[] {
  let index = 0;
  return set.lines.map((line) => {
    const readings: ToneMark[] = [];
    let tones = '';
    for (const position of line.chars.keys()) {
      const mask = set.known[index]!;
      readings.push(MARKS[mask]!);
      tones +=
        mask === 3 ? decideCiTone(line.chars, position, slotBitsAt(slotOf, shape, index), script).tone : MARKS[mask]!;
      index++;
    }
    return { text: line.text, tones, readings };
  });
}

/** Tone bits of the slot of a character; 3 where it has none. */
function slotBitsAt(slotOf: Int32Array, shape: VariantShape, index: number): number {
  const slot = slotOf[index] ?? -1;
  return slot < 0 ? 3 : shape.slots[slot]!;
}

/** The tone that a character with both is read in, and why. */
function decideCiTone(
  chars: readonly string[],
  position: number,
  wanted: number,
  script: Script,
): Pick<Polyphone, 'tone' | 'by'> {
  const toneOf = (bits: number) => (bits === 1 ? '平' : '仄');
  if (wanted !== 3) return { tone: toneOf(wanted), by: 'slot' };
  const char = chars[position]!;
  const near = toneByContext(char, chars[position - 1], chars[position + 1], script);
  return near === null ? { tone: toneOf(usualTone(char, script)), by: 'usage' } : { tone: toneOf(near), by: 'context' };
}

/** 多音: every character with both tones, and how it is read. */
export function listCiPolyphones(
  set: SetText,
  slotOf: Int32Array,
  shape: VariantShape,
  book: Book,
  script: Script,
): Polyphone[] {
  return set.places.flatMap(({ line, position }, index): Polyphone[] => {
    if (set.known[index] !== 3) return [];
    const { chars } = set.lines[line]!;
    const decided = decideCiTone(chars, position, slotBitsAt(slotOf, shape, index), script);
    return [describePolyphone(chars[position]!, { line, position }, decided, book, script)];
  });
}

/** Puts an issue into words. */
export function describeCiIssue(
  issue: CiIssue,
  set: SetText,
  book: Book,
  script: Script,
  names: Pick<CiFacts, 'tune' | 'variant'>,
  lang: Language,
): Finding {
  const { rule, grade, name } = CI_ISSUES[issue.kind];
  const char = issue.position < 0 ? undefined : set.lines[issue.line]?.chars[issue.position];
  const facts: CiFacts = {
    ...names,
    line: issue.line + 1,
    position: issue.position + 1,
    char: char ?? '',
    wanted: issue.wanted === 1 ? '平' : '仄',
    group: issue.group === undefined ? '' : groupName(issue.group, book, script),
    count: issue.count ?? 0,
    expected: issue.expected ?? 0,
    rhymes: (issue.rhymes ?? []).map(({ tone, lines }) => ({
      tone: tone === 1 ? '平' : '仄',
      lines: lines.map((line) => line + 1).join(lang === 'en' ? ', ' : '、'),
    })),
    words: '',
  };
  const { message, suggestion } = wordCiIssue(issue.kind, facts, lang);
  const finding: Finding = {
    rule,
    name,
    line: issue.line + 1,
    ...(issue.position < 0 ? {} : { position: issue.position + 1 }),
    ...(char === undefined ? {} : { char }),
    verdict: grade,
    message,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
  const { wanted, group } = issue;
  if (char === undefined || suggestion === undefined || (wanted !== 1 && wanted !== 2)) return finding;
  return withSuggestion(finding, () => {
    const fitting = { tone: wanted, ...(group === undefined ? {} : { group }) } as const;
    const words = suggestCharacters(char, fitting, book, script, new Set(set.flat.chars));
    return wordCiIssue(issue.kind, { ...facts, words: words.join(lang === 'en' ? ', ' : '、') }, lang).suggestion;
  });
}

/** Strict: no 疵 and no 拗可; lenient: no 疵. */
export function scoreCi(issues: readonly CiIssue[], rhyme: RhymeJudged): Pick<Verdict, 'strict' | 'lenient'> {
  const strict = { length: true, rhyme: true, meter: true };
  const lenient = { length: true, rhyme: true, meter: true };
  for (const { kind } of issues) {
    const { grade, aspect } = CI_ISSUES[kind];
    if (grade === '疵') lenient[aspect] = false;
    if (grade === '疵' || grade === '拗可') strict[aspect] = false;
  }
  // A line too many, too few or of another length has no tones to keep, and without a rhyme word there is no rhyme.
  if (!strict.length) {
    strict.meter = false;
    lenient.meter = false;
  }
  if (rhyme.hasUnknown) strict.rhyme = false;
  if (rhyme.sets.every((set) => set.group === null)) {
    strict.rhyme = false;
    lenient.rhyme = false;
  }
  const close = (score: Omit<Score, 'all'>): Score => ({ ...score, all: score.length && score.rhyme && score.meter });
  return { strict: close(strict), lenient: close(lenient) };
}
