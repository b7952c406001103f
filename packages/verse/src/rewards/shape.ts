/** Lines, characters and punctuation as asked. First of the rewards: without its shape a poem has no rhyme and no tones. */
import { splitLines } from '@tuiqiao/corpus';
import { findForm, findTune, shapeOfForm, type TuneVariant } from '@tuiqiao/prosody';
import { clamp, linesOf, type PoemReward, type RewardExample, verdictFor } from './poem-reward.ts';

/** Below this only the exact shape lies, so that a gate can ask for it. */
const NEAR_MISS = 0.8;
/** What is left of the score of a text with stray marks, blanks or letters, and of one that did not end. */
const STRAY_FACTOR = 0.5;
const CUT_FACTOR = 0.5;
/** Shortest poem in free form: fewer lines are a saying. */
const MIN_FREE_LINES = 4;

/** 1 for the exact shape in clean punctuation; a near miss earns up to 0.8, by how well each line has its length. */
export const shapeReward: PoemReward = {
  name: 'shape',
  range: [0, 1],
  score: (text, example) => {
    const isExact = hasShape(text, example);
    let score = isExact ? 1 : NEAR_MISS * nearness(text, example);
    if (!isCleanLayout(text, example)) score *= STRAY_FACTOR;
    if (example.isFinished === false) score *= CUT_FACTOR;
    return score;
  },
};

function hasShape(text: string, example: RewardExample): boolean {
  const { form, tune } = example.request;
  if (tune === undefined && (form === undefined || findForm(form) === undefined)) {
    return splitLines(text).length >= MIN_FREE_LINES;
  }
  return verdictFor(text, example).strict.length;
}

/** Mean over lines of how near each is to its length; lines too many or too few count as wrong. */
function nearness(text: string, { request }: RewardExample): number {
  const lengths = linesOf(text).map((line) => line.length);
  return Math.max(0, ...expectedLengths(request, lengths.length).map((expected) => alike(lengths, expected)));
}

function alike(lengths: readonly number[], expected: readonly number[]): number {
  let sum = 0;
  for (const [i, wanted] of expected.entries()) {
    sum += clamp(1 - Math.abs((lengths[i] ?? 0) - wanted) / wanted, 0, 1);
  }
  return sum / Math.max(1, lengths.length, expected.length);
}

/** Line lengths of every shape the request allows. */
function expectedLengths({ form, tune }: RewardExample['request'], lineCount: number): number[][] {
  if (tune !== undefined) return (findTune(tune)?.variants ?? []).map(lengthsOfVariant);
  const regulated = form === undefined ? undefined : findForm(form);
  if (regulated === undefined) return [Array<number>(MIN_FREE_LINES).fill(5), Array<number>(MIN_FREE_LINES).fill(7)];
  const { lineLength, lineCount: fixed } = shapeOfForm(regulated);
  const lines = fixed ?? Math.max(10, lineCount + (lineCount % 2));
  return [Array<number>(lines).fill(lineLength)];
}

/** A pause (读) divides inside a line. */
function lengthsOfVariant({ lines }: TuneVariant): number[] {
  const lengths: number[] = [];
  let current = 0;
  for (const { slots, end } of lines) {
    current += slots.length;
    if (end === '读') continue;
    lengths.push(current);
    current = 0;
  }
  return lengths;
}

/** As the corpus is laid out: shi in couplets ，。, ci ended by 。; nothing but Chinese characters between the marks. */
function isCleanLayout(text: string, { request }: RewardExample): boolean {
  if (request.tune !== undefined) return /^(?:\p{Script=Han}+[，。、]\n?)*\p{Script=Han}+。\n?$/u.test(text);
  return /^(?:\p{Script=Han}+，\p{Script=Han}+。)+$/u.test(text);
}
