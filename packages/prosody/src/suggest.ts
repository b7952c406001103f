// Characters that would fit where one does not: of the wanted tone (and rhyme), nearest in meaning first. Nearness is that
// of what poets set against them in parallel couplets; where nothing is known of the character, the commonest come first.

import type { Book } from './book-types.ts';
import { loadPairs } from './parallelism/pair-table.ts';
import { characterScript, type Script, simplifyCharacter, standardForm, traditionalForms } from './scripts.ts';
import { hasTable } from './table-store.ts';
import { toneUsage } from './tone-usage.ts';

export interface Wanted {
  /** 1 = 平, 2 = 仄. */
  readonly tone: 1 | 2;
  /** Rhyme group of the book; any when absent. */
  readonly group?: number;
  /** Rhyme groups that will not do. */
  readonly avoided?: readonly number[];
}

/** How many are named. */
const NAMED = 6;
/** How many are kept, so that some are left when a poem uses others already. */
const KEPT = 24;
/** Only characters among the commonest so many: a learner knows them. */
const CANDIDATES = 2400;
/** Places in the order of commonness that weigh as much as the whole span of nearness. */
const COMMONNESS_SPAN = 6000;

interface Candidate {
  /** In the script of the list. */
  readonly form: string;
  readonly simplified: string;
  /** Place in the order of commonness. */
  readonly order: number;
}

const lists = new Map<string, readonly string[]>();
const candidateLists = new Map<string, readonly Candidate[]>();

/** Up to six characters, best first, none of `used`; in the script of the poem. */
export function suggestCharacters(
  char: string,
  wanted: Wanted,
  book: Book,
  script: Script,
  used: ReadonlySet<string>,
): string[] {
  if (!hasTable('pairs')) return [];
  const { likeness } = loadPairs();
  const own = simplifyCharacter(char);
  // What is not in the table gets one list for all, so that the cache is bounded by the table.
  const isKnown = likeness(own, own) > 0;
  const key = `${book.name} ${script} ${isKnown ? char : ''} ${wanted.tone} ${wanted.group ?? ''} ${wanted.avoided ?? ''}`;
  let list = lists.get(key);
  if (!list) {
    list = rank(own, wanted, book, script);
    lists.set(key, list);
  }
  return list.filter((each) => each !== char && !used.has(each)).slice(0, NAMED);
}

function rank(own: string, { tone, group, avoided }: Wanted, book: Book, script: Script): readonly string[] {
  const { likeness } = loadPairs();
  const best: { readonly form: string; readonly merit: number }[] = [];
  for (const { form, simplified, order } of listCandidates(tone, book, script)) {
    if (simplified === own) continue;
    const readings = book.readings(form);
    if (group !== undefined && readings[0]!.group !== group) continue;
    if (avoided && readings.some((reading) => avoided.includes(reading.group))) continue;
    const merit = likeness(own, simplified) - order / COMMONNESS_SPAN;
    if (best.length === KEPT && merit <= best[KEPT - 1]!.merit) continue;
    let place = best.length;
    while (place > 0 && best[place - 1]!.merit < merit) place--;
    best.splice(place, 0, { form, merit });
    if (best.length > KEPT) best.pop();
  }
  return best.map(({ form }) => form);
}

/** Common characters of one tone only, by every source, so that the advice leaves no doubt. */
function listCandidates(tone: 1 | 2, book: Book, script: Script): readonly Candidate[] {
  const key = `${book.name} ${script} ${tone}`;
  let candidates = candidateLists.get(key);
  if (!candidates) {
    candidates = loadPairs()
      .characters.slice(0, CANDIDATES)
      .map((simplified, order) => ({
        form: script === 'simplified' ? simplified : traditionalOf(simplified),
        simplified,
        order,
      }))
      .filter(({ simplified }) => standardForm(simplified) === undefined)
      .filter(({ form }) => book.toneMask(form) === tone && book.confirmedToneMask(form) === tone);
    candidateLists.set(key, candidates);
  }
  return candidates;
}

/** The traditional form that verse uses most. */
function traditionalOf(simplified: string): string {
  let best = traditionalForms(simplified)[0] ?? simplified;
  let most = 0;
  // Text bases hold stray 须 or 绿; a simplified form is no advice to one who writes traditional characters.
  const own = characterScript(simplified) === 'simplified' ? [] : [simplified];
  for (const form of [...traditionalForms(simplified), ...own]) {
    const usage = toneUsage(form);
    const uses = usage ? usage.level + usage.oblique : 0;
    if (uses > most) {
      best = form;
      most = uses;
    }
  }
  return best;
}
