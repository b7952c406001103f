/** The sentences of the ci checker, Chinese and English. Facts come filled in; nothing here decides anything. */
import type { Language } from '../messages.ts';
import type { Grade, RuleId } from '../verdict.ts';

export type CiIssueKind =
  | 'tone'
  | 'tone-practice'
  | 'tone-reading'
  | 'rhyme'
  | 'rhyme-one'
  | 'division'
  | 'line-length'
  | 'line-extra'
  | 'line-missing'
  | 'empty'
  | 'turn'
  | 'ye'
  | 'lead'
  | 'unknown';

export interface CiFacts {
  readonly line: number;
  readonly position: number;
  readonly char: string;
  readonly wanted: string;
  readonly group: string;
  readonly count: number;
  readonly expected: number;
  readonly tune: string;
  readonly variant: string;
  /** The rhymes in order, tones and lines (平仄转换, 叶韵). */
  readonly rhymes: readonly { readonly tone: string; readonly lines: string }[];
  /** Characters that would fit, best first; '' where none are known. */
  readonly words: string;
}

interface CiIssueRow {
  readonly rule: RuleId;
  readonly grade: Grade;
  readonly aspect: 'length' | 'meter' | 'rhyme';
  readonly name: string;
}

/** Rule, grade, aspect of the score and Chinese name of each kind. */
export const CI_ISSUES: Readonly<Record<CiIssueKind, CiIssueRow>> = {
  tone: { rule: 'cipai-tone', grade: '疵', aspect: 'meter', name: '平仄' },
  'tone-practice': { rule: 'cipai-tone', grade: '拗可', aspect: 'meter', name: '平仄' },
  'tone-reading': { rule: 'cipai-tone', grade: '多音', aspect: 'meter', name: '多音' },
  rhyme: { rule: 'cipai-rhyme', grade: '疵', aspect: 'rhyme', name: '出韵' },
  'rhyme-one': { rule: 'cipai-rhyme', grade: '拗可', aspect: 'rhyme', name: '出韵' },
  division: { rule: 'cipai-length', grade: '疵', aspect: 'length', name: '断句' },
  'line-length': { rule: 'cipai-length', grade: '疵', aspect: 'length', name: '字数' },
  'line-extra': { rule: 'cipai-length', grade: '疵', aspect: 'length', name: '句数' },
  'line-missing': { rule: 'cipai-length', grade: '疵', aspect: 'length', name: '句数' },
  empty: { rule: 'cipai-length', grade: '疵', aspect: 'length', name: '句数' },
  turn: { rule: 'cipai-zhuanyun', grade: '合', aspect: 'rhyme', name: '平仄转换' },
  ye: { rule: 'cipai-yeyun', grade: '合', aspect: 'rhyme', name: '叶韵' },
  lead: { rule: 'cipai-lingzi', grade: '合', aspect: 'meter', name: '领字' },
  unknown: { rule: 'unknown-character', grade: '拗可', aspect: 'meter', name: '未知字' },
};

interface Wording {
  readonly message: string;
  readonly suggestion?: string;
}

const opposite = (tone: string): string => (tone === '平' ? '仄' : '平');
/** Characters that would fit, where any are known. */
const such = (f: CiFacts): string => (f.words === '' ? '' : `，如${f.words}`);
const suchAs = (f: CiFacts): string => (f.words === '' ? '' : `, such as ${f.words}`);
const level = (tone: string): string => (tone === '平' ? 'level (平)' : 'oblique (仄)');

