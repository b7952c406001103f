/** Finding a line or a piece of text in the corpus, typed in either script. A plain scan: the corpus is 17 million characters. */
import { foldText } from './clean/fold-variants.ts';
import { splitLines } from './clean/lines.ts';
import { toSimplified } from './clean/to-simplified.ts';
import type { Poem } from './poem.ts';

export interface SearchHit {
  readonly poem: Poem;
  /** The line that holds the text, from 1; 0 when it is in the title or the author's name. */
  readonly line: number;
}

export interface SearchOptions {
  /** Default 20. */
  readonly limit?: number;
  /** Also look into titles and authors; default false. */
  readonly inTitles?: boolean;
}

/**
 * Poems that hold `text` (punctuation does not count, so a couplet can be looked for). Compared in simplified script after
 * folding variants, because that direction loses nothing a person would tell apart.
 */
export function* searchPoems(poems: Iterable<Poem>, text: string, options: SearchOptions = {}): Generator<SearchHit> {
  const needle = searchKey(text);
  if (needle === '') return;
  // Most poems are refused by one character that either is in both scripts' form or is not there at all.
  const anchors = anchorForms(needle);
  let remaining = options.limit ?? 20;
  for (const poem of poems) {
    if (remaining <= 0) return;
    const line = anchors.some((anchor) => poem.text.includes(anchor)) ? findLine(poem.text, needle) : 0;
    const isNamed = line === 0 && options.inTitles === true && searchKey(poem.title + poem.author).includes(needle);
    if (line === 0 && !isNamed) continue;
    remaining--;
    yield { poem, line };
  }
}

function searchKey(text: string): string {
  return toSimplified(foldText(splitLines(text).join('')));
}

function findLine(text: string, needle: string): number {
  const lines = splitLines(text);
  const keys = lines.map((line) => toSimplified(line));
  const at = keys.join('').indexOf(needle);
  if (at < 0) return 0;
  let passed = 0;
  for (let i = 0; i < keys.length; i++) {
    passed += keys[i]!.length;
    if (at < passed) return i + 1;
  }
  return 0;
}

let formsBySimplified: Map<string, string[]> | null = null;

/** Traditional forms that the needle's rarest-looking character may have in the corpus. */
function anchorForms(needle: string): string[] {
  if (!formsBySimplified) {
    formsBySimplified = new Map();
    // The common CJK block holds every form worth an early answer; others are compared in full.
    for (let code = 0x4e00; code <= 0x9fff; code++) {
      const character = String.fromCharCode(code);
      const simplified = toSimplified(character);
      const forms = formsBySimplified.get(simplified);
      if (forms) forms.push(character);
      else formsBySimplified.set(simplified, [character]);
    }
  }
  let best: string[] = [''];
  for (const character of needle) {
    const forms = formsBySimplified.get(character);
    if (forms && (best[0] === '' || forms.length < best.length)) best = forms;
  }
  return best;
}
