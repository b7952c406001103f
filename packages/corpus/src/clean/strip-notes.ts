/**
 * Editorial notes: （一作…）, sources, whole essays, 〔stage directions〕, 〖1〗 note marks. A note runs across paragraph
 * items (`（…。` then `）。`), so paragraphs are joined first.
 */

/** Opening → closing bracket of what is a note whatever stands inside. */
const NOTE_BRACKETS: Readonly<Record<string, string>> = { '（': '）', '(': ')', '〔': '〕', '〖': '〗' };
const CLOSING = new Set(Object.values(NOTE_BRACKETS));
const ANY_NOTE = /[（()）〔〕〖〗]/;
const ANY_BRACKET = /[（()）〔［[]/;
/** `[爽]節` is the text's own character, restored by an editor: keep it. */
const SHORT_EMENDATION = /[[［]([^\]］。，]{1,3})[\]］]/gu;
const LONG_BRACKET = /[[［][^\]］]*[\]］]/gu;
const QUOTES = /[「」『』《》〈〉“”‘’·]/g;
const EMPTY_SENTENCE = /([。，])(?:[。，：]+)/g;

/** Rule 1: one text out of the package's paragraph items. */
export function joinParagraphs(paragraphs: readonly string[]): string {
  return paragraphs.join('').replace(/[\s\u3000\u200b\ufeff]+/g, '');
}

export interface Stripped {
  readonly text: string;
  /** A note or an editor's emendation stood there. */
  readonly hadNote: boolean;
}

/** Rule 2: drops notes, nested ones too; a note that never closes runs to the end. Quotation marks go as well. */
export function stripNotes(joined: string): Stripped {
  let text = joined;
  const hadNote = ANY_BRACKET.test(text);
  if (ANY_NOTE.test(text)) text = dropBracketed(text);
  if (hadNote) text = text.replace(SHORT_EMENDATION, '$1').replace(LONG_BRACKET, '');
  text = text.replace(QUOTES, '');
  if (hadNote) text = text.replace(EMPTY_SENTENCE, '$1').replace(/^[。，：、]+/, '');
  return { text, hadNote };
}

function dropBracketed(text: string): string {
  const open: string[] = [];
  let kept = '';
  for (const character of text) {
    const closing = NOTE_BRACKETS[character];
    if (closing !== undefined) {
      open.push(closing);
    } else if (CLOSING.has(character)) {
      const at = open.lastIndexOf(character);
      if (at >= 0) open.length = at;
    } else if (open.length === 0) {
      kept += character;
    }
  }
  return kept;
}
