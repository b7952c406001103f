// What the rules hand to one another: an issue is a finding before it is put into words. Lines and positions from 0.

import type { LineType } from '../forms.ts';
import type { Script } from '../scripts.ts';
import type { Grade, RuleId } from '../verdict.ts';

export type IssueKind = keyof typeof ISSUES;

export interface Issue {
  readonly kind: IssueKind;
  readonly line: number;
  /** -1 when the whole line (or poem) is meant. */
  readonly position: number;
  /** The tone that would fit the slot, where one would: 1 = 平, 2 = 仄. */
  readonly wanted?: 1 | 2;
  /** A second place the sentence names: the rescuing character, the line compared with. */
  readonly other?: { readonly line: number; readonly position: number };
  /** Rhyme group concerned. */
  readonly group?: number;
  /** The neighbour group that an off rhyme belongs to. */
  readonly otherGroup?: number;
  /** Characters or lines there are, and how many there should be. */
  readonly count?: number;
  readonly expected?: number;
  /** 上 去 入: the tone that ends have in common. */
  readonly level?: string;
  /** Facing characters of one meaning. */
  readonly words?: readonly string[];
}

/** Rule, grade, aspect of the score, and the Chinese name of each kind of issue. */
export const ISSUES = {
  'line-length': { rule: 'zishu', grade: '疵', aspect: 'length', name: '字数' },
  'line-count': { rule: 'jushu', grade: '疵', aspect: 'length', name: '句数' },
  'no-form': { rule: 'jushu', grade: '疵', aspect: 'length', name: '句式' },
  'empty-text': { rule: 'jushu', grade: '疵', aspect: 'length', name: '句数' },
  slot: { rule: 'pingze', grade: '疵', aspect: 'meter', name: '平仄' },
  'unconfirmed-reading': { rule: 'pingze', grade: '多音', aspect: 'meter', name: '多音' },
  shidui: { rule: 'shidui', grade: '疵', aspect: 'meter', name: '失对' },
  'shidui-line': { rule: 'shidui', grade: '疵', aspect: 'meter', name: '失对' },
  shinian: { rule: 'shinian', grade: '疵', aspect: 'meter', name: '失粘' },
  'shinian-line': { rule: 'shinian', grade: '疵', aspect: 'meter', name: '失粘' },
  guping: { rule: 'guping', grade: '疵', aspect: 'meter', name: '孤平' },
  'guping-rescued': { rule: 'aoju', grade: '合', aspect: 'meter', name: '孤平拗救' },
  sanpingwei: { rule: 'sanpingwei', grade: '疵', aspect: 'meter', name: '三平尾' },
  sanzewei: { rule: 'sanzewei', grade: '拗可', aspect: 'meter', name: '三仄尾' },
  tiao: { rule: 'tiao', grade: '合', aspect: 'meter', name: '特拗' },
  'tiao-loose': { rule: 'tiao', grade: '拗可', aspect: 'meter', name: '特拗' },
  daao: { rule: 'aoju', grade: '疵', aspect: 'meter', name: '大拗' },
  'daao-rescued': { rule: 'aoju', grade: '合', aspect: 'meter', name: '大拗' },
  xiaoao: { rule: 'aoju', grade: '拗可', aspect: 'meter', name: '小拗' },
  'xiaoao-rescued': { rule: 'aoju', grade: '合', aspect: 'meter', name: '小拗' },
  zhuangyun: { rule: 'zhuangyun', grade: '疵', aspect: 'meter', name: '撞韵' },
  chuyun: { rule: 'chuyun', grade: '疵', aspect: 'rhyme', name: '出韵' },
  'chuyun-oblique': { rule: 'chuyun', grade: '疵', aspect: 'rhyme', name: '仄韵' },
  'chuyun-neighbour': { rule: 'chuyun', grade: '拗可', aspect: 'rhyme', name: '首句借邻韵' },
  chongyun: { rule: 'chongyun', grade: '疵', aspect: 'rhyme', name: '重韵' },
  'chongyun-possible': { rule: 'chongyun', grade: '多音', aspect: 'rhyme', name: '重韵' },
  'chuyun-last': { rule: 'chuyun', grade: '疵', aspect: 'rhyme', name: '孤雁出群' },
  'chuyun-lulu': { rule: 'chuyun', grade: '疵', aspect: 'rhyme', name: '辘轳韵' },
  'chuyun-jintui': { rule: 'chuyun', grade: '疵', aspect: 'rhyme', name: '进退韵' },
  'chuyun-hulu': { rule: 'chuyun', grade: '疵', aspect: 'rhyme', name: '葫芦韵' },
  'zhuangyun-oblique': { rule: 'zhuangyun-oblique', grade: '合', aspect: 'rhyme', name: '撞韵' },
  shangwei: { rule: 'shangwei', grade: '合', aspect: 'meter', name: '上尾' },
  hezhang: { rule: 'hezhang', grade: '合', aspect: 'meter', name: '合掌' },
  jiyun: { rule: 'jiyun', grade: '合', aspect: 'rhyme', name: '挤韵' },
  chongzi: { rule: 'chongzi', grade: '合', aspect: 'meter', name: '重字' },
  'chongzi-deliberate': { rule: 'chongzi', grade: '合', aspect: 'meter', name: '重字' },
  zheyao: { rule: 'zheyao', grade: '拗可', aspect: 'meter', name: '折腰体' },
  'zheyao-named': { rule: 'zheyao', grade: '合', aspect: 'meter', name: '折腰体' },
  gujue: { rule: 'guti', grade: '拗可', aspect: 'meter', name: '古绝' },
  'gujue-oblique': { rule: 'guti', grade: '拗可', aspect: 'meter', name: '古绝' },
  guti: { rule: 'guti', grade: '拗可', aspect: 'meter', name: '古体' },
  'guti-oblique': { rule: 'guti', grade: '拗可', aspect: 'meter', name: '古体' },
  'guti-possible': { rule: 'guti', grade: '合', aspect: 'meter', name: '古体' },
  'gujue-possible': { rule: 'guti', grade: '合', aspect: 'meter', name: '古绝' },
  'guti-free': { rule: 'guti', grade: '拗可', aspect: 'meter', name: '古体' },
  'unknown-character': { rule: 'unknown-character', grade: '拗可', aspect: 'meter', name: '未知字' },
} as const satisfies Record<string, { rule: RuleId; grade: Grade; aspect: 'length' | 'meter' | 'rhyme'; name: string }>;

/** A line as the tone rules see it; unknown characters fit every slot (3) and are reported elsewhere. */
export interface LineInPattern {
  readonly line: number;
  readonly type: LineType;
  /** Tone masks, one a character: 1 = 平 only, 2 = 仄 only, 3 = either. */
  readonly masks: ArrayLike<number>;
  /** With the readings that not every book confirms: which of them poets use (椹, 仄) decides what is likely. */
  readonly listed: ArrayLike<number>;
  readonly chars: readonly string[];
  readonly script: Script;
  /** 0 in lines of five characters, 2 in lines of seven: where the last five begin. */
  readonly core: 0 | 2;
}

export const LEVEL = 1;
export const OBLIQUE = 2;
