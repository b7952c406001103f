/** Rhyme by the book: lines that rhyme, each with a word of its own, in the group that was asked for. */
import { findForm, loadBook, shapeOfForm } from '@tuiqiao/prosody';
import { linesOf, type PoemReward, type RewardExample, verdictFor } from './poem-reward.ts';

/** Below this only flawless rhymes lie. */
const NEAR_MISS = 0.9;
/** What is left of the score when another group rhymes than was asked for. */
const OTHER_GROUP_FACTOR = 0.5;

/**
 * 1 for a flawless rhyme, else up to 0.9 by the share of rhyming lines that rhyme. A word that rhymes twice counts once,
 * so one character at every line's end earns little.
 */
export const rhymeReward: PoemReward = {
  name: 'rhyme',
  range: [0, 1],
  score: (text, example) => {
    const { rhyme, strict } = verdictFor(text, example);
    if (rhyme === null) return 0;
    const lines = linesOf(text);
    const words = new Set(rhyme.lines.map((line) => lines[line - 1]?.at(-1)));
    const places = Math.max(expectedRhymes(example), rhyme.lines.length + rhyme.offLines.length);
    const isFlawless = strict.rhyme && words.size === places;
    const score = isFlawless ? 1 : (NEAR_MISS * words.size) / places;
    if (isAskedGroup(rhyme.group, example)) return score;
    // Of two rhymes in two groups the checker names one; the one that was asked for still counts.
    return Math.max(OTHER_GROUP_FACTOR * score, (NEAR_MISS * wordsInAskedGroup(lines, example)) / places);
  },
};

/** Distinct words at the ends of couplets that are in the group asked for; 0 for ci, whose rhymes stand elsewhere. */
function wordsInAskedGroup(lines: readonly (readonly string[])[], { request }: RewardExample): number {
  if (request.rhyme === undefined || request.tune !== undefined) return 0;
  const book = loadBook('pingshui');
  const group = book.findGroup(request.rhyme)?.id;
  const words = lines.filter((_, i) => i % 2 === 1).map((line) => line.at(-1) ?? '');
  return new Set(words.filter((word) => book.readings(word).some((reading) => reading.group === group))).size;
}

/** Lines that must rhyme at least; 0 where the tune or nothing says so. */
function expectedRhymes({ request }: RewardExample): number {
  const form = request.tune === undefined && request.form !== undefined ? findForm(request.form) : undefined;
  return form === undefined ? 0 : (shapeOfForm(form).lineCount ?? 10) / 2;
}

/** 第十二部 also answers a request for 第十二部平; a tune with several rhymes answers when one of them is it. */
function isAskedGroup(found: string, { request }: RewardExample): boolean {
  const asked = request.rhyme;
  if (asked === undefined) return true;
  return found.split('、').some((group) => group === asked || asked.startsWith(group) || group.startsWith(asked));
}