const CHINESE: Readonly<Record<CiIssueKind, (f: CiFacts) => Wording>> = {
  tone: (f) => ({
    message: `第${f.line}句第${f.position}字应${f.wanted}，“${f.char}”是${opposite(f.wanted)}声（《${f.tune}》${f.variant}）。`,
    suggestion: `“${f.char}”换成${f.wanted}声字${such(f)}。`,
  }),
  'tone-practice': (f) => ({
    message: `第${f.line}句第${f.position}字，谱作${f.wanted}，“${f.char}”是${opposite(f.wanted)}声；宋人此处平仄不拘，可以容忍。`,
    suggestion: `要全依词谱，“${f.char}”换成${f.wanted}声字${such(f)}。`,
  }),
  'tone-reading': (f) => ({
    message: `第${f.line}句第${f.position}字应${f.wanted}，“${f.char}”须取${f.wanted}声一读；此读并非各本韵书都收。`,
    suggestion: `要各本都合，“${f.char}”换成${f.wanted}声字${such(f)}。`,
  }),
  rhyme: (f) => ({
    message: `第${f.line}句出韵：“${f.char}”不在${f.group}。`,
    suggestion: `“${f.char}”换成${f.group}的${f.wanted}声字${such(f)}。`,
  }),
  'rhyme-one': (f) => ({
    message: `第${f.line}句“${f.char}”不在${f.group}；只此一处，宋词中常见，可以容忍。`,
    suggestion: `“${f.char}”换成${f.group}的${f.wanted}声字${such(f)}。`,
  }),
  division: (f) => ({
    message: `字数合《${f.tune}》${f.variant}，断句却多处不同。`,
    suggestion: '照词谱断句；或这首词本是另一体、另一词牌，请指明再查。',
  }),
  'line-length': (f) => ({
    message: `第${f.line}句有${f.count}字，《${f.tune}》${f.variant}此句${f.expected}字。`,
    suggestion: f.count > f.expected ? `删去${f.count - f.expected}字。` : `补足${f.expected - f.count}字。`,
  }),
  'line-extra': (f) => ({
    message: `第${f.line}句是多出的一句，《${f.tune}》${f.variant}无此句。`,
    suggestion: '删去此句，或并入邻句。',
  }),
  'line-missing': (f) => ({
    message: `第${f.line}句之后缺一句，《${f.tune}》${f.variant}此处有${f.expected}字一句。`,
    suggestion: `补上${f.expected}字的一句。`,
  }),
  empty: () => ({ message: '没有可以检查的词句。', suggestion: '贴上词句再查。' }),
  turn: (f) => ({
    message: `《${f.tune}》平仄韵转换：${f.rhymes.map(({ tone, lines }) => `第${lines}句${tone}韵`).join('，')}；到第${f.line}句“${f.char}”换为${f.wanted}韵，合谱。`,
  }),
  ye: (f) => ({
    message: `第${f.rhymes[0]?.lines ?? f.line}句叶${f.wanted}韵：与全词的韵同部而换声，如“${f.char}”，合谱。`,
  }),
  lead: (f) => ({ message: `第${f.line}句“${f.char}”是领字（一字逗），领起其后的句子，读时一顿；领字用仄声，合谱。` }),
  unknown: (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”不见于韵书，平仄不明。`,
    suggestion: '若是异体字、缺字或误字，换成通行的字再查。',
  }),
};

const ENGLISH: Readonly<Record<CiIssueKind, (f: CiFacts) => Wording>> = {
  tone: (f) => ({
    message: `Line ${f.line}, character ${f.position} should be ${level(f.wanted)}; “${f.char}” is ${level(opposite(f.wanted))} (${f.tune}, ${f.variant}).`,
    suggestion: `Replace “${f.char}” with a character that is ${level(f.wanted)}${suchAs(f)}.`,
  }),
  'tone-practice': (f) => ({
    message: `Line ${f.line}, character ${f.position}: the book has ${level(f.wanted)}, “${f.char}” is ${level(opposite(f.wanted))}; Song poets used either here: tolerated.`,
    suggestion: `To keep to the book, replace “${f.char}” with a character that is ${level(f.wanted)}${suchAs(f)}.`,
  }),
  'tone-reading': (f) => ({
    message: `Line ${f.line}, character ${f.position} should be ${level(f.wanted)}; “${f.char}” fits only by a reading that not every rhyme book lists.`,
    suggestion: `To fit by every book, replace “${f.char}” with a character that is ${level(f.wanted)}${suchAs(f)}.`,
  }),
  rhyme: (f) => ({
    message: `Line ${f.line} is off rhyme: “${f.char}” is not in ${f.group}.`,
    suggestion: `Replace “${f.char}” with a character of ${f.group} that is ${level(f.wanted)}${suchAs(f)}.`,
  }),
  'rhyme-one': (f) => ({
    message: `Line ${f.line}: “${f.char}” is not in ${f.group}; a single one off is common in Song ci and tolerated.`,
    suggestion: `Replace “${f.char}” with a character of ${f.group} that is ${level(f.wanted)}${suchAs(f)}.`,
  }),
  division: (f) => ({
    message: `The length is that of ${f.tune}, ${f.variant}, but the lines are divided otherwise.`,
    suggestion: 'Divide the lines as the tune has them, or name the variant or tune that is meant.',
  }),
  'line-length': (f) => ({
    message: `Line ${f.line} has ${f.count} characters; in ${f.tune}, ${f.variant}, it has ${f.expected}.`,
    suggestion: f.count > f.expected ? `Take out ${f.count - f.expected}.` : `Add ${f.expected - f.count}.`,
  }),
  'line-extra': (f) => ({
    message: `Line ${f.line} is one too many; ${f.tune}, ${f.variant}, has no such line.`,
    suggestion: 'Take it out, or join it to its neighbour.',
  }),
  'line-missing': (f) => ({
    message: `After line ${f.line} a line is missing; ${f.tune}, ${f.variant}, has one of ${f.expected} characters there.`,
    suggestion: `Add a line of ${f.expected} characters.`,
  }),
  empty: () => ({ message: 'There is no verse to check.', suggestion: 'Put in some lines and check again.' }),
  turn: (f) => ({
    message: `${f.tune} changes between level and oblique rhymes (平仄转换): ${f.rhymes.map(({ tone, lines }) => `lines ${lines} ${level(tone)}`).join('; ')}. The first change is to “${f.char}” in line ${f.line}: correct.`,
  }),
  ye: (f) => ({
    message: `Rhymes in the other tone of the same part (叶韵), ${level(f.wanted)}: lines ${f.rhymes[0]?.lines ?? f.line}, the first “${f.char}”: correct.`,
  }),
  lead: (f) => ({
    message: `Line ${f.line}: “${f.char}” is a leading character (领字): a short pause follows, and what comes after depends on it. It is oblique, as it should be.`,
  }),
  unknown: (f) => ({
    message: `Line ${f.line}, character ${f.position}, “${f.char}”, is in no rhyme book; its tone is unknown.`,
    suggestion: 'If it is a variant, a gap or a slip, write the usual character and check again.',
  }),
};

export function wordCiIssue(kind: CiIssueKind, facts: CiFacts, language: Language): Wording {
  return (language === 'en' ? ENGLISH : CHINESE)[kind](facts);
}
