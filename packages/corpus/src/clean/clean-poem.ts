/**
 * One poem through the cleaning rules, in this order: join → notes → gaps → glyphs → variants → empty → lost character.
 * Every rule is counted on its own, also in poems that another rule drops, so that the counts do not depend on the order.
 */
import type { RawPoem } from '../sources/read-records.ts';
import { foldText, foldVariants } from './fold-variants.ts';
import { hasComposedGlyph, hasForeignCharacter, hasGap, hasPrivateUse, resolveComposedGlyphs } from './glyphs.ts';
import { characterCount, normalizePunctuation, splitLines } from './lines.ts';
import { hasLostCharacter } from './lost-character.ts';
import { joinParagraphs, stripNotes } from './strip-notes.ts';

/** Rules of one poem; the two duplicate rules look at all poems and are in `dedupe/`. */
export const CLEANING_RULES = [
  'notes',
  'title-notes',
  'gaps',
  'composed-glyphs',
  'private-use',
  'foreign-characters',
  'print-variants',
  'simplified-slips',
  'empty',
  'lost-character',
  'prose',
] as const;
export type CleaningRule = (typeof CLEANING_RULES)[number];

export interface CleanedPoem {
  readonly raw: RawPoem;
  /** Rules that found something. */
  readonly touched: readonly CleaningRule[];
  /** The rule that drops the poem, or null when it stays. */
  readonly droppedBy: CleaningRule | null;
  readonly title: string;
  readonly author: string;
  /** Punctuated text; traditional for shi, still simplified for ci (see `to-traditional.ts`). */
  readonly text: string;
}

const MAX_SHI_LINE = 20;
const TITLE_NOTE = /[（(〔〖]/;

/** @param glyphs composed glyph → character (`readComposedGlyphs`) */
export function cleanPoem(raw: RawPoem, glyphs: ReadonlyMap<string, string>): CleanedPoem {
  const touched: CleaningRule[] = [];
  let droppedBy: CleaningRule | null = null;
  const touch = (rule: CleaningRule, isDropping: boolean): void => {
    touched.push(rule);
    if (isDropping) droppedBy ??= rule;
  };

  const joined = joinParagraphs(raw.paragraphs);
  const stripped = stripNotes(joined);
  if (stripped.hadNote) touch('notes', false);

  const title = stripNotes(raw.title.trim());
  if (TITLE_NOTE.test(raw.title)) touch('title-notes', false);

  // Counted where it stands in the file, dropped only when it is in the poem and not in a note about it.
  if (hasGap(joined)) touch('gaps', hasGap(stripped.text));

  const composed = resolveComposedGlyphs(stripped.text, glyphs);
  if (hasComposedGlyph(joined)) touch('composed-glyphs', composed.isUnresolved);
  if (hasPrivateUse(joined)) touch('private-use', hasPrivateUse(composed.text));

  const folded = raw.tune === null ? foldVariants(composed.text) : null;
  if (folded?.hadVariant) touch('print-variants', false);
  if (folded?.hadSlip) touch('simplified-slips', false);

  const text = normalizePunctuation(folded?.text ?? composed.text, raw.tune !== null);
  if (droppedBy === null && hasForeignCharacter(text)) touch('foreign-characters', true);

  const lines = splitLines(text);
  if (lines.length === 0) touch('empty', true);
  if (raw.tune === null && hasLostCharacter(lines)) touch('lost-character', true);
  // Prefaces, source notes without brackets: the longest real line of a shi has fewer characters.
  if (raw.tune === null && lines.some((line) => characterCount(line) > MAX_SHI_LINE)) touch('prose', true);

  return {
    raw,
    touched,
    droppedBy,
    title: raw.tune === null ? foldText(tidyTitle(title.text)) : '',
    author: raw.tune === null ? foldText(tidyAuthor(raw.author)) : tidyAuthor(raw.author),
    text,
  };
}

// "其二" and numbers stay (they tell poems of a cycle apart); runs of spaces become one, gaps and glyph recipes go.
function tidyTitle(title: string): string {
  return title
    .replace(/\{[^}]*\}|[^\p{Script=Han}〇○・，。：、\s]/gu, '')
    .replace(/[\s\u3000]+/g, ' ')
    .replace(/[，。：、\s]+$/, '')
    .trim();
}

// 楊適1, 曹菘〖1〗: marks of the package's editors.
function tidyAuthor(author: string): string {
  const name = stripNotes(author).text.replace(/[\d\s]+/g, '');
  return AUTHOR_SPELLINGS[name] ?? name;
}

/** One poet, two spellings in two collections. */
const AUTHOR_SPELLINGS: Readonly<Record<string, string>> = { 歐陽脩: '歐陽修' };
