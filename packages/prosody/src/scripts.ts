// Traditional and simplified forms of single characters, and which of the two a text is written in. This is what the
// rhyme books need to read simplified verse; it is not a converter of texts (t→s by character is safe, s→t is not).

import { characterOfUnit } from './characters.ts';
import { OWN_FORMS } from './tables/own-forms.ts';
import { SHARED_FORMS, SIMPLIFIED_PAIRS, VARIANT_PAIRS } from './tables/scripts.ts';

/** In which script a text is read: its own readings, or the union of all traditional forms of each character. */
export type Script = 'traditional' | 'simplified';

interface ScriptMaps {
  /** By UTF-16 unit: that of the simplified form, 0 where there is none in the BMP. */
  readonly simplifiedUnits: Uint16Array;
  /** Where either form is beyond the BMP. */
  readonly simplifiedBeyond: ReadonlyMap<string, string>;
  readonly traditional: ReadonlyMap<string, readonly string[]>;
  readonly standard: ReadonlyMap<string, string>;
  readonly shared: ReadonlySet<string>;
  readonly own: ReadonlySet<string>;
  /** What a UTF-16 unit tells of the script; characters beyond the BMP are too rare to tell anything. */
  readonly kinds: Uint8Array;
}

const TRADITIONAL_ONLY = 1;
const SIMPLIFIED_ONLY = 2;

let cachedMaps: ScriptMaps | undefined;

function loadMaps(): ScriptMaps {
  if (cachedMaps) return cachedMaps;
  const simplifiedUnits = new Uint16Array(0x10000);
  const simplifiedBeyond = new Map<string, string>();
  const kinds = new Uint8Array(0x10000);
  const traditional = new Map<string, string[]>();
  eachPair(SIMPLIFIED_PAIRS, (from, to) => {
    if (from.length === 1) kinds[from.charCodeAt(0)] = TRADITIONAL_ONLY;
    if (from.length === 1 && to.length === 1) simplifiedUnits[from.charCodeAt(0)] = to.charCodeAt(0);
    else simplifiedBeyond.set(from, to);
    const forms = traditional.get(to);
    if (forms) forms.push(from);
    else traditional.set(to, [from]);
  });
  const standard = new Map<string, string>();
  eachPair(VARIANT_PAIRS, (from, to) => standard.set(from, to));
  const shared = new Set(SHARED_FORMS);
  for (const char of traditional.keys()) {
    if (char.length > 1 || shared.has(char)) continue;
    const unit = char.charCodeAt(0);
    if (kinds[unit] === 0) kinds[unit] = SIMPLIFIED_ONLY;
  }
  cachedMaps = {
    simplifiedUnits,
    simplifiedBeyond,
    traditional,
    standard,
    shared,
    own: new Set(OWN_FORMS),
    kinds,
  };
  return cachedMaps;
}

function eachPair(pairs: string, visit: (from: string, to: string) => void): void {
  let from: string | undefined;
  for (const char of pairs) {
    if (from === undefined) from = char;
    else {
      visit(from, char);
      from = undefined;
    }
  }
}

/** The simplified form of one character; itself where there is none. */
export function simplifyCharacter(char: string): string {
  const { simplifiedUnits, simplifiedBeyond, kinds } = cachedMaps ?? loadMaps();
  if (char.length === 1) {
    const own = char.charCodeAt(0);
    const unit = simplifiedUnits[own]!;
    if (unit !== 0) return characterOfUnit(unit);
    if (kinds[own] !== TRADITIONAL_ONLY) return char;
  }
  return simplifiedBeyond.get(char) ?? char;
}

/** Every traditional character, other than itself, whose simplified form is `char`. */
export function traditionalForms(char: string): readonly string[] {
  return loadMaps().traditional.get(char) ?? [];
}

/** The standard character that a variant or slip of the text bases stands for, or undefined. */
export function standardForm(char: string): string | undefined {
  return loadMaps().standard.get(char);
}

/** True for a simplified form that traditional verse uses too, as another character or a variant (却, 烟, 松). */
export function isSharedForm(char: string): boolean {
  return loadMaps().shared.has(char);
}

/** The script that a character is of, null when it is of both. */
export function characterScript(char: string): Script | null {
  const { kinds } = loadMaps();
  const kind = char.length === 1 ? kinds[char.charCodeAt(0)] : 0;
  return kind === TRADITIONAL_ONLY ? 'traditional' : kind === SIMPLIFIED_ONLY ? 'simplified' : null;
}

/** True for a simplified form that is a character of its own, too (余 beside 餘, 云 beside 雲): 廣韻 has it. */
export function standsForItself(char: string): boolean {
  return loadMaps().own.has(char);
}

/**
 * The script of a text. Traditional when it has characters that simplified text never has, at least as many as
 * characters that exist only as simplified forms (traditional text bases hold stray 来 or 将). A text with neither is
 * the same in both scripts and is read as simplified, so that simplifying a text can only add readings.
 */
export function detectScript(text: string): Script {
  const { kinds } = loadMaps();
  let traditionalOnly = 0;
  let simplifiedOnly = 0;
  for (let index = 0; index < text.length; index++) {
    const kind = kinds[text.charCodeAt(index)];
    if (kind === TRADITIONAL_ONLY) traditionalOnly++;
    else if (kind === SIMPLIFIED_ONLY) simplifiedOnly++;
  }
  return traditionalOnly > 0 && traditionalOnly >= simplifiedOnly ? 'traditional' : 'simplified';
}
