/** What a ci tune (词牌) is: its names, its variants in the books, and how Song poets really wrote it. Types only. */

/** 中: either tone. */
export type Slot = '平' | '仄' | '中';

/** 韵 a rhyme 。 · 句 a line ， · 读 a pause inside a line 、. */
export type LineEnd = '韵' | '句' | '读';

export interface TuneLine {
  readonly slots: readonly Slot[];
  readonly end: LineEnd;
  /** At 韵: which of the variant's rhymes, from 0. */
  readonly rhymeSet: number;
  /** 叶: rhymes with its set in the other tone (平 with 仄 of one 词林 part). */
  readonly isYe: boolean;
}

export type TuneBook = '钦定词谱' | '唐宋词格律';

export interface TuneVariant {
  /** Book and number, e.g. `钦定词谱 1`. */
  readonly label: string;
  readonly book: TuneBook;
  readonly number: number;
  /** Poet of the book's example. */
  readonly poet: string;
  readonly characterCount: number;
  /** Number of lines in each stanza. */
  readonly stanzas: readonly number[];
  readonly lines: readonly TuneLine[];
  readonly rhymeSetCount: number;
  /** Song ci that follow this variant best. */
  readonly corpusCount: number;
}

/** What Song poets wrote where at least twelve ci divide the tune in one way: a slot is fixed when nine in ten agree. */
export interface TunePractice {
  /** Ci counted. */
  readonly count: number;
  readonly slots: readonly Slot[];
  /** Line ends (韵 and 句 only; poets' texts do not mark 读): characters before each, the last is the length. */
  readonly breaks: readonly number[];
}

export interface Tune {
  readonly id: number;
  /** Simplified. */
  readonly name: string;
  readonly traditional: string;
  /** 别名, simplified, best attested first. */
  readonly aliases: readonly string[];
  /** Song ci under this tune's names. */
  readonly corpusCount: number;
  readonly variants: readonly TuneVariant[];
  readonly practices: readonly TunePractice[];
}
