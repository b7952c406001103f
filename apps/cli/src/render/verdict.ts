/**
 * A verdict for a reader: each line with its tone marks beside it, rhymes and faults coloured, the findings in sentences.
 * Marks stand beside the line, not beneath: in many fonts ○ and ● are one cell wide where the characters are two.
 */
import type { Grade, LineReading, Verdict } from '@tuiqiao/prosody';
import { type Language, translate } from '../messages.ts';
import type { Colours } from '../session.ts';
import { padEnd, padStart, widest } from './align.ts';
import {
  BOOK_NAMES,
  formDetails,
  gradeAt,
  nameForm,
  namePolyphones,
  nameRhyme,
  outcomeOf,
  sortFindings,
} from './verdict-words.ts';

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

const isDeparture = (grade: Grade | undefined): grade is '疵' | '拗可' => grade === '疵' || grade === '拗可';

/** ○ 平 ● 仄 ◎ read both ways ？ unknown; coloured by the tone the slot decides, a departure by its grade. */
function toneMarks(line: LineReading, number: number, verdict: Verdict, colours: Colours): string {
  return line.readings
    .map((reading, index) => {
      const isLevel = line.tones[index] === '平';
      if (reading === '？') return colours.red('？');
      const mark = reading === '多' ? '◎' : isLevel ? '○' : '●';
      const grade = gradeAt(verdict.findings, number, index + 1);
      if (isDeparture(grade)) return colours.bold(gradeColour(grade, colours)(mark));
      return (isLevel ? colours.cyan : colours.magenta)(mark);
    })
    .join('');
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
      const worst = gradeAt(verdict.findings, line, position);
      const coloured = isDeparture(worst) ? colours.bold(gradeColour(worst, colours)(letter)) : letter;
      const isRhyme = index === last && verdict.rhyme?.lines.includes(line) === true;
      return isRhyme ? colours.underline(coloured) : coloured;
    })
    .join('');
}

function bracket(form: string, details: readonly string[], language: Language): string {
  return language === 'zh' ? `${form}（${details.join('，')}）` : `${form} (${details.join(', ')})`;
}

const OUTCOME_COLOURS = { flawless: 'green', tolerated: 'yellow', faulty: 'red' } as const;

function heading(verdict: Verdict, title: string | undefined, language: Language, colours: Colours): string {
  const form = nameForm(verdict, language);
  const details = formDetails(verdict, language);
  const group = verdict.rhyme === null ? '' : ` ${nameRhyme(verdict.rhyme)}`;
  const outcome = outcomeOf(verdict);
  const parts = [
    title === undefined || title === '' ? null : colours.bold(title),
    details.length > 0 ? bracket(form, details, language) : form,
    `${BOOK_NAMES[verdict.book]}${group}`,
    colours[OUTCOME_COLOURS[outcome]](translate(language, outcome)),
  ];
  return parts.filter((part) => part !== null).join(' · ');
}

function findingLines(verdict: Verdict, language: Language, colours: Colours): string[] {
  return sortFindings(verdict.findings).flatMap((finding) => {
    const grade = gradeColour(finding.verdict, colours)(padEnd(finding.verdict, 4));
    const place = `${finding.line}${finding.position === undefined ? '' : `.${finding.position}`}`;
    const first = `  ${grade}  ${padEnd(place, 5)} ${colours.bold(finding.name)}  ${finding.message}`;
    if (finding.suggestion === undefined) return [first];
    return [first, `${' '.repeat(15)}${colours.dim(`${translate(language, 'suggestion')} ${finding.suggestion}`)}`];
  });
}

/** The couplets of 律诗 with their scores for 对仗; the middle ones are the ones that ought to have it. */
function coupletLine(verdict: Verdict, language: Language, colours: Colours): string[] {
  const couplets = verdict.parallelism?.couplets ?? [];
  if (couplets.length === 0) return [];
  const scores = couplets.map(({ lines, score }) => `${lines.join('–')} ${score.toFixed(2)}`);
  return [`  ${colours.dim(`${translate(language, 'parallelism')} ${scores.join(' · ')}`)}`];
}

/** 多音: what has two readings, a row for each line of the poem that has any. */
function polyphoneLines(verdict: Verdict, language: Language, colours: Colours): string[] {
  return namePolyphones(verdict).map(
    ({ line, words }) =>
      `  ${colours.blue(padEnd(translate(language, 'polyphones'), 4))}  ${padEnd(String(line), 5)} ${colours.dim(words.join(' · '))}`,
  );
}

/** One poem's verdict as a block of lines. */
export function renderVerdict(
  verdict: Verdict,
  title: string | undefined,
  language: Language,
  colours: Colours,
): string {
  const width = widest(verdict.lines.map((line) => line.text));
  const markWidth = verdict.lines.reduce((most, line) => Math.max(most, line.readings.length), 0);
  const lines = verdict.lines.map((line, index) => {
    const number = index + 1;
    const text = padEnd(colourLine(line.text, number, verdict, colours), width);
    const marks = toneMarks(line, number, verdict, colours) + ' '.repeat(markWidth - line.readings.length);
    const names = verdict.findings
      .filter((finding) => finding.line === number && isDeparture(finding.verdict))
      .map((finding) => gradeColour(finding.verdict, colours)(finding.name));
    const rhyme = verdict.rhyme?.lines.includes(number) === true ? colours.underline('韵') : '  ';
    return `  ${colours.dim(padStart(String(number), 2))}  ${text}  ${marks}  ${rhyme}  ${[...new Set(names)].join(' ')}`.trimEnd();
  });
  const findings = findingLines(verdict, language, colours);
  const couplets = coupletLine(verdict, language, colours);
  const polyphones = polyphoneLines(verdict, language, colours);
  return [
    heading(verdict, title, language, colours),
    '',
    ...lines,
    ...(findings.length + couplets.length + polyphones.length > 0 ? [''] : []),
    ...findings,
    ...polyphones,
    ...couplets,
  ].join('\n');
}
