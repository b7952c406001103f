/** A poem laid out for the eye: its own punctuation and stanzas, with the tone, rhyme and faults of every character. */
import { type PoemLine, splitText } from '../text.ts';
import type { Finding, Grade, Verdict } from '../verdict.ts';

export type Fault = Exclude<Grade, '合'>;

export interface LaidCharacter {
  readonly char: string;
  /** The reading the verdict settled on; null for an unknown character. */
  readonly tone: '平' | '仄' | null;
  readonly isRhyme: boolean;
  /** The gravest finding on this character. */
  readonly fault: Fault | null;
  /** 、 inside a line of ci, or the punctuation after its last character. */
  readonly mark: string;
}

/** One line of verse. */
export interface LaidLine {
  readonly characters: readonly LaidCharacter[];
  /** E.g. 平平仄仄平; '' when nothing is known. */
  readonly tones: string;
}

/** Lines up to a full stop. */
export type LaidSentence = readonly LaidLine[];
export type LaidStanza = readonly LaidSentence[];

/** A text longer than this is no poem and is shown as it is. */
const LONGEST_POEM = 2000;
const GRAVITY: readonly Fault[] = ['多音', '拗可', '疵'];
const SENTENCE_END = /[。！？.!?]/u;

function faultOf(findings: readonly Finding[], line: number, position: number): Fault | null {
  let gravest = -1;
  for (const { verdict, ...place } of findings) {
    if (place.line !== line || place.position !== position || verdict === '合') continue;
    gravest = Math.max(gravest, GRAVITY.indexOf(verdict));
  }
  return GRAVITY[gravest] ?? null;
}

/**
 * @param verdict of this text; null marks nothing
 * @returns null when the text is not verse or has parts that no line of verse holds: it must then be shown as it is
 */
export function layPoem(text: string, verdict: Verdict | null): LaidStanza[] | null {
  if (text.length > LONGEST_POEM) return null;
  let count = 0;
  let shown = '';
  const stanzas = text.split('\n').flatMap((part): LaidStanza[] => {
    const sentences: LaidLine[][] = [];
    let isEnd = true;
    for (const line of splitText(part).lines) {
      if (isEnd) sentences.push([]);
      sentences.at(-1)!.push(layLine(line, count, verdict));
      isEnd = SENTENCE_END.test(line.mark);
      count++;
    }
    return sentences.length === 0 ? [] : [sentences];
  });
  for (const line of stanzas.flat(2)) for (const { char, mark } of line.characters) shown += char + mark;
  if (shown === '' || shown !== text.replace(/\s/gu, '')) return null;
  // A poem written line under line has no stanzas: its line feeds are the ends of its sentences.
  return stanzas.every((stanza) => stanza.flat().length === 1) ? [stanzas.flat()] : stanzas;
}

function layLine(line: PoemLine, index: number, verdict: Verdict | null): LaidLine {
  const reading = verdict?.lines[index];
  const tones = reading?.text === line.text ? [...reading.tones] : null;
  const last = line.chars.length - 1;
  const isRhyming = verdict?.rhyme?.lines.includes(index + 1) || verdict?.rhyme?.offLines.includes(index + 1);
  const characters = line.chars.map((char, i): LaidCharacter => {
    const tone = tones?.[i];
    return {
      char,
      tone: tone === '平' || tone === '仄' ? tone : null,
      isRhyme: tones !== null && i === last && isRhyming === true,
      fault: tones === null ? null : faultOf(verdict!.findings, index + 1, i + 1),
      mark: i === last ? line.mark.replace(/\s/gu, '') : line.pauses.includes(i + 1) ? '、' : '',
    };
  });
  return { characters, tones: tones?.join('') ?? '' };
}
