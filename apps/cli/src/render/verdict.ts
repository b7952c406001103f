/**
 * A verdict for a reader: each line with its tone marks beside it, rhymes and faults coloured, the findings in sentences.
 * Marks stand beside the line, not beneath: in many fonts ○ and ● are one cell wide where the characters are two.
 */
import type { Finding, Grade, LineReading, Verdict } from '@tuiqiao/prosody';
import type { Language, MessageKey } from '../messages.ts';
import { translate } from '../messages.ts';
import type { Colours } from '../session.ts';
import { padEnd, padStart, widest } from './align.ts';

const BOOK_NAMES: Readonly<Record<Verdict['book'], string>> = {
  pingshui: '平水韵',
  cilin: '词林正韵',
  xinyun: '中华新韵',
  tongyun: '中华通韵',
  guangyun: '廣韻',
};

/** Worst first: the order in which findings are told. */
const GRADES: readonly Grade[] = ['疵', '拗可', '多音', '合'];

function gradeColour(grade: Grade, colours: Colours): (text: string) => string {
  switch (grade) {
    case '疵':
      return colours.red;
    case '拗可':
      return colours.yellow;
    case '多音':
      return colours.blue;
    case '合':
      return colours.green;
    default:
      grade satisfies never;
      return String;
  }
}

/** ○ 平 ● 仄 ◎ read both ways ？ unknown; coloured by the tone the slot decides. */
function toneMarks(line: LineReading, colours: Colours): string {
  return line.readings
    .map((reading, index) => {
      const isLevel = line.tones[index] === '平';
      const colour = isLevel ? colours.cyan : colours.magenta;
      if (reading === '？') return colours.red('？');
      return colour(reading === '多' ? '◎' : isLevel ? '○' : '●');
    })
    .join('');
}

function findingsAt(findings: readonly Finding[], line: number, position: number): Finding[] {
  return findings.filter((finding) => finding.line === line && finding.position === position);
}

/** The line's characters: faults in their colour, the rhyme underlined, punctuation as it is. */
function colourLine(text: string, line: number, verdict: Verdict, colours: Colours): string {
  const letters = [...text];
  const last = letters.findLastIndex((letter) => /\p{Script=Han}/u.test(letter));
  let position = 0;
  return letters
    .map((letter, index) => {
      if (!/[\p{Script=Han}\p{Extended_Pictographic}]/u.test(letter)) return letter;
      position++;
      const worst = GRADES.find((grade) =>
        findingsAt(verdict.findings, line, position).some((finding) => finding.verdict === grade),
      );
      const coloured = worst === '疵' || worst === '拗可' ? colours.bold(gradeColour(worst, colours)(letter)) : letter;
      const isRhyme = index === last && verdict.rhyme?.lines.includes(line) === true;
      return isRhyme ? colours.underline(coloured) : coloured;
    })
    .join('');
}

/** 下平尤, but 第三部平: the parts of 词林正韵 are named before their level. */
function nameRhyme({ group, level }: NonNullable<Verdict['rhyme']>): string {
  return /部$/u.test(group) ? `${group}${level}` : `${level}${group}`;
}

function bracket(form: string, details: readonly string[], language: Language): string {
  return language === 'zh' ? `${form}（${details.join('，')}）` : `${form} (${details.join(', ')})`;
}

function heading(verdict: Verdict, title: string | undefined, language: Language, colours: Colours): string {
  const text = (key: MessageKey) => translate(language, key);
  const form = verdict.tune ?? verdict.form ?? text('unknownForm');
  const details = [
    verdict.start,
    verdict.firstLineRhymes === null ? null : text(verdict.firstLineRhymes ? 'firstLineRhymes' : 'firstLineFree'),
    verdict.variant,
  ].filter((detail): detail is string => detail !== null);
  const group = verdict.rhyme === null ? '' : ` ${nameRhyme(verdict.rhyme)}`;
  const outcome = verdict.strict.all
    ? colours.green(text('flawless'))
    : verdict.lenient.all
      ? colours.yellow(text('tolerated'))
      : colours.red(text('faulty'));
  const parts = [
    title === undefined || title === '' ? null : colours.bold(title),
    details.length > 0 ? bracket(form, details, language) : form,
    `${BOOK_NAMES[verdict.book]}${group}`,
    outcome,
  ];
  return parts.filter((part) => part !== null).join(' · ');
}

function findingLines(verdict: Verdict, language: Language, colours: Colours): string[] {
  const sorted = [...verdict.findings].sort(
    (a, b) =>
      GRADES.indexOf(a.verdict) - GRADES.indexOf(b.verdict) || a.line - b.line || (a.position ?? 0) - (b.position ?? 0),
  );
  return sorted.flatMap((finding) => {
    const grade = gradeColour(finding.verdict, colours)(padEnd(finding.verdict, 4));
    const place = `${finding.line}${finding.position === undefined ? '' : `.${finding.position}`}`;
    const first = `  ${grade}  ${padEnd(place, 5)} ${colours.bold(finding.name)}  ${finding.message}`;
    if (finding.suggestion === undefined) return [first];
    return [first, `${' '.repeat(15)}${colours.dim(`${translate(language, 'suggestion')} ${finding.suggestion}`)}`];
  });
}

/** One poem's verdict as a block of lines. */
export function renderVerdict(
  verdict: Verdict,
  title: string | undefined,
  language: Language,
  colours: Colours,
): string {
  const width = widest(verdict.lines.map((line) => line.text));
  const markWidth = Math.max(0, ...verdict.lines.map((line) => line.readings.length));
  const lines = verdict.lines.map((line, index) => {
    const number = index + 1;
    const text = padEnd(colourLine(line.text, number, verdict, colours), width);
    const marks = toneMarks(line, colours) + ' '.repeat(markWidth - line.readings.length);
    const names = verdict.findings
      .filter((finding) => finding.line === number && (finding.verdict === '疵' || finding.verdict === '拗可'))
      .map((finding) => gradeColour(finding.verdict, colours)(finding.name));
    const rhyme = verdict.rhyme?.lines.includes(number) === true ? colours.underline('韵') : '  ';
    return `  ${colours.dim(padStart(String(number), 2))}  ${text}  ${marks}  ${rhyme}  ${[...new Set(names)].join(' ')}`.trimEnd();
  });
  const findings = findingLines(verdict, language, colours);
  return [
    heading(verdict, title, language, colours),
    '',
    ...lines,
    ...(findings.length > 0 ? ['', ...findings] : []),
  ].join('\n');
}
