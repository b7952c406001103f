// What is known of a character's readings: how often verse rhymes on each and uses each tone, and what 廣韻 says it means.

import type { Book, Reading } from './book-types.ts';
import { loadBook } from './books.ts';
import { rhymeUses } from './rhyme-words.ts';
import { type Script, simplifyCharacter, traditionalForms } from './scripts.ts';
import { GLOSSES } from './tables/glosses.ts';
import { GUANGYUN_LEVEL_COUNTS, GUANGYUN_NAMES } from './tables/guangyun.ts';
import { toneUsage } from './tone-usage.ts';

/** One reading of a character, and how verse uses it. */
export interface ReadingEvidence extends Reading {
  /** Name of the group in the script asked for. */
  readonly groupName: string;
  /** 上平 下平 上 去 入, or 平仄 and 入 in the books that divide less. */
  readonly level: string;
  /**
   * Times it rhymes so in regulated Tang and Song verse; undefined where the book does not tell which of two readings
   * of one tone was meant, and in the books of modern sound.
   */
  readonly rhymeUses?: number;
  /** Share of this tone (0 … 1) in slots that regulated verse fixes; undefined where verse does not use the character. */
  readonly toneShare?: number;
  /** What 廣韻 says of the readings of this tone, `rhyme: meaning`, traditional; for characters that verse uses both ways. */
  readonly gloss?: string;
}

let cachedGlosses: ReadonlyMap<string, readonly { readonly rhyme: string; readonly text: string }[]> | undefined;

function loadGlosses() {
  if (cachedGlosses) return cachedGlosses;
  const glosses = new Map<string, { rhyme: string; text: string }[]>();
  for (const entry of GLOSSES.split(';')) {
    const [char, ...rest] = [...entry];
    const readings = rest.join('').split('/');
    glosses.set(
      char!,
      readings.map((reading) => {
        const [rhyme, ...text] = [...reading];
        return { rhyme: rhyme!, text: text.join('') };
      }),
    );
  }
  cachedGlosses = glosses;
  return glosses;
}

/** What 廣韻 says of the readings of a character in one tone; undefined for characters that verse uses in one tone only. */
export function glossOf(char: string, tone: '平' | '仄'): string | undefined {
  const glosses = loadGlosses();
  const entry =
    glosses.get(char) ??
    traditionalForms(char)
      .map((form) => glosses.get(form))
      .find(Boolean);
  if (entry === undefined) return undefined;
  const levels = [...GUANGYUN_NAMES].slice(0, GUANGYUN_LEVEL_COUNTS[0]! + GUANGYUN_LEVEL_COUNTS[1]!);
  const own = entry.filter(({ rhyme, text }) => levels.includes(rhyme) === (tone === '平') && text !== '');
  return own.length === 0 ? undefined : own.map(({ rhyme, text }) => `${rhyme}：${text}`).join('；');
}

/** The readings of a character in a book with what verse and 廣韻 tell of them, commonest first; [] when unknown. */
export function readingEvidence(char: string, book: Book, script: Script = 'traditional'): readonly ReadingEvidence[] {
  const readings = book.readings(char);
  const isModern = book.name === 'xinyun' || book.name === 'tongyun';
  const usage = isModern ? undefined : toneUsage(char, script);
  const described = readings.map((reading): ReadingEvidence => {
    const group = book.group(reading.group)!;
    const uses = isModern ? undefined : usesOf(char, reading, readings, book, script);
    const gloss = isModern ? undefined : glossOf(char, reading.tone);
    return {
      ...reading,
      groupName: script === 'traditional' ? group.name : group.simplified,
      level: group.level,
      ...(uses === undefined ? {} : { rhymeUses: uses }),
      ...(usage === undefined
        ? {}
        : { toneShare: (reading.tone === '平' ? usage.level : usage.oblique) / (usage.level + usage.oblique) }),
      ...(gloss === undefined
        ? {}
        : { gloss: script === 'traditional' ? gloss : [...gloss].map(simplifyCharacter).join('') }),
    };
  });
  return described.sort(
    (a, b) => (b.toneShare ?? 0) - (a.toneShare ?? 0) || (b.rhymeUses ?? 0) - (a.rhymeUses ?? 0) || 0,
  );
}

function usesOf(
  char: string,
  reading: Reading,
  all: readonly Reading[],
  book: Book,
  script: Script,
): number | undefined {
  if (book.name === 'pingshui') return rhymeUses(char, reading.group, script);
  // The other old books divide the same readings otherwise: with one reading of a tone there is no doubt which is meant.
  if (all.filter(({ tone }) => tone === reading.tone).length > 1) return undefined;
  return loadBook('pingshui', script)
    .readings(char)
    .filter(({ tone }) => tone === reading.tone)
    .reduce((sum, { group }) => sum + rhymeUses(char, group, script), 0);
}
