/**
 * Which characters of a poem break its rules. A reward says how good a whole poem is; that one character spoilt it is known
 * as well, and a learner that is told so need not find out which of fifty it was.
 */
import { findForm, loadBook, shapeOfForm } from '@tuiqiao/prosody';
import { type RewardExample, verdictFor } from './poem-reward.ts';

/** Of a broken rule, and of one that poets broke with leave (拗可) where the strict verdict does not pass it. */
const FAULT = -1;
const TOLERATED = -0.5;
const MARKS = '，。、\n';

/** Where each character of a line stands in the text, in code points, and the mark after it (the text's length: its end). */
interface LinePlaces {
  readonly characters: readonly number[];
  readonly end: number;
}

/**
 * Code point of the text → credit, below 0; the text's length stands for its end. A rule about a whole line is charged to
 * the first character too many, or to the mark or the end that came too early.
 */
export function ruleCredits(text: string, example: RewardExample): Map<number, number> {
  const credits = new Map<number, number>();
  const charge = (place: number | undefined, credit: number): void => {
    if (place !== undefined) credits.set(place, Math.min(credit, credits.get(place) ?? 0));
  };
  const { strict, findings } = verdictFor(text, example);
  const lines = placesOf(text);
  for (const { rule, verdict, line, position } of findings) {
    if (position === undefined || (verdict !== '疵' && verdict !== '拗可')) continue;
    if (verdict === '拗可' && (isRhymeRule(rule) ? strict.rhyme : strict.meter)) continue;
    charge(lines[line - 1]?.characters[position - 1], verdict === '疵' ? FAULT : TOLERATED);
  }
  const form = example.request.tune === undefined ? findForm(example.request.form ?? '') : undefined;
  if (form !== undefined) {
    const { lineLength, lineCount } = shapeOfForm(form);
    for (const { characters, end } of lines) {
      if (characters.length !== lineLength) charge(characters[lineLength] ?? end, FAULT);
    }
    if (lineCount !== null && lines.length !== lineCount) {
      charge(lines[lineCount]?.characters[0] ?? [...text].length, FAULT);
    }
    for (const place of wordsOfOtherGroup(text, lines, example)) charge(place, FAULT);
  }
  return credits;
}

function isRhymeRule(rule: string): boolean {
  return rule === 'chuyun' || rule === 'chongyun' || rule === 'cipai-rhyme';
}

function placesOf(text: string): LinePlaces[] {
  const lines: LinePlaces[] = [];
  let characters: number[] = [];
  const all = [...text];
  for (const [place, character] of all.entries()) {
    if (!MARKS.includes(character)) characters.push(place);
    else if (characters.length > 0) {
      lines.push({ characters, end: place });
      characters = [];
    }
  }
  if (characters.length > 0) lines.push({ characters, end: all.length });
  return lines;
}

/** Ends of couplets that do not rhyme in the group asked for. */
function wordsOfOtherGroup(text: string, lines: readonly LinePlaces[], { request }: RewardExample): number[] {
  const book = loadBook('pingshui');
  const group = request.rhyme === undefined ? undefined : book.findGroup(request.rhyme)?.id;
  if (group === undefined) return [];
  const all = [...text];
  const ends = lines.filter((_, i) => i % 2 === 1).map(({ characters }) => characters.at(-1)!);
  return ends.filter((place) => !book.readings(all[place]!).some((reading) => reading.group === group));
}
