/** Verdicts as rows of CSV (RFC 4180): what a spreadsheet sorts and counts. */
import type { Verdict } from '@tuiqiao/prosody';
import { nameRhyme, sortFindings } from './verdict-words.ts';

const COLUMNS = [
  'id',
  'title',
  'text',
  'form',
  'tune',
  'variant',
  'start',
  'first_line_rhymes',
  'book',
  'rhyme',
  'strict_length',
  'strict_rhyme',
  'strict_meter',
  'strict_all',
  'lenient_length',
  'lenient_rhyme',
  'lenient_meter',
  'lenient_all',
  'faults',
  'findings',
] as const;

function toCell(value: string | number | boolean | null | undefined): string {
  const text = String(value ?? '');
  return /[",\r\n]/u.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export const CSV_HEADER = `${COLUMNS.join(',')}\r\n`;

/** One row. Findings are `疵 2.4 失对`, worst first, separated by semicolons. */
export function verdictRow(verdict: Verdict, poem: { readonly text: string; readonly title?: string }): string {
  const { strict, lenient, rhyme } = verdict;
  const findings = sortFindings(verdict.findings).map(
    ({ verdict: grade, line, position, name }) =>
      `${grade} ${line}${position === undefined ? '' : `.${position}`} ${name}`,
  );
  const cells: Record<(typeof COLUMNS)[number], string | number | boolean | null | undefined> = {
    id: verdict.id,
    title: poem.title,
    text: poem.text,
    form: verdict.form,
    tune: verdict.tune,
    variant: verdict.variant,
    start: verdict.start,
    first_line_rhymes: verdict.firstLineRhymes,
    book: verdict.book,
    rhyme: rhyme === null ? null : nameRhyme(rhyme),
    strict_length: strict.length,
    strict_rhyme: strict.rhyme,
    strict_meter: strict.meter,
    strict_all: strict.all,
    lenient_length: lenient.length,
    lenient_rhyme: lenient.rhyme,
    lenient_meter: lenient.meter,
    lenient_all: lenient.all,
    faults: verdict.findings.filter((finding) => finding.verdict === '疵').length,
    findings: findings.join('; '),
  };
  return `${COLUMNS.map((name) => toCell(cells[name])).join(',')}\r\n`;
}
