// 重字: a character used twice in a poem of at most eight lines. Doubling (叠字, 萧萧) is not repetition; what a poet
// repeats on purpose (the same word again, one line playing on it, facing places of a couplet) is told apart.

import { isSharedForm, type Script, standsForItself, traditionalForms } from '../scripts.ts';
import type { Issue } from './issue.ts';

interface Place {
  readonly line: number;
  readonly position: number;
}

/** Longer poems cannot but use a character again. */
const MOST_LINES = 8;
/** More than any line has characters (`MAX_TEXT_LENGTH`). */
const LINE_STEP = 1 << 20;

/** By UTF-16 unit: the poem in which it was last seen, and where in it for the first time. */
const seenInTurn = new Uint32Array(0x10000);
const firstPlaces = new Int32Array(0x10000);
const LAST_TURN = 0xffff_ffff;
let turn = 0;

/** One remark for each character that returns, at the place where it does. */
export function findRepetitions(
  lines: readonly { readonly chars: readonly string[] }[],
  rhymingLines: readonly number[],
  script: Script,
): Issue[] {
  if (lines.length > MOST_LINES) return [];
  if (turn === LAST_TURN) seenInTurn.fill(0);
  turn = turn === LAST_TURN ? 1 : turn + 1;
  let beyond: Map<string, number> | undefined;
  const issues: Issue[] = [];
  let reported: Set<string> | undefined;
  for (let line = 0; line < lines.length; line++) {
    const { chars } = lines[line]!;
    for (let position = 0; position < chars.length; position++) {
      const char = chars[position]!;
      // Line and position in one number: this runs over every poem of a corpus.
      const place = line * LINE_STEP + position;
      let known: number | undefined;
      if (char.length === 1) {
        const unit = char.charCodeAt(0);
        if (seenInTurn[unit] === turn) known = firstPlaces[unit]!;
        else {
          seenInTurn[unit] = turn;
          firstPlaces[unit] = place;
        }
      } else {
        known = beyond?.get(char);
        if (known === undefined) {
          beyond ??= new Map();
          beyond.set(char, place);
        }
      }
      if (known === undefined) continue;
      if (char === chars[position - 1] || reported?.has(char) || !isOneCharacter(char, script)) continue;
      const earlier = { line: Math.floor(known / LINE_STEP), position: known % LINE_STEP };
      const here = { line, position };
      if (isRhyme(earlier, lines, rhymingLines) && isRhyme(here, lines, rhymingLines)) continue; // 重韵
      reported ??= new Set();
      reported.add(char);
      if (!isDeliberate(earlier, here, lines)) {
        issues.push({ kind: 'chongzi', ...here, other: earlier });
        continue;
      }
      const before = issues.at(-1);
      // The rest of a word that is named already.
      if (
        before?.kind === 'chongzi-deliberate' &&
        before.line === line &&
        before.position + before.count! === position
      ) {
        issues[issues.length - 1] = { ...before, count: before.count! + 1 };
      } else issues.push({ kind: 'chongzi-deliberate', ...here, other: earlier, count: 1 });
    }
  }
  return issues;
}

/** False for a simplified form of several characters: 松 and 松 may be 松 and 鬆, 云 and 云 may be 雲 and 云. */
export function isOneCharacter(char: string, script: Script): boolean {
  return script === 'traditional' || !isFormOfSeveral(char);
}

function isFormOfSeveral(char: string): boolean {
  const forms = traditionalForms(char).length;
  return forms > 1 || (forms === 1 && (isSharedForm(char) || standsForItself(char)));
}

function isRhyme(
  place: Place,
  lines: readonly { readonly chars: readonly string[] }[],
  rhyming: readonly number[],
): boolean {
  return rhyming.includes(place.line) && place.position === lines[place.line]!.chars.length - 1;
}

function isDeliberate(a: Place, b: Place, lines: readonly { readonly chars: readonly string[] }[]): boolean {
  // 多情却似总无情: one line plays on the character.
  if (a.line === b.line) return true;
  const upper = lines[a.line]!.chars;
  const lower = lines[b.line]!.chars;
  const isNext = b.line === a.line + 1;
  // Facing each other (年年岁岁花相似，岁岁年年人不同), or taken up where the line before ended (顶针).
  if (isNext && b.line % 2 === 1 && a.position === b.position) return true;
  if (isNext && a.position === upper.length - 1 && b.position === 0) return true;
  // A whole word comes again: 黄鹤 … 黄鹤.
  const isAgain = (offset: number): boolean => {
    const char = upper[a.position + offset];
    return char !== undefined && char === lower[b.position + offset];
  };
  return isAgain(-1) || isAgain(1);
}
