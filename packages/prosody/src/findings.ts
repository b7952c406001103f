// Issues into findings and scores: names, places counted from 1, sentences in the reader's language, group names in the
// script of the poem.

import { type Book, rhymeWords } from './books.ts';
import { type Language, type MessageFacts, wordIssue } from './messages.ts';
import { ISSUES, type Issue } from './rules/issue.ts';
import { type Script, simplifyCharacter } from './scripts.ts';
import type { PoemText } from './text.ts';
import type { Finding, Score } from './verdict.ts';

export interface FindingContext {
  readonly text: PoemText;
  readonly book: Book;
  readonly script: Script;
  readonly language: Language;
  /** Name of the form, for sentences about its shape. */
  readonly form: string;
}

/** How many rhyme words a suggestion names. */
const SUGGESTED_WORDS = 8;

/** The name of a rhyme group in the script of the poem; '' for none. */
export function nameGroup(book: Book, id: number | undefined, script: Script): string {
  const group = id === undefined ? undefined : book.group(id);
  if (!group) return '';
  return script === 'traditional' ? group.name : group.simplified;
}

/** Puts an issue into words. */
export function describeIssue(issue: Issue, context: FindingContext): Finding {
  const { rule, grade, name } = ISSUES[issue.kind];
  const line = context.text.lines[issue.line];
  const char = issue.position >= 0 ? line?.chars[issue.position] : undefined;
  const { message, suggestion } = wordIssue(issue.kind, gatherFacts(issue, char, context), context.language);
  return {
    rule,
    name,
    line: issue.line + 1,
    ...(issue.position >= 0 ? { position: issue.position + 1 } : {}),
    ...(char === undefined ? {} : { char }),
    verdict: grade,
    message,
    ...(suggestion === undefined ? {} : { suggestion }),
  };
}

function gatherFacts(issue: Issue, char: string | undefined, context: FindingContext): MessageFacts {
  const { text, book, script } = context;
  const { other } = issue;
  const needsWords = issue.kind === 'chuyun' || issue.kind === 'chongyun';
  return {
    line: issue.line + 1,
    position: issue.position + 1,
    char: char ?? '',
    wanted: issue.wanted === 1 ? '平' : '仄',
    otherLine: (other?.line ?? 0) + 1,
    otherPosition: (other?.position ?? 0) + 1,
    otherChar: other ? (text.lines[other.line]?.chars[other.position] ?? '') : '',
    group: nameGroup(book, issue.group, script),
    count: issue.count ?? 0,
    expected: issue.expected ?? 0,
    form: context.form,
    words:
      needsWords && book.name === 'pingshui' && issue.group !== undefined ? suggestWords(issue.group, context) : '',
  };
}

/** Common rhymes of the group that the poem does not use yet. */
function suggestWords(group: number, { text, script }: FindingContext): string {
  const used = new Set(text.lines.map((line) => line.chars[line.chars.length - 1] ?? ''));
  const words: string[] = [];
  for (const { char } of rhymeWords(group)) {
    const word = script === 'simplified' ? simplifyCharacter(char) : char;
    if (used.has(word) || words.includes(word)) continue;
    words.push(word);
    if (words.length === SUGGESTED_WORDS) break;
  }
  return words.join('');
}

/**
 * Strict: no 疵 and no 拗可, but the first line may borrow a neighbour's rhyme. Lenient: no 疵.
 *
 * @param isRhymePlace whether a line (from 0) should rhyme: an unknown character there leaves the rhyme open too.
 */
export function scoreIssues(issues: readonly Issue[], isRhymePlace: (issue: Issue) => boolean): [Score, Score] {
  const strict = { length: true, rhyme: true, meter: true };
  const lenient = { length: true, rhyme: true, meter: true };
  for (const issue of issues) {
    const { grade, aspect } = ISSUES[issue.kind];
    if (grade === '疵') {
      strict[aspect] = false;
      lenient[aspect] = false;
    } else if (grade === '拗可' && issue.kind !== 'chuyun-neighbour') {
      strict[aspect] = false;
      if (issue.kind === 'unknown-character' && isRhymePlace(issue)) strict.rhyme = false;
    }
  }
  return [close(strict), close(lenient)];
}

function close(score: Omit<Score, 'all'>): Score {
  return { ...score, all: score.length && score.rhyme && score.meter };
}
