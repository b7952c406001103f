/**
 * Text as its tokens arrive. A token may hold part of a character, and a stop string may begin in one token and end in
 * another: text is handed out only once it is certain.
 */
import type { Tokenizer } from '../tokenizer/tokenizer.ts';

export interface TextStream {
  /** True once a stop string has come; what is pushed afterwards is left out. */
  readonly hasStopped: boolean;
  /** Takes the next token; returns the text that has become certain, often none. */
  push(id: number): string;
  /** The rest, when no token follows. */
  end(): string;
}

/** Stands in decoded text for bytes that are no whole character yet. */
const REPLACEMENT = '\ufffd';

/** @param stopStrings end the text where one of them begins */
export function createTextStream(tokenizer: Tokenizer, stopStrings: readonly string[] = []): TextStream {
  const stops = stopStrings.filter((stop) => stop !== '');
  const textOf = (tokens: readonly number[]) => tokenizer.decode(tokens, { skipSpecialTokens: true });
  // Decoders put spaces between tokens by what stands before them: decode with the last settled piece in front.
  let settled: number[] = [];
  let open: number[] = [];
  let held = '';
  let hasStopped = false;

  const takeOpen = (isLast: boolean): string => {
    const before = textOf(settled);
    const all = textOf([...settled, ...open]);
    if (!isLast && (all.length <= before.length || all.endsWith(REPLACEMENT))) return '';
    settled = open;
    open = [];
    return all.slice(before.length);
  };
  const release = (text: string, isLast: boolean): string => {
    held += text;
    const found = stops.map((stop) => held.indexOf(stop)).filter((at) => at >= 0);
    if (found.length > 0) hasStopped = true;
    const until = hasStopped ? Math.min(...found) : held.length - (isLast ? 0 : beginningOf(held, stops));
    const certain = held.slice(0, until);
    held = hasStopped ? '' : held.slice(until);
    return certain;
  };

  return {
    get hasStopped() {
      return hasStopped;
    },
    push: (id) => {
      if (hasStopped) return '';
      open.push(id);
      return release(takeOpen(false), false);
    },
    end: () => (hasStopped ? '' : release(open.length === 0 ? '' : takeOpen(true), true)),
  };
}

/** How many of the last characters may be the beginning of a stop string. */
function beginningOf(text: string, stops: readonly string[]): number {
  const most = Math.min(text.length, Math.max(0, ...stops.map((stop) => stop.length - 1)));
  for (let length = most; length > 0; length--) {
    const tail = text.slice(text.length - length);
    if (stops.some((stop) => stop.startsWith(tail))) return length;
  }
  return 0;
}
