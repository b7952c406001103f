// One pass over the shi of the pulled corpus: forms, coverage of the rhyme book, consistency of fixed slots, rhyme, rates
// of the rules, and checker(t→s) against checker.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { check, detectScript, listSchemes, loadBook, simplifyCharacter, slotMask, splitText } from '@tuiqiao/prosody';
import { judgeRegulated, readRegulated } from '../../../packages/prosody/dist/shi/regulated.js';
import { likelyMask } from '../../../packages/prosody/dist/tone-usage.js';

const FORMS = { '5 4': '五绝', '7 4': '七绝', '5 8': '五律', '7 8': '七律' };
export const DYNASTIES = ['tang', 'song'];

const emptyForm = () => ({ poems: 0, judged: 0, zeroFaults: 0, zeroListed: 0, flawless: 0 });
const emptyDynasty = () => ({
  poems: 0,
  mixed: 0,
  forms: Object.fromEntries(Object.values(FORMS).map((form) => [form, emptyForm()])),
  oneGroup: 0,
  rhymed: 0,
  firstLine: 0,
  firstLineSame: 0,
  lines: Object.fromEntries(['A', 'B', 'C', 'D'].map((type) => [type, { n: 0, patterns: {} }])),
  rescue: { daao: [0, 0], xiaoao: [0, 0] },
});

/** @param {string} folder `quantangshi` of the package */
export function measureShi(folder, { isQuick = false } = {}) {
  const result = {
    poems: 0,
    judged: 0,
    nearFlawless: 0,
    tang: emptyDynasty(),
    song: emptyDynasty(),
    coverage: { tokens: 0, known: 0, both: 0, likelyBoth: 0, consistent: 0 },
    simplified: { tokens: 0, both: 0, consistent: 0 },
    contradicted: new Map(),
    all: { characters: 0, known: 0 },
    worseWhenSimplified: 0,
    compared: 0,
  };
  const book = loadBook('pingshui');
  const union = loadBook('pingshui', 'simplified');
  for (const file of readdirSync(folder).sort()) {
    const dynasty = /^poet\.(tang|song)\.\d+\.json$/.exec(file)?.[1];
    if (dynasty === undefined) continue;
    for (const { paragraphs } of JSON.parse(readFileSync(path.join(folder, file), 'utf8'))) {
      const text = paragraphs.join('');
      if (text === '') continue;
      result.poems++;
      measurePoem(text, result, result[dynasty], book, union);
      if (!isQuick) compareScripts(text, result);
    }
  }
  return result;
}

/** How often each character stands in the shi. */
export function countCharacters(folder) {
  const counts = new Map();
  for (const file of readdirSync(folder)) {
    if (!/^poet\.(tang|song)\.\d+\.json$/.test(file)) continue;
    for (const { paragraphs } of JSON.parse(readFileSync(path.join(folder, file), 'utf8')))
      for (const char of paragraphs.join('')) counts.set(char, (counts.get(char) ?? 0) + 1);
  }
  return counts;
}

function compareScripts(text, result) {
  const count = (each) => check(each).findings.filter(({ verdict }) => verdict === '疵').length;
  result.compared++;
  if (count(Array.from(text, simplifyCharacter).join('')) > count(text)) result.worseWhenSimplified++;
}

