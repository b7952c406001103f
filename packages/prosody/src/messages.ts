// The sentences of the verdict, Chinese and English: what the rule asks, what stands there, what would fit. Places and
// characters come filled in; nothing here decides anything.

import type { IssueKind } from './rules/issue.ts';

export type Language = 'zh' | 'en';

/** The facts a sentence may use; numbers of lines and positions count from 1. */
export interface MessageFacts {
  readonly line: number;
  readonly position: number;
  readonly char: string;
  /** 平 or 仄: what would fit. */
  readonly wanted: string;
  readonly otherLine: number;
  readonly otherPosition: number;
  readonly otherChar: string;
  readonly group: string;
  readonly count: number;
  readonly expected: number;
  readonly form: string;
  /** Rhyme words to use instead. */
  readonly words: string;
}

interface Wording {
  readonly message: string;
  readonly suggestion?: string;
}

type Sentences = Readonly<Record<IssueKind, (facts: MessageFacts) => Wording>>;

const opposite = (tone: string): string => (tone === '平' ? '仄' : '平');
const level = (tone: string): string => (tone === '平' ? 'level (平)' : 'oblique (仄)');

const CHINESE: Sentences = {
  'line-length': (f) => ({
    message: `第${f.line}句有${f.count}字，应为${f.expected}字。`,
    suggestion: f.count > f.expected ? `删去${f.count - f.expected}字。` : `补足${f.expected - f.count}字。`,
  }),
  'line-count': (f) => ({
    message: `全诗${f.count}句，${f.form}应为${f.expected === 10 ? '十句以上的偶数' : f.expected}句。`,
  }),
  'no-form': (f) => ({ message: `全诗${f.count}句，句数与字数不合任何一种近体诗（五、七言绝句、律诗、排律）。` }),
  'empty-text': () => ({ message: '没有可以检查的诗句。' }),
  slot: (f) => ({
    message: `第${f.line}句第${f.position}字应${f.wanted}，“${f.char}”是${opposite(f.wanted)}声。`,
    suggestion: `“${f.char}”换成${f.wanted}声字。`,
  }),
  'unconfirmed-reading': (f) => ({
    message: `第${f.line}句第${f.position}字应${f.wanted}，“${f.char}”须取${f.wanted}声一读；此读并非各本韵书都收。`,
  }),
  shidui: (f) => ({
    message: `第${f.line}句失对：第${f.position}字“${f.char}”与上句同位的“${f.otherChar}”同为${opposite(f.wanted)}声，一联之内应相反。`,
    suggestion: `“${f.char}”换成${f.wanted}声字。`,
  }),
  'shidui-line': (f) => ({
    message: `第${f.line}句与第${f.otherLine}句失对：第${f.otherPosition}字平仄相同，因第${f.otherLine}句“${f.otherChar}”不合律。`,
    suggestion: `先改第${f.otherLine}句第${f.otherPosition}字。`,
  }),
  shinian: (f) => ({
    message: `第${f.line}句失粘：第${f.position}字“${f.char}”是${opposite(f.wanted)}声，应与第${f.otherLine}句的“${f.otherChar}”同为${f.wanted}声。`,
    suggestion: `“${f.char}”换成${f.wanted}声字。`,
  }),
  'shinian-line': (f) => ({
    message: `第${f.line}句与第${f.otherLine}句失粘：第${f.otherPosition}字平仄应相同，因第${f.otherLine}句“${f.otherChar}”不合律。`,
    suggestion: `先改第${f.otherLine}句第${f.otherPosition}字。`,
  }),
  guping: (f) => ({
    message: `第${f.line}句犯孤平：第${f.position}字“${f.char}”用仄，除韵脚外只剩“${f.otherChar}”一个平声相连。`,
    suggestion: `第${f.position}字换成平声字，或把第${f.position + 2}字换成平声来救。`,
  }),
  'guping-rescued': (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”用仄，第${f.otherPosition}字“${f.otherChar}”用平补救（孤平拗救），合律。`,
  }),
  sanpingwei: (f) => ({
    message: `第${f.line}句三平尾：末三字都是平声。`,
    suggestion: `第${f.position}字“${f.char}”换成仄声字。`,
  }),
  sanzewei: (f) => ({
    message: `第${f.line}句三仄尾：末三字都是仄声，可以容忍，宜避。`,
    suggestion: `第${f.position}字“${f.char}”换成平声字。`,
  }),
  tiao: (f) => ({ message: `第${f.line}句用特拗“平平仄平仄”：第${f.otherPosition}、${f.position}字平仄互换，合律。` }),
  'tiao-loose': (f) => ({
    message: `第${f.line}句用特拗“平平仄平仄”，但第${f.position - 3}字宜平而用仄。`,
    suggestion: `第${f.position - 3}字换成平声字。`,
  }),
  daao: (f) => ({
    message: `第${f.line}句第${f.position}字应平，“${f.char}”是仄声（大拗），对句第${f.otherPosition}字须用平声来救，而未救。`,
    suggestion: `“${f.char}”换成平声字，或把第${f.otherLine}句第${f.otherPosition}字换成平声字。`,
  }),
  'daao-rescued': (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”大拗，第${f.otherLine}句第${f.otherPosition}字“${f.otherChar}”用平相救，合律。`,
  }),
  xiaoao: (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”该平用仄（小拗），可以不救，宜救。`,
    suggestion: `第${f.otherLine}句第${f.otherPosition}字用平声字来救。`,
  }),
  'xiaoao-rescued': (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”小拗，第${f.otherLine}句第${f.otherPosition}字“${f.otherChar}”用平相救，合律。`,
  }),
  zhuangyun: (f) => ({
    message: `第${f.line}句不入韵，末字应仄，“${f.char}”却与韵脚同在${f.group}部（撞韵）。`,
    suggestion: `“${f.char}”换成仄声字。`,
  }),
  chuyun: (f) => ({
    message: `第${f.line}句出韵：“${f.char}”不在${f.group}部。`,
    ...(f.words === '' ? {} : { suggestion: `${f.group}部常用的韵字：${f.words}。` }),
  }),
  'chuyun-oblique': (f) => ({ message: `第${f.line}句韵脚“${f.char}”属${f.group}部，是仄声；近体诗押平声韵。` }),
  'chuyun-neighbour': (f) => ({ message: `首句“${f.char}”借邻韵入${f.group}部，可以。` }),
  chongyun: (f) => ({
    message: `第${f.line}句与第${f.otherLine}句的韵脚都是“${f.char}”（重韵）。`,
    ...(f.words === '' ? {} : { suggestion: `${f.group}部常用的韵字：${f.words}。` }),
  }),
  'unknown-character': (f) => ({ message: `第${f.line}句第${f.position}字“${f.char}”不见于韵书，平仄不明。` }),
};

