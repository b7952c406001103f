// The ci of the pulled corpus against the tunes: length, line breaks, tones and rhymes, tune by tune.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { findTune, loadBook, splitText } from '@tuiqiao/prosody';
import { chooseVariant, SHARED_BREAKS_NEEDED } from '../../../packages/prosody/dist/ci/choose-variant.js';
import { findRhymes } from '../../../packages/prosody/dist/ci/ci-rhyme.js';

const emptyTune = (name) => ({
  name,
  ci: 0,
  length: 0,
  lines: 0,
  exact: 0,
  slots: 0,
  slotsRight: 0,
  fewFaults: 0,
  rhymePlaces: 0,
  rhymePlacesMarked: 0,
  oneGroup: 0,
  oneOff: 0,
});

/** A shuffle that is the same at every run. */
function shuffle(chars) {
  let state = 20240;
  const result = [...chars];
  for (let index = result.length - 1; index > 0; index--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const other = Math.floor((state / 4294967296) * (index + 1));
    [result[index], result[other]] = [result[other], result[index]];
  }
  return result;
}

export function* readCi(folder) {
  for (const file of readdirSync(folder)) {
    if (!/^ci\.song\.\d+\.json$/.test(file)) continue;
    for (const { rhythmic, paragraphs } of JSON.parse(readFileSync(path.join(folder, file), 'utf8')))
      yield { name: rhythmic, text: paragraphs.join('') };
  }
}

/** The lines with what stands in brackets left in, as the record counted them. */
function divideWithNotes(text) {
  return text
    .split(/[，。！？；：,.!?;:]+/u)
    .map((line) => ({ chars: [...line].filter((char) => /[\p{Script=Han}〇]/u.test(char)), mark: '' }))
    .filter(({ chars }) => chars.length > 0);
}

/**
 * @param {Iterable<{ name: string, text: string }>} poems
 * @param keepsNotes count as the record did, notes (both of 〔…〕 and of the editors) left in the text; rhyme marks are then not read
 * @param book 词林正韵 as it is read
 */
export function measureCi(poems, { keepsNotes = false, book = loadBook('cilin', 'simplified') } = {}) {
  const tunes = new Map();
  const control = { slots: 0, right: 0, few: 0, ci: 0 };
  let resolved = 0;
  let damaged = 0;
  let all = 0;
  for (const { name, text } of poems) {
    all++;
    const tune = findTune(name);
    if (tune === undefined) continue;
    resolved++;
    if (text.includes('□')) {
      damaged++;
      continue;
    }
    if (!tunes.has(tune.id)) tunes.set(tune.id, emptyTune(tune.name));
    measureOne(tune, keepsNotes ? divideWithNotes(text) : splitText(text).lines, book, tunes.get(tune.id), control);
  }
  const total = emptyTune('all');
  for (const tune of tunes.values()) for (const key of Object.keys(total)) if (key !== 'name') total[key] += tune[key];
  return { all, resolved, damaged, tunes, total, control };
}

function measureOne(tune, lines, book, count, control) {
  count.ci++;
  const chars = lines.flatMap((line) => line.chars);
  const masksOf = (text) => Uint8Array.from(text, (char) => book.toneMask(char) || 3);
  const masks = masksOf(chars);
  const breaks = [];
  for (const line of lines) breaks.push((breaks.at(-1) ?? 0) + line.chars.length);
  const fit = chooseVariant(tune.variants, { chars, breaks, masks }, book);
  if (fit === undefined) return;
  count.length++;
  if (fit.shared < SHARED_BREAKS_NEEDED) return;
  count.lines++;
  if (fit.shared === 1) count.exact++;
  const { shape } = fit;
  const faultsOf = (each) => shape.slots.filter((bits, slot) => (bits & each[slot]) === 0).length;
  const faults = faultsOf(masks);
  count.slots += shape.fixedCount;
  count.slotsRight += shape.fixedCount - faults;
  if (faults <= 2) count.fewFaults++;
  const marked = new Set();
  let place = 0;
  for (const line of lines) {
    place += line.chars.length;
    if (/[。！？；]/u.test(line.mark)) marked.add(place - 1);
  }
  count.rhymePlaces += shape.rhymes.length;
  count.rhymePlacesMarked += shape.rhymes.filter(({ slot }) => marked.has(slot)).length;
  const off = findRhymes(shape.rhymes, (slot) => chars[slot], book).reduce((sum, set) => sum + set.off.length, 0);
  if (off === 0) count.oneGroup++;
  if (off <= 1) count.oneOff++;
  const wrong = faultsOf(masksOf(shuffle(chars)));
  control.ci++;
  control.slots += shape.fixedCount;
  control.right += shape.fixedCount - wrong;
  if (wrong <= 2) control.few++;
}
