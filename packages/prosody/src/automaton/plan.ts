/**
 * What is asked of the automaton: the form or tune, the rhyme, the characters already fixed. A plan is data (it travels
 * in a request as JSON) except for its inventory, the characters that the writer is able to write.
 */
import type { BookName } from '../verdict.ts';
import type { CharacterInventory } from './inventory.ts';

/** 绝句, 律诗 and 排律 of five or seven characters a line. */
export type RegulatedFormName = '五绝' | '七绝' | '五律' | '七律' | '五排' | '七排';

/** A character that is given, not chosen: an acrostic's first characters, or every character of a locked line. */
export interface FixedCharacter {
  /** From 1. A ci line ends at 韵 。 句 ， or 读 、. */
  readonly line: number;
  /** From 1 inside the line. */
  readonly position: number;
  readonly character: string;
  /** Stands as it is, whatever its tone and rhyme: a fault that is to stay while something else is rewritten. Default false. */
  readonly isExempt?: boolean;
}

interface CommonPlan {
  /** Default: 平水韵 for regulated verse, 词林正韵 for ci. */
  readonly book?: BookName;
  /** A group of the book (`Book.findGroup`); undefined: the first rhyme chooses. For ci with several rhymes: the first one. */
  readonly rhymeGroup?: number;
  readonly fixed?: readonly FixedCharacter[];
  /** No character twice in the poem. Default false (a rhyme character is never repeated in any case). */
  readonly noRepeatedCharacters?: boolean;
  /** With `noRepeatedCharacters`: a character may stand twice in a row inside a line (叠字, 萧萧). Default false. */
  readonly allowsDoubling?: boolean;
  /** Characters that must not occur. */
  readonly forbiddenCharacters?: readonly string[];
  /** The characters that can be written, e.g. the single-character tokens of a vocabulary. */
  readonly inventory: CharacterInventory;
}

export interface RegulatedPlan extends CommonPlan {
  readonly form: RegulatedFormName;
  /** Only for 五排 and 七排: an even number from 10; default 12. */
  readonly lineCount?: number;
  /** 平起 or 仄起; undefined: either. */
  readonly start?: '平起' | '仄起';
  /** undefined: either. */
  readonly firstLineRhymes?: boolean;
  /** 首句借邻韵: the first line may rhyme in a neighbour group. Default false. */
  readonly neighbourFirstLine?: boolean;
}

export interface CiPlan extends CommonPlan {
  readonly form: '词';
  /** Name or alias, traditional or simplified. */
  readonly tune: string;
  /** Label, e.g. `钦定词谱 1`; undefined: the variant that most Song poems follow. */
  readonly variant?: string;
}

/** The lower line (下联) to an upper one that is given. */
export interface CoupletPlan extends CommonPlan {
  readonly form: '联';
  /** 上联; its clauses may be divided by any marks. */
  readonly upper: string;
}

export type FormPlan = RegulatedPlan | CiPlan | CoupletPlan;
