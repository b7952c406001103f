/** Characters that the file could not write: gaps, composed glyphs, private-use code points, mis-decoded bytes. */

const GAP = /[□囗○●？?�]/;
const COMPOSED = /\{[^{}]*\}/gu;
const DESCRIPTION = /[\u2FF0-\u2FFB]/;
const PRIVATE_USE = /[\uE000-\uF8FF]|[\u{F0000}-\u{10FFFD}]/u;
const ALLOWED = /^[\p{Script=Han}〇，。、；：！\n]*$/u;
const HAN_BETWEEN = /(?<=\p{Script=Han})[？?](?=\p{Script=Han})/u;

/** □, 囗, ○, ● and U+FFFD stand for a lost character; a question mark only where no sentence can end. */
export function hasGap(text: string): boolean {
  if (!GAP.test(text)) return false;
  return /[□囗○●�]/.test(text) || isQuestionMarkGap(text);
}

// A question mark that closes a line of the usual length is punctuation; anywhere else a character is missing.
function isQuestionMarkGap(text: string): boolean {
  if (!HAN_BETWEEN.test(text)) return false;
  const lengths = text.split(/[，。；：！？?]/).filter((line) => line !== '');
  const longest = Math.max(...lengths.map((line) => [...line].length));
  return lengths.some((line) => [...line].length < Math.min(4, longest));
}

export interface Composed {
  readonly text: string;
  readonly hadGlyph: boolean;
  /** A glyph that has no character of its own. */
  readonly isUnresolved: boolean;
}

/** `{上/下}` → its character by the package's own list; ideographic description sequences cannot be resolved. */
export function resolveComposedGlyphs(text: string, glyphs: ReadonlyMap<string, string>): Composed {
  if (!text.includes('{') && !text.includes('}') && !DESCRIPTION.test(text))
    return { text, hadGlyph: false, isUnresolved: false };
  const resolved = text.replace(COMPOSED, (name) => glyphs.get(name) ?? name);
  return { text: resolved, hadGlyph: true, isUnresolved: /[{}]/.test(resolved) || DESCRIPTION.test(resolved) };
}

export function hasPrivateUse(text: string): boolean {
  return PRIVATE_USE.test(text);
}

/** Anything that is neither a Chinese character nor verse punctuation: kana, Cyrillic, digits (mis-decoded bytes). */
export function hasForeignCharacter(text: string): boolean {
  return !ALLOWED.test(text);
}
