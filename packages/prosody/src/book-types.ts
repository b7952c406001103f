// What a rhyme book is. Types only.

import type { BookName } from './verdict.ts';

/** One reading of a character. */
export interface Reading {
  /** Group of the book: 平水 1–106, 词林 1–19 (15–19 are the entering parts), 新韵 1–14, 通韵 1–16, 廣韻 1–206. */
  readonly group: number;
  readonly tone: '平' | '仄';
}

export interface RhymeGroup {
  readonly id: number;
  /** Traditional, e.g. 東, 第一部. */
  readonly name: string;
  readonly simplified: string;
  /** 上平 下平 上 去 入 in 平水韵 and 廣韻; 平仄 or 入 in the books whose groups are divided by tone only inside. */
  readonly level: string;
  /** Tone of the whole group; 平 where the group holds both (level 平仄): then the reading has it. */
  readonly tone: '平' | '仄';
}

export interface Book {
  readonly name: BookName;
  readonly groups: readonly RhymeGroup[];
  /** Readings, variants folded; simplified characters through their traditional forms; [] when unknown. */
  readings(char: string): readonly Reading[];
  /** Bit 1 = 平, bit 2 = 仄, 0 unknown. */
  toneMask(char: string): 0 | 1 | 2 | 3;
  /**
   * The tones that the narrowest source of 平水韵 with the character gives; those of `toneMask` in the other books. A slot
   * that `toneMask` fits and this does not is no fault, but is reported as 多音. For a few characters (僊) the two have
   * nothing in common.
   */
  confirmedToneMask(char: string): 0 | 1 | 2 | 3;
  /** Both at once: `toneMask` in the two low bits, `confirmedToneMask` in the two above. */
  toneMasks(char: string): number;
  group(id: number): RhymeGroup | undefined;
  /** By name in either script (东, 東, 一东, 第七部, 7), else the group of a character's commonest rhyme reading. */
  findGroup(nameOrChar: string): RhymeGroup | undefined;
  /** Groups from which a first line may borrow its rhyme (首句借邻韵); only 平水韵 has any. */
  neighbours(id: number): readonly number[];
  /**
   * Names the set of groups that rhyme with one another by one of them: in 廣韻 the first of those used together (同用);
   * elsewhere every group stands for itself.
   */
  together(id: number): number;
  /** Every character that the book itself lists. */
  characters(): Iterable<string>;
}

/** A rhyme word with how often it rhymes in its group in regulated Tang and Song verse. */
export interface RhymeWord {
  readonly char: string;
  readonly uses: number;
}
