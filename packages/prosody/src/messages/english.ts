// The sentences in English.

import type { MessageFacts, Sentences } from '../messages.ts';

const opposite = (tone: string): string => (tone === '平' ? '仄' : '平');
const level = (tone: string): string => (tone === '平' ? 'level (平)' : 'oblique (仄)');
/** Characters that would fit, where any are known. */
const such = (f: MessageFacts): string => (f.words === '' ? '' : `, such as ${f.words}`);

/** A rhyme of the poem's own group. */
const inGroup = (f: MessageFacts): { suggestion?: string } =>
  f.group === '' ? {} : { suggestion: `Use a character of ${f.group}${such(f)}.` };

export const ENGLISH: Sentences = {
  'line-length': (f) => ({
    message: `Line ${f.line} has ${f.count} characters; it should have ${f.expected}.`,
    suggestion: f.count > f.expected ? `Take out ${f.count - f.expected}.` : `Add ${f.expected - f.count}.`,
  }),
  'line-count': (f) => ({
    message: `The poem has ${f.count} lines; ${f.form} has ${f.expected === 10 ? 'an even number from ten up' : f.expected}.`,
    suggestion:
      f.expected === 10
        ? 'Ten lines at least, an even number.'
        : f.count > f.expected
          ? `Take out ${f.count - f.expected}.`
          : `Add ${f.expected - f.count}.`,
  }),
  'no-form': (f) => ({
    message: `The poem has ${f.count} lines; no regulated form has this shape.`,
    suggestion:
      'Name the tune if it is a ci, form 古 if it is old style; else set number and length of the lines right.',
  }),
  'empty-text': () => ({ message: 'There is no verse to check.', suggestion: 'Put in some lines and check again.' }),
  slot: (f) => ({
    message: `Line ${f.line}, character ${f.position} should be ${level(f.wanted)}; “${f.char}” is ${level(opposite(f.wanted))}.`,
    suggestion: `Replace “${f.char}” with a character that is ${level(f.wanted)}${such(f)}.`,
  }),
  'unconfirmed-reading': (f) => ({
    message: `Line ${f.line}, character ${f.position} should be ${level(f.wanted)}; “${f.char}” fits only by a reading that not every rhyme book lists.`,
    suggestion: `To fit by every book, replace “${f.char}” with a character that is ${level(f.wanted)}${such(f)}.`,
  }),
  shidui: (f) => ({
    message: `Line ${f.line} does not oppose the line before (失对): character ${f.position}, “${f.char}”, is ${level(opposite(f.wanted))} like “${f.otherChar}” above it.`,
    suggestion: `Replace “${f.char}” with a character that is ${level(f.wanted)}${such(f)}.`,
  }),
  'shidui-line': (f) => ({
    message: `Lines ${f.otherLine} and ${f.line} are not opposed at character ${f.otherPosition} (失对), because “${f.otherChar}” in line ${f.otherLine} breaks the pattern.`,
    suggestion: `Mend character ${f.otherPosition} of line ${f.otherLine} first.`,
  }),
  shinian: (f) => ({
    message: `Line ${f.line} does not join the couplet before (失粘): character ${f.position}, “${f.char}”, should be ${level(f.wanted)} like “${f.otherChar}” in line ${f.otherLine}.`,
    suggestion: `Replace “${f.char}” with a character that is ${level(f.wanted)}${such(f)}.`,
  }),
  'shinian-line': (f) => ({
    message: `Lines ${f.otherLine} and ${f.line} do not join at character ${f.otherPosition} (失粘), because “${f.otherChar}” in line ${f.otherLine} breaks the pattern.`,
    suggestion: `Mend character ${f.otherPosition} of line ${f.otherLine} first.`,
  }),
  guping: (f) => ({
    message: `Line ${f.line} has a lone level tone (孤平): with character ${f.position}, “${f.char}”, oblique, “${f.otherChar}” stands alone beside the rhyme.`,
    suggestion: `Replace “${f.char}” with a level character${such(f)}, or rescue it with a level character ${f.position + 2}.`,
  }),
  'guping-rescued': (f) => ({
    message: `Line ${f.line}: character ${f.position}, “${f.char}”, is oblique and “${f.otherChar}” (character ${f.otherPosition}) rescues it (孤平拗救): correct.`,
  }),
  sanpingwei: (f) => ({
    message: `Line ${f.line} ends in three level tones (三平尾).`,
    suggestion: `Replace character ${f.position}, “${f.char}”, with an oblique one${such(f)}.`,
  }),
  sanzewei: (f) => ({
    message: `Line ${f.line} ends in three oblique tones (三仄尾): tolerated, better avoided.`,
    suggestion: `Replace character ${f.position}, “${f.char}”, with a level one${such(f)}.`,
  }),
  tiao: (f) => ({
    message: `Line ${f.line} uses the licensed pattern 平平仄平仄 (特拗): characters ${f.otherPosition} and ${f.position} change places: correct.`,
  }),
  'tiao-loose': (f) => ({
    message: `Line ${f.line} uses 平平仄平仄 (特拗), but character ${f.position - 3} should be level.`,
    suggestion: `Make character ${f.position - 3} level${such(f)}.`,
  }),
  daao: (f) => ({
    message: `Line ${f.line}, character ${f.position} should be level; “${f.char}” is oblique (大拗) and the answering line does not rescue it.`,
    suggestion: `Replace “${f.char}” with a level character${such(f)}, or make character ${f.otherPosition} of line ${f.otherLine} level.`,
  }),
  'daao-rescued': (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, departs (大拗) and “${f.otherChar}” in line ${f.otherLine} rescues it: correct.`,
  }),
  xiaoao: (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, is oblique for level (小拗): tolerated without rescue, better rescued.`,
    suggestion: `Make character ${f.otherPosition} of line ${f.otherLine} level, or replace “${f.char}” with a level character${such(f)}.`,
  }),
  'xiaoao-rescued': (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, departs slightly (小拗) and “${f.otherChar}” in line ${f.otherLine} rescues it: correct.`,
  }),
  zhuangyun: (f) => ({
    message: `Line ${f.line} does not rhyme and should end oblique; “${f.char}” is in the rhyme group ${f.group} itself (撞韵).`,
    suggestion: `Replace “${f.char}” with an oblique character${such(f)}.`,
  }),
  chuyun: (f) => ({
    message: `Line ${f.line} is off rhyme (出韵): “${f.char}” is not in group ${f.group}.`,
    ...inGroup(f),
  }),
  'chuyun-oblique': (f) => ({
    message: `Line ${f.line} rhymes on “${f.char}” (group ${f.group}), an oblique tone; regulated verse rhymes on level tones.`,
    suggestion: 'Take a level rhyme throughout; if it is meant as old style, check it again with form 古.',
  }),
  'chuyun-neighbour': (f) => ({
    message: `The first line borrows “${f.char}” from a neighbour of group ${f.group} (孤雁入群): allowed.`,
    ...(f.group === '' ? {} : { suggestion: `To keep one rhyme throughout, use a character of ${f.group}${such(f)}.` }),
  }),
  chongyun: (f) => ({
    message: `Lines ${f.otherLine} and ${f.line} rhyme on the same character “${f.char}” (重韵).`,
    ...inGroup(f),
  }),
  'chongyun-possible': (f) => ({
    message: `Lines ${f.otherLine} and ${f.line} both rhyme on “${f.char}”; unless they are two characters in traditional script, the rhyme word is repeated (重韵).`,
    ...inGroup(f),
  }),
  'unknown-character': (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, is in no rhyme book; its tone is unknown.`,
    suggestion: 'If it is a variant, a gap or a slip, write the usual character and check again.',
  }),
  'chuyun-last': (f) => ({
    message: `Line ${f.line}, the last rhyme, “${f.char}”, leaves for the neighbour group ${f.otherGroup} (孤雁出群); regulated verse keeps one group.`,
    ...inGroup(f),
  }),
  'chuyun-lulu': (f) => ({
    message: `Line ${f.line} goes over to the neighbour group ${f.otherGroup} with “${f.char}”: half the rhymes in each (辘轳韵); regulated verse keeps one group.`,
    ...inGroup(f),
  }),
  'chuyun-jintui': (f) => ({
    message: `Line ${f.line} rhymes on “${f.char}” of the neighbour group ${f.otherGroup}: two groups by turns (进退韵); regulated verse keeps one group.`,
    ...inGroup(f),
  }),
  'chuyun-hulu': (f) => ({
    message: `Line ${f.line} rhymes on “${f.char}” of the neighbour group ${f.otherGroup}: few rhymes in one group, more in the other (葫芦韵); regulated verse keeps one group.`,
    ...inGroup(f),
  }),
  'zhuangyun-oblique': (f) => ({
    message: `Line ${f.line} does not rhyme, but ends in “${f.char}”, the oblique of group ${f.group}, which sounds like the rhyme (撞韵): no fault, better avoided.`,
    ...(f.words === '' ? {} : { suggestion: `An oblique character of another final would do, such as ${f.words}.` }),
  }),
  jiyun: (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, is in the rhyme group ${f.group} of “${f.otherChar}” itself (挤韵): no fault, the careful avoid it.`,
    ...(f.words === '' ? {} : { suggestion: `A level character of another group would do, such as ${f.words}.` }),
  }),
  shangwei: (f) => ({
    message: `${f.count} unrhymed lines from line ${f.otherLine} to line ${f.line} (“${f.char}”) end in the same tone, ${f.level} (上尾): no fault; let 上, 去 and 入 alternate there.`,
    ...(f.words === ''
      ? {}
      : { suggestion: `For “${f.char}”, an oblique character of another tone would do, such as ${f.words}.` }),
  }),
  hezhang: (f) => ({
    message: `Lines ${f.otherLine} and ${f.line} seem to say the same (合掌): ${f.pairs} are pairs of one meaning. No fault; a parallel couplet should say two things.`,
    suggestion:
      'Let one of the two say something else: time against place, seen against heard, movement against stillness.',
  }),
  chongzi: (f) => ({
    message: `Line ${f.line} uses “${f.char}” of line ${f.otherLine} again (重字): no fault, better avoided in regulated verse.`,
    ...(f.words === ''
      ? {}
      : { suggestion: `A character near in meaning that is ${level(f.wanted)}, such as ${f.words}.` }),
  }),
  'chongzi-deliberate': (f) => ({
    message:
      f.line === f.otherLine
        ? `Line ${f.line} repeats “${f.word}” on purpose, which is no fault (重字).`
        : `Line ${f.line} takes up “${f.word}” of line ${f.otherLine} in answering words or places: repeated on purpose, no fault (重字).`,
  }),
  zheyao: (f) => ({
    message: `Line ${f.line} does not join the couplet before (失粘), while each couplet is right in itself: 折腰体, as in 王维's 渭城曲.`,
    suggestion: 'To keep the rule, let the two halves of the poem exchange their tone patterns in one of them.',
  }),
  'zheyao-named': (f) => ({
    message: `Line ${f.line} does not join the couplet before, while each couplet is right in itself: read as 折腰体 (as 王维's 渭城曲), the faults named are none.`,
  }),
  gujue: (f) => ({
    message: `An old-style quatrain (古绝) with a level rhyme; as ${f.form} it would break ${f.count} places, but old style keeps no tone pattern.`,
    suggestion: `To make it ${f.form}, check it again with form ${f.form}: each place is named.`,
  }),
  'gujue-oblique': (f) => ({
    message: `An old-style quatrain (古绝) with an oblique rhyme (${f.group}); regulated verse rhymes on level tones.`,
    suggestion: `To make it ${f.form}, take a level rhyme and check it again with form ${f.form}.`,
  }),
  'gujue-possible': () => ({
    message:
      'If it is not meant to be regulated, it can be read as old style (古绝): the rhyme is right, the tones keep no pattern.',
  }),
  'guti-possible': () => ({
    message:
      'If it is not meant to be regulated, it can be read as old style (古体): the rhyme is right, the tones keep no pattern.',
  }),
  guti: (f) => ({
    message: `Old-style verse (古体) with a level rhyme; as ${f.form} it would break ${f.count} places, but old style keeps no tone pattern.`,
    suggestion: `To make it ${f.form}, check it again with form ${f.form}: each place is named.`,
  }),
  'guti-oblique': (f) => ({
    message: `Old-style verse (古体) with an oblique rhyme (${f.group}); regulated verse rhymes on level tones.`,
    suggestion: `To make it ${f.form}, take a level rhyme and check it again with form ${f.form}.`,
  }),
  'guti-free': (f) => ({
    message: `Old-style verse (古体) of ${f.count} lines: number and length of lines and changes of rhyme are free, no tone pattern is kept.`,
  }),
};
