// Issues into findings and scores: names, places counted from 1, sentences in the reader's language, group names in the
// script of the poem.

import type { Book } from './book-types.ts';
import { withSuggestion } from './lazy-verdict.ts';
import { type Language, type MessageFacts, wordIssue } from './messages.ts';
import { ISSUES, type Issue } from './rules/issue.ts';
import { obliqueCounterparts } from './rules/rhyme-patterns.ts';
import { groupsOfLevel } from './rules/shangwei.ts';
import type { Script } from './scripts.ts';
import { suggestCharacters, type Wanted } from './suggest.ts';
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

/** The name of a rhyme group in the script of the poem; '' for none. */
export function nameGroup(book: Book, id: number | undefined, script: Script): string {
  const group = id === undefined ? undefined : book.group(id);
  if (!group) return '';
  return script === 'traditional' ? group.name : group.simplified;
}

/** Puts an issue into words. */
export function describeIssue(issue: Issue, context: FindingContext): Finding {
  const { rule, grade, name } = ISSUES[issue.kind];
  const { language } = context;
  const line = context.text.lines[issue.line];
  const char = issue.position >= 0 ? line?.chars[issue.position] : undefined;
  // 特拗 is told of where it turns; what is to be replaced stands before.
  const replaced = issue.kind === 'tiao-loose' ? line?.chars[issue.position - 3] : char;
  const wanted = replaced === undefined ? null : wantedCharacter(issue, replaced, context.book);
  const facts = gatherFacts(issue, char, wanted, context);
  const { message, suggestion } = wordIssue(issue.kind, facts, language);
  const finding: Finding = {
    rule,
    name,
    line: issue.line + 1,
    ...(issue.position >= 0 ? { position: issue.position + 1 } : {}),
    ...(char === undefined ? {} : { char }),
    verdict: grade,
    message,
  };
  if (wanted === null) return suggestion === undefined ? finding : { ...finding, suggestion };
  return withSuggestion(
    finding,
    () => wordIssue(issue.kind, { ...facts, words: nameWords(replaced!, wanted, context) }, language).suggestion,
  );
}

function gatherFacts(
  issue: Issue,
  char: string | undefined,
  wanted: Wanted | null,
  { text, book, script, form }: FindingContext,
): MessageFacts {
  const { other } = issue;
  const chars = text.lines[issue.line]?.chars ?? [];
  return {
    line: issue.line + 1,
    position: issue.position + 1,
    char: char ?? '',
    word: issue.count === undefined ? (char ?? '') : chars.slice(issue.position, issue.position + issue.count).join(''),
    wanted: (issue.wanted ?? wanted?.tone) === 1 ? '平' : '仄',
    otherLine: (other?.line ?? 0) + 1,
    otherPosition: (other?.position ?? 0) + 1,
    otherChar: other ? (text.lines[other.line]?.chars[other.position] ?? '') : '',
    group: nameGroup(book, issue.group, script),
    count: issue.count ?? 0,
    expected: issue.expected ?? 0,
    form,
    otherGroup: nameGroup(book, issue.otherGroup, script),
    level: issue.level ?? '',
    pairs: issue.words === undefined ? '' : issue.words.map((pair) => [...pair].join('—')).join('、'),
    words: '',
  };
}

const charactersOfTexts = new WeakMap<PoemText, ReadonlySet<string>>();

/** Every character of a text; kept, because a text of many lines has as many findings. */
function charactersOf(text: PoemText): ReadonlySet<string> {
  const known = charactersOfTexts.get(text);
  if (known) return known;
  const used = new Set<string>();
  for (const { chars } of text.lines) for (const char of chars) used.add(char);
  charactersOfTexts.set(text, used);
  return used;
}

/** Characters that would do, best first and none that the poem uses already. */
function nameWords(char: string, wanted: Wanted, { text, book, script, language }: FindingContext): string {
  return suggestCharacters(char, wanted, book, script, charactersOf(text)).join(language === 'en' ? ', ' : '、');
}

/** What would mend an issue, or null where a character alone cannot. */
function wantedCharacter(issue: Issue, char: string, book: Book): Wanted | null {
  switch (issue.kind) {
    case 'slot':
    case 'shidui':
    case 'shinian':
    case 'guping':
    case 'sanpingwei':
    case 'sanzewei':
    case 'daao':
    case 'xiaoao':
    case 'zhuangyun':
    case 'unconfirmed-reading':
      return issue.wanted === undefined ? null : { tone: issue.wanted };
    case 'tiao-loose':
      return { tone: 1 };
    case 'chuyun':
    case 'chuyun-neighbour':
    case 'chongyun':
    case 'chongyun-possible':
    case 'chuyun-last':
    case 'chuyun-lulu':
    case 'chuyun-jintui':
    case 'chuyun-hulu':
      return issue.group === undefined || book.group(issue.group)!.tone !== '平'
        ? null
        : { tone: 1, group: issue.group };
    case 'zhuangyun-oblique':
      return { tone: 2, avoided: obliqueCounterparts(issue.group!) };
    case 'jiyun':
      return { tone: 1, avoided: [issue.group!] };
    case 'shangwei':
      return { tone: 2, avoided: groupsOfLevel(book, issue.level!) };
    case 'chongzi': {
      const mask = book.toneMask(char);
      return mask === 1 || mask === 2 ? { tone: mask } : null;
    }
    default:
      return null;
  }
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
  const { length, rhyme, meter } = score;
  return { length, rhyme, meter, all: length && rhyme && meter };
}
