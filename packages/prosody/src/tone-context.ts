// The tone of a polyphone by what stands beside it: 不勝 is level, 勝地 oblique. From slots that regulated verse fixes; used
// only where the slot leaves the tone open. On a tenth of the poems kept back it is right for 90 of 100 such characters,
// the commoner tone alone for 84.
//
// The table, between `;`: the character, the letter of its odds, pairs of the character before it and a letter, `/`, pairs
// of the character after it and a letter. A letter is twice a logarithm of odds (level to oblique), j for 0, i for −1.
// Characters beside it are simplified.

import { type Script, simplifyCharacter, traditionalForms } from './scripts.ts';
import { TONE_CONTEXTS } from './tables/tone-contexts.ts';
import { ownUses } from './tone-usage.ts';

interface Contexts {
  readonly base: number;
  readonly before: ReadonlyMap<string, number>;
  readonly after: ReadonlyMap<string, number>;
}

/** A simplified character is taken for one traditional form that makes up this share of its uses in verse. */
const MAIN_FORM_SHARE = 0.95;

/** Rows of the table by character, each taken apart when it is first asked for. */
let rows: ReadonlyMap<string, string> | undefined;
/** Also of characters that have none; bounded by the characters of both tones that the books have. */
const contextsByChar = new Map<string, Contexts | null>();
const mainForms = new Map<string, string>();

function findContexts(char: string): Contexts | null {
  const known = contextsByChar.get(char);
  if (known !== undefined) return known;
  rows ??= new Map(TONE_CONTEXTS.split(';').map((row) => [String.fromCodePoint(row.codePointAt(0)!), row] as const));
  const row = rows.get(char);
  if (row === undefined) {
    contextsByChar.set(char, null);
    return null;
  }
  const [, base, ...rest] = [...row];
  const middle = rest.indexOf('/');
  const contexts: Contexts = {
    base: oddsOf(base!),
    before: readPairs(rest.slice(0, middle)),
    after: readPairs(rest.slice(middle + 1)),
  };
  contextsByChar.set(char, contexts);
  return contexts;
}

const oddsOf = (letter: string): number => letter.charCodeAt(0) - 106;

function readPairs(items: readonly string[]): ReadonlyMap<string, number> {
  const pairs = new Map<string, number>();
  for (let index = 0; index + 1 < items.length; index += 2) pairs.set(items[index]!, oddsOf(items[index + 1]!));
  return pairs;
}

/**
 * 1 = 平, 2 = 仄 where the neighbours of a character speak for one of them; null where they say nothing.
 *
 * @param before the character before it in its line, undefined at the beginning; `after` likewise
 */
export function toneByContext(
  char: string,
  before: string | undefined,
  after: string | undefined,
  script: Script,
): 1 | 2 | null {
  const contexts = findContexts(script === 'traditional' ? char : mainForm(char));
  if (contexts === null) return null;
  const left = before === undefined ? undefined : contexts.before.get(simplifyCharacter(before));
  const right = after === undefined ? undefined : contexts.after.get(simplifyCharacter(after));
  if (left === undefined && right === undefined) return null;
  return contexts.base + (left ?? 0) + (right ?? 0) >= 0 ? 1 : 2;
}

/** The traditional character that a simplified one nearly always stands for in verse; itself where there is none. */
function mainForm(char: string): string {
  let known = mainForms.get(char);
  if (known === undefined) {
    const forms = [char, ...traditionalForms(char)].map((form) => ({ form, uses: ownUses(form) }));
    const total = forms.reduce((sum, { uses }) => sum + uses, 0);
    known = forms.find(({ uses }) => total > 0 && uses >= MAIN_FORM_SHARE * total)?.form ?? '';
    // Characters that verse does not use are many; only the others are kept.
    if (total > 0) mainForms.set(char, known);
  }
  return known;
}
