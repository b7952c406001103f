/** Folds printing variants and simplified slips of traditional text into one form. One UTF-16 unit becomes one. */
import { printVariants, simplifiedSlips } from './variants.ts';

/** Every folded character is in the basic plane, so a flat table answers by code unit. */
const target = new Uint16Array(0x10000);
const SLIP = 1;
const VARIANT = 2;
const kind = new Uint8Array(0x10000);
for (const [from, to] of printVariants) {
  target[from.charCodeAt(0)] = to.charCodeAt(0);
  kind[from.charCodeAt(0)] = VARIANT;
}
for (const [from, to] of simplifiedSlips) {
  target[from.charCodeAt(0)] = to.charCodeAt(0);
  kind[from.charCodeAt(0)] = SLIP;
}

const COMPATIBILITY = /[\uF900-\uFAFF]|[\u{2F800}-\u{2FA1F}]/u;

export interface Folded {
  readonly text: string;
  /** A print variant (黄/黃, 烟/煙 …) stood there. */
  readonly hadVariant: boolean;
  /** A strictly simplified character (来, 静 …) stood there. */
  readonly hadSlip: boolean;
}

/** Folds 黄 → 黃, 烟 → 煙, 来 → 來 …, and Unicode's compatibility ideographs into their ordinary code points. */
export function foldVariants(input: string): Folded {
  const text = COMPATIBILITY.test(input) ? input.normalize('NFC') : input;
  let seen = text === input ? 0 : VARIANT;
  let folded = '';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const to = target[unit]!;
    if (to === 0) continue;
    seen |= kind[unit]!;
    folded += text.slice(from, i) + String.fromCharCode(to);
    from = i + 1;
  }
  return {
    text: from === 0 ? text : folded + text.slice(from),
    hadVariant: (seen & VARIANT) !== 0,
    hadSlip: (seen & SLIP) !== 0,
  };
}

/** The text alone; for titles, authors and anything typed by a person in traditional script. */
export function foldText(input: string): string {
  return foldVariants(input).text;
}
