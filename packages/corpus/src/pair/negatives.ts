/**
 * Rejected answers for preference learning: a real poem with the smallest edit that breaks one named rule. Every one is
 * verified: the checker finds the poem right, and in the edited poem exactly one broken place, of that rule. Seeded.
 */
import { check, loadBook, type RuleId, type Verdict } from '@tuiqiao/prosody';
import { splitLines } from '../clean/lines.ts';
import { CorpusError } from '../errors.ts';
import { countFaults } from '../label/label-poem.ts';
import type { Poem } from '../poem.ts';
import type { CharacterPool } from './character-pool.ts';
import { createRandom, type Random, shuffle } from './random.ts';

/** Rules of regulated verse that can be broken alone, then those of ci. `-short` and `-long`: a character out or in. */
export const NEGATIVE_RULES = [
  'chuyun',
  'chongyun',
  'shidui',
  'shinian',
  'guping',
  'sanpingwei',
  'pingze',
  'zishu-short',
  'zishu-long',
  'cipai-tone',
  'cipai-rhyme',
  'cipai-length-short',
  'cipai-length-long',
] as const;
export type NegativeRule = (typeof NEGATIVE_RULES)[number];

export interface Negative {
  /** The rule that the edited text breaks. */
  readonly rule: NegativeRule;
  /** The edited text, punctuated as the poem. */
  readonly text: string;
  /** Where, from 1. */
  readonly line: number;
  readonly position: number;
  /** Character taken out ('' for an insertion) and put in ('' for a deletion). */
  readonly removed: string;
  readonly inserted: string;
}

export interface NegativeOptions {
  readonly seed: number;
  /** Where replacements come from; build it from the training poems. */
  readonly pool: CharacterPool;
}

/** Places tried for one rule before giving up: most rules fit at the first. */
const MAX_TRIES = 24;

/** The rules that a poem can be made to break, by its form. */
export function negativeRulesFor(poem: Poem): readonly NegativeRule[] {
  if (poem.labels.tune !== null) return NEGATIVE_RULES.filter((rule) => rule.startsWith('cipai'));
  return NEGATIVE_RULES.filter((rule) => !rule.startsWith('cipai'));
}

/**
 * The poem with one rule broken, or null when no place of it can break that rule alone (a poem without a 仄仄平平 line has
 * no 三平尾 to make).
 *
 * @throws CorpusError `negative-unsupported` for a poem that is neither flawless regulated verse nor a faultless ci
 */
export function createNegative(poem: Poem, rule: NegativeRule, options: NegativeOptions): Negative | null {
  if (!isSpoilable(poem))
    throw new CorpusError(
      'negative-unsupported',
      `create negative: expected flawless regulated verse or a ci without faults, got ${poem.id} (${poem.labels.form}, ${poem.labels.faults} faults)`,
    );
  if (!negativeRulesFor(poem).includes(rule)) return null;
  const random = createRandom(options.seed, `${poem.id} ${rule}`);
  const text = new EditableText(poem.text);
  const places = shuffle(text.places, random).filter((place) => isCandidate(rule, place, text));
  for (const place of places.slice(0, MAX_TRIES)) {
    const edit = proposeEdit(rule, place, text, options.pool, random);
    if (edit === null) continue;
    const edited = text.apply(place, edit);
    if (!breaksExactly(rule, place, check(requestOf(poem, edited)))) continue;
    return {
      rule,
      text: edited,
      line: place.line + 1,
      position: place.position + 1,
      removed: edit.keepsOld ? '' : place.character,
      inserted: edit.inserted,
    };
  }
  return null;
}

/** One negative of a rule drawn at random among those the poem can break; null only when none can. */
export function createRandomNegative(poem: Poem, options: NegativeOptions): Negative | null {
  const random = createRandom(options.seed, `${poem.id} rule`);
  for (const rule of shuffle(negativeRulesFor(poem), random)) {
    const negative = createNegative(poem, rule, options);
    if (negative) return negative;
  }
  return null;
}

/** Whether `createNegative` takes the poem. */
export function isSpoilable({ labels }: Poem): boolean {
  if (labels.tune !== null) return labels.faults === 0;
  return labels.isFlawless && labels.form !== null && labels.form !== '古';
}

function requestOf({ labels }: Poem, text: string): { text: string; tune?: string; form?: string } {
  if (labels.tune !== null) return { text, tune: labels.tune };
  return labels.form === null ? { text } : { text, form: labels.form };
}

/** Exactly one broken place, and it is where the edit was and named as wanted. */
function breaksExactly(rule: NegativeRule, place: Place, verdict: Verdict): boolean {
  const faults = verdict.findings.filter((finding) => finding.verdict === '疵');
  const wanted = rule.replace(/-(short|long)$/, '') as RuleId;
  if (wanted === 'zishu' || wanted === 'cipai-length')
    return !verdict.strict.length && faults.length > 0 && faults.every((finding) => finding.rule === wanted);
  // One rhyme of a ci that is off is 拗可, not 疵: Song poets did it. A strict reader still counts it.
  const isRhymeOfCi = wanted === 'cipai-rhyme';
  const named = isRhymeOfCi
    ? verdict.findings.filter((finding) => finding.verdict === '疵' || finding.verdict === '拗可')
    : faults;
  return (
    verdict.strict.length &&
    countFaults(verdict) === (isRhymeOfCi ? faults.length : 1) &&
    faults.every((finding) => !isRhymeOfCi || finding.rule === wanted) &&
    named.some(
      (finding) =>
        finding.rule === wanted && finding.line === place.line + 1 && finding.position === place.position + 1,
    )
  );
}