const ENGLISH: Sentences = {
  'line-length': (f) => ({
    message: `Line ${f.line} has ${f.count} characters; it should have ${f.expected}.`,
    suggestion: f.count > f.expected ? `Take out ${f.count - f.expected}.` : `Add ${f.expected - f.count}.`,
  }),
  'line-count': (f) => ({
    message: `The poem has ${f.count} lines; ${f.form} has ${f.expected === 10 ? 'an even number from ten up' : f.expected}.`,
  }),
  'no-form': (f) => ({ message: `The poem has ${f.count} lines; no regulated form has this shape.` }),
  'empty-text': () => ({ message: 'There is no verse to check.' }),
  slot: (f) => ({
    message: `Line ${f.line}, character ${f.position} should be ${level(f.wanted)}; “${f.char}” is ${level(opposite(f.wanted))}.`,
    suggestion: `Replace “${f.char}” with a character that is ${level(f.wanted)}.`,
  }),
  'unconfirmed-reading': (f) => ({
    message: `Line ${f.line}, character ${f.position} should be ${level(f.wanted)}; “${f.char}” fits only by a reading that not every rhyme book lists.`,
  }),
  shidui: (f) => ({
    message: `Line ${f.line} does not oppose the line before (失对): character ${f.position}, “${f.char}”, is ${level(opposite(f.wanted))} like “${f.otherChar}” above it.`,
    suggestion: `Replace “${f.char}” with a character that is ${level(f.wanted)}.`,
  }),
  'shidui-line': (f) => ({
    message: `Lines ${f.otherLine} and ${f.line} are not opposed at character ${f.otherPosition} (失对), because “${f.otherChar}” in line ${f.otherLine} breaks the pattern.`,
    suggestion: `Mend character ${f.otherPosition} of line ${f.otherLine} first.`,
  }),
  shinian: (f) => ({
    message: `Line ${f.line} does not join the couplet before (失粘): character ${f.position}, “${f.char}”, should be ${level(f.wanted)} like “${f.otherChar}” in line ${f.otherLine}.`,
    suggestion: `Replace “${f.char}” with a character that is ${level(f.wanted)}.`,
  }),
  'shinian-line': (f) => ({
    message: `Lines ${f.otherLine} and ${f.line} do not join at character ${f.otherPosition} (失粘), because “${f.otherChar}” in line ${f.otherLine} breaks the pattern.`,
    suggestion: `Mend character ${f.otherPosition} of line ${f.otherLine} first.`,
  }),
  guping: (f) => ({
    message: `Line ${f.line} has a lone level tone (孤平): with character ${f.position}, “${f.char}”, oblique, “${f.otherChar}” stands alone beside the rhyme.`,
    suggestion: `Make character ${f.position} level, or rescue it with a level character ${f.position + 2}.`,
  }),
  'guping-rescued': (f) => ({
    message: `Line ${f.line}: character ${f.position}, “${f.char}”, is oblique and “${f.otherChar}” (character ${f.otherPosition}) rescues it (孤平拗救): correct.`,
  }),
  sanpingwei: (f) => ({
    message: `Line ${f.line} ends in three level tones (三平尾).`,
    suggestion: `Make character ${f.position}, “${f.char}”, oblique.`,
  }),
  sanzewei: (f) => ({
    message: `Line ${f.line} ends in three oblique tones (三仄尾): tolerated, better avoided.`,
    suggestion: `Make character ${f.position}, “${f.char}”, level.`,
  }),
  tiao: (f) => ({
    message: `Line ${f.line} uses the licensed pattern 平平仄平仄 (特拗): characters ${f.otherPosition} and ${f.position} change places: correct.`,
  }),
  'tiao-loose': (f) => ({
    message: `Line ${f.line} uses 平平仄平仄 (特拗), but character ${f.position - 3} should be level.`,
    suggestion: `Make character ${f.position - 3} level.`,
  }),
  daao: (f) => ({
    message: `Line ${f.line}, character ${f.position} should be level; “${f.char}” is oblique (大拗) and the answering line does not rescue it.`,
    suggestion: `Make “${f.char}” level, or character ${f.otherPosition} of line ${f.otherLine}.`,
  }),
  'daao-rescued': (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, departs (大拗) and “${f.otherChar}” in line ${f.otherLine} rescues it: correct.`,
  }),
  xiaoao: (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, is oblique for level (小拗): tolerated without rescue, better rescued.`,
    suggestion: `Make character ${f.otherPosition} of line ${f.otherLine} level.`,
  }),
  'xiaoao-rescued': (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, departs slightly (小拗) and “${f.otherChar}” in line ${f.otherLine} rescues it: correct.`,
  }),
  zhuangyun: (f) => ({
    message: `Line ${f.line} does not rhyme and should end oblique; “${f.char}” is in the rhyme group ${f.group} itself (撞韵).`,
    suggestion: `Replace “${f.char}” with an oblique character.`,
  }),
  chuyun: (f) => ({
    message: `Line ${f.line} is off rhyme (出韵): “${f.char}” is not in group ${f.group}.`,
    ...(f.words === '' ? {} : { suggestion: `Common rhymes of ${f.group}: ${f.words}.` }),
  }),
  'chuyun-oblique': (f) => ({
    message: `Line ${f.line} rhymes on “${f.char}” (group ${f.group}), an oblique tone; regulated verse rhymes on level tones.`,
  }),
  'chuyun-neighbour': (f) => ({
    message: `The first line borrows “${f.char}” from a neighbour of group ${f.group}: allowed.`,
  }),
  chongyun: (f) => ({
    message: `Lines ${f.otherLine} and ${f.line} rhyme on the same character “${f.char}” (重韵).`,
    ...(f.words === '' ? {} : { suggestion: `Common rhymes of ${f.group}: ${f.words}.` }),
  }),
  'unknown-character': (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, is in no rhyme book; its tone is unknown.`,
  }),
};

/** The sentence for an issue, and what would mend it. */
export function wordIssue(kind: IssueKind, facts: MessageFacts, language: Language): Wording {
  return (language === 'en' ? ENGLISH : CHINESE)[kind](facts);
}
