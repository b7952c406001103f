/** A poem laid out for the eye: its own punctuation and stanzas, with the tone, rhyme and faults of every character. */
import { type Finding, type Grade, splitText, type Verdict } from '@tuiqiao/prosody';

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
  const { lines } = splitText(text);
  const rhyming = new Set([...(verdict?.rhyme?.lines ?? []), ...(verdict?.rhyme?.offLines ?? [])]);
  const stanzas: LaidSentence[][] = [];
  let sentences: LaidSentence[] = [];
  let sentence: LaidLine[] = [];
  let shown = '';
  lines.forEach((line, index) => {
    const reading = verdict?.lines[index];
    const tones = reading?.text === line.text ? [...reading.tones] : null;
    const mark = line.mark.replace(/\s/gu, '');
    const characters = line.chars.map((char, i): LaidCharacter => {
      const isLast = i === line.chars.length - 1;
      const tone = tones?.[i];
      return {
        char,
        tone: tone === '平' || tone === '仄' ? tone : null,
        isRhyme: tones !== null && isLast && rhyming.has(index + 1),
        fault: tones === null ? null : faultOf(verdict!.findings, index + 1, i + 1),
        mark: isLast ? mark : line.pauses.includes(i + 1) ? '、' : '',
      };
    });
    shown += characters.map(({ char, mark: after }) => char + after).join('');
    sentence.push({ characters, tones: tones?.join('') ?? '' });
    const isStanzaEnd = line.mark.includes('\n');
    if (isStanzaEnd || SENTENCE_END.test(mark) || index === lines.length - 1) {
      sentences.push(sentence);
      sentence = [];
    }
    if ((isStanzaEnd || index === lines.length - 1) && sentences.length > 0) {
      stanzas.push(sentences);
      sentences = [];
    }
  });
  return shown === '' || shown !== text.replace(/\s/gu, '') ? null : stanzas;
}
