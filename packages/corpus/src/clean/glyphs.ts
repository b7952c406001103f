/** Characters that the file could not write: gaps, composed glyphs, private-use code points, mis-decoded bytes. */

/** ASCII `?` never is punctuation here (the texts use ？). ○ inside a note is a zero (一○七七年), so look after the notes. */
const GAP = /[□囗○●?\uFFFD]/;
const COMPOSED = /\{[^{}]*\}/gu;
const PRIVATE_USE = /[\uE000-\uF8FF]|[\u{F0000}-\u{10FFFD}]/u;
const ALLOWED = /^[\p{Script=Han}〇，。、\n]*$/u;

/** □, 囗, ○, ●, ? and U+FFFD stand for a lost character. */
export function hasGap(text: string): boolean {
  return GAP.test(text);
}

export interface Composed {
  readonly text: string;
  /** A glyph that has no character of its own. */
  readonly isUnresolved: boolean;
}

export function hasComposedGlyph(text: string): boolean {
  return text.includes('{') || text.includes('}');
}

/** `{上/下}` → its character by the package's own list. */
export function resolveComposedGlyphs(text: string, glyphs: ReadonlyMap<string, string>): Composed {
  if (!hasComposedGlyph(text)) return { text, isUnresolved: false };
  const resolved = text.replace(COMPOSED, (name) => glyphs.get(name) ?? name);
  return { text: resolved, isUnresolved: /[{}]/.test(resolved) };
}

export function hasPrivateUse(text: string): boolean {
  return PRIVATE_USE.test(text);
}

/** Anything that is neither a Chinese character nor verse punctuation: kana, Cyrillic, digits (mis-decoded bytes), ⿰ ⿱ (recipes). */
export function hasForeignCharacter(text: string): boolean {
  return !ALLOWED.test(text);
}