// ── edits ──────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Place {
  /** From 0. */
  readonly line: number;
  readonly position: number;
  readonly character: string;
  /** Index into the text's characters. */
  readonly index: number;
}

interface Edit {
  readonly inserted: string;
  /** An insertion before the character instead of a replacement. */
  readonly keepsOld: boolean;
}

/** A text as characters, with the place of each one that is no punctuation. */
class EditableText {
  readonly places: readonly Place[];
  readonly lines: readonly string[];
  readonly used: ReadonlySet<string>;
  private readonly characters: readonly string[];

  constructor(text: string) {
    this.characters = [...text];
    this.lines = splitLines(text);
    this.used = new Set(this.characters);
    const places: Place[] = [];
    let line = 0;
    let position = 0;
    this.characters.forEach((character, index) => {
      if ('，。\n'.includes(character)) {
        if (position > 0) line++;
        position = 0;
      } else if (character !== '、') places.push({ line, position: position++, character, index });
    });
    this.places = places;
  }

  apply({ index, character }: Place, { inserted, keepsOld }: Edit): string {
    const changed = [...this.characters];
    changed[index] = inserted + (keepsOld ? character : '');
    return changed.join('');
  }

  isLineEnd({ line, position }: Place): boolean {
    return position === [...this.lines[line]!].length - 1;
  }
}

/** Cheap refusals of places where the rule cannot be broken; the checker decides about the rest. */
function isCandidate(rule: NegativeRule, place: Place, text: EditableText): boolean {
  const isEnd = text.isLineEnd(place);
  const isSecondLine = place.line % 2 === 1;
  // From the end of the line: five-character rules are the last five of seven.
  const fromEnd = [...text.lines[place.line]!].length - place.position;
  switch (rule) {
    case 'chuyun':
      return isEnd && isSecondLine;
    case 'chongyun':
      return isEnd && isSecondLine && place.line > 1;
    case 'cipai-rhyme':
      return isEnd;
    case 'shidui':
      return isSecondLine && place.position % 2 === 1 && !isEnd;
    case 'shinian':
      return !isSecondLine && place.line > 0 && place.position === 1;
    case 'guping':
      return isSecondLine && fromEnd === 5;
    case 'sanpingwei':
      return isSecondLine && fromEnd === 3;
    case 'pingze':
      return !isEnd || !isSecondLine;
    case 'cipai-tone':
      return !isEnd;
    case 'zishu-short':
    case 'zishu-long':
    case 'cipai-length-short':
    case 'cipai-length-long':
      // A lost last character would take the rhyme with it: two rules broken.
      return !isEnd;
    default:
      return rule satisfies never;
  }
}

function proposeEdit(
  rule: NegativeRule,
  place: Place,
  text: EditableText,
  pool: CharacterPool,
  random: Random,
): Edit | null {
  const replace = (inserted: string | undefined): Edit | null =>
    inserted === undefined ? null : { inserted, keepsOld: false };
  const { character } = place;
  const mask = loadBook('pingshui').toneMask(character);
  switch (rule) {
    case 'zishu-short':
    case 'cipai-length-short':
      return { inserted: '', keepsOld: false };
    case 'zishu-long':
    case 'cipai-length-long': {
      const inserted = pool.draw(character, random() < 0.5 ? '平' : '仄', text.used, random);
      return inserted === undefined ? null : { inserted, keepsOld: true };
    }
    case 'chuyun':
      return replace(pool.draw(character, '平', text.used, random, isOutside('pingshui', character)));
    case 'chongyun': {
      const earlier = text.lines.filter((_, line) => line % 2 === 1 && line < place.line);
      return replace([...(shuffle(earlier, random)[0] ?? '')].at(-1));
    }
    case 'cipai-rhyme': {
      if (mask !== 1 && mask !== 2) return null;
      return replace(pool.draw(character, mask === 1 ? '平' : '仄', text.used, random, isOutside('cilin', character)));
    }
    default:
      // A character with both tones says nothing about the slot's.
      if (mask !== 1 && mask !== 2) return null;
      return replace(pool.draw(character, mask === 1 ? '仄' : '平', text.used, random));
  }
}

/** Shares no rhyme group of the book with `character`, nor a group that borrows from it. */
function isOutside(bookName: 'pingshui' | 'cilin', character: string): (other: string) => boolean {
  const book = loadBook(bookName);
  const groups = new Set<number>();
  for (const { group } of book.readings(character)) {
    groups.add(group);
    for (const neighbour of book.neighbours(group)) groups.add(neighbour);
  }
  return (other) => book.readings(other).every(({ group }) => !groups.has(group));
}