function measurePoem(text, result, own, book, union) {
  const split = splitText(text);
  own.poems++;
  for (const line of split.lines) {
    for (const char of line.chars) {
      if (!/\p{Script=Han}/u.test(char)) continue;
      result.all.characters++;
      if (book.toneMask(char) !== 0) result.all.known++;
    }
  }
  const lineLength = split.lines[0]?.chars.length;
  if (split.lines.some((line) => line.chars.length !== lineLength)) own.mixed++;
  const form = FORMS[`${lineLength} ${split.lines.length}`];
  if (form === undefined || split.lines.some((line) => line.chars.length !== lineLength)) return;
  own.forms[form].poems++;
  if (/[□囗○?？]/u.test(text.replace(/[？?](?=$|[^\p{Script=Han}])/gu, '').replace(/[？]/gu, ''))) return;
  result.judged++;
  const given = readRegulated(split, lineLength, book, detectScript(text));
  const { scheme, hardFaults, evidence, rhyme } = judgeRegulated(given);
  const off = rhyme.offLines.filter((line) => line % 2 === 1).length;
  const isFlawless = hardFaults === 0 && off === 0;
  own.forms[form].judged++;
  if (hardFaults === 0) own.forms[form].zeroFaults++;
  if (isFreeOfListedFaults(given.scans, lineLength)) own.forms[form].zeroListed++;
  if (isFlawless) own.forms[form].flawless++;
  if (hardFaults + off > (split.lines.length === 4 ? 1 : 2) || evidence.tone !== '平') return;
  result.nearFlawless++;
  measureTokens(split, scheme, lineLength, result, book, union);
  own.rhymed++;
  if (off === 0) own.oneGroup++;
  if (scheme.firstLineRhymes) {
    own.firstLine++;
    if (evidence.firstLine === 'same-group') own.firstLineSame++;
  }
  measureLines(given.scans, scheme, lineLength, own);
}

function measureTokens(split, scheme, lineLength, result, book, union) {
  const { coverage, simplified, contradicted } = result;
  split.lines.forEach((line, index) => {
    const slots = slotMask(scheme.types[index], lineLength);
    line.chars.forEach((char, position) => {
      const slot = slots[position];
      const isHard = position % 2 === 1 || position === lineLength - 1;
      if (slot === 3 || !isHard) return;
      coverage.tokens++;
      const mask = book.toneMask(char);
      if (mask === 0) return;
      coverage.known++;
      if (mask === 3) {
        coverage.both++;
        if (likelyMask(3, char, 'traditional') === 3) coverage.likelyBoth++;
      }
      const isRight = (mask & slot) !== 0;
      if (isRight) coverage.consistent++;
      if (mask !== 3) {
        const counts = contradicted.get(char) ?? [0, 0];
        counts[isRight ? 0 : 1]++;
        contradicted.set(char, counts);
      }
      const wide = union.toneMask(simplifyCharacter(char));
      simplified.tokens++;
      if (wide === 3) simplified.both++;
      if ((wide & slot) !== 0) simplified.consistent++;
    });
  });
}

/** With every reading that the book lists, not only those that the narrowest source confirms. */
function isFreeOfListedFaults(scans, lineLength) {
  return listSchemes(scans.length, lineLength).some(({ types }) =>
    scans.every(({ masks }, line) => {
      const slots = slotMask(types[line], lineLength);
      return masks.every(
        (mask, position) => (position % 2 === 0 && position < lineLength - 1) || (mask & slots[position]) !== 0,
      );
    }),
  );
}

const isSingle = (mask) => mask === 1 || mask === 2;

/** Patterns of the last five of each line type, lines of characters with one tone only. */
function measureLines(scans, scheme, lineLength, own) {
  const core = (index) => scans[index].known.slice(lineLength - 5);
  scans.forEach((_, index) => {
    const masks = core(index);
    if (!masks.every(isSingle)) return;
    const { patterns } = own.lines[scheme.types[index]];
    own.lines[scheme.types[index]].n++;
    const pattern = masks.map((mask) => (mask === 1 ? '平' : '仄')).join('');
    patterns[pattern] = (patterns[pattern] ?? 0) + 1;
    if (scheme.types[index] !== 'A' || index + 1 >= scans.length) return;
    const answer = core(index + 1)[2];
    if (!isSingle(answer)) return;
    const kind = masks[3] === 2 ? 'daao' : masks[2] === 2 ? 'xiaoao' : null;
    if (kind === null || masks[1] !== 2 || masks[4] !== 2) return;
    own.rescue[kind][1]++;
    if (answer === 1) own.rescue[kind][0]++;
  });
}
