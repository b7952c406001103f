// The sentences of the verdict: what the rule asks, what stands there, what would fit. Places and characters come filled
// in; nothing here decides anything.

import { CHINESE } from './messages/chinese.ts';
import { ENGLISH } from './messages/english.ts';
import type { IssueKind } from './rules/issue.ts';

export type Language = 'zh' | 'en';

/** The facts a sentence may use; numbers of lines and positions count from 1. */
export interface MessageFacts {
  readonly line: number;
  readonly position: number;
  readonly char: string;
  /** The characters from `char` on that are meant, where they are a word. */
  readonly word: string;
  /** 平 or 仄: what would fit. */
  readonly wanted: string;
  readonly otherLine: number;
  readonly otherPosition: number;
  readonly otherChar: string;
  readonly group: string;
  readonly count: number;
  readonly expected: number;
  readonly form: string;
  /** The neighbour group that an off rhyme is in. */
  readonly otherGroup: string;
  /** 上 去 入: the tone that ends have in common. */
  readonly level: string;
  /** Facing characters of one meaning, e.g. 噪—鸣、逾—更. */
  readonly pairs: string;
  /** Characters to use instead, best first; '' where none are known. */
  readonly words: string;
}

export interface Wording {
  readonly message: string;
  readonly suggestion?: string;
}

export type Sentences = Readonly<Record<IssueKind, (facts: MessageFacts) => Wording>>;

/** The sentence for an issue, and what would mend it. */
export function wordIssue(kind: IssueKind, facts: MessageFacts, language: Language): Wording {
  return (language === 'en' ? ENGLISH : CHINESE)[kind](facts);
}
