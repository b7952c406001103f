// How far the transcriptions of the rhyme books agree, character by character. Sources of the reference table: S the
// widest, W Wikisource, G 廣韻 folded into the 106 groups.

import { loadBook } from '@tuiqiao/prosody';
import { readRows } from './reference.mjs';

/** char → source → { groups, mask } */
function readSources(rows, group, tone) {
  const sources = new Map();
  for (const row of rows) {
    const own = sources.get(row.char) ?? {};
    for (const letter of row.src) {
      own[letter] ??= { groups: new Set(), mask: 0 };
      own[letter].groups.add(group(row));
      own[letter].mask |= tone(row);
    }
    sources.set(row.char, own);
  }
  return sources;
}

const isEqual = (a, b) => a.size === b.size && [...a].every((each) => b.has(each));

/** @param {string} folder reference data @param {Map<string, number>} uses how often verse has a character */
export function measureBooks(folder, uses) {
  const pingshui = readSources(
    readRows(folder, 'prosody/pingshui.tsv'),
    (row) => row.gid,
    (row) => (row.tone === '平' ? 1 : 2),
  );
  foldGuangyun(pingshui);
  const pairs = [
    ['S', 'W'],
    ['S', 'G'],
    ['W', 'G'],
  ].map(([a, b]) => {
    const sums = { pair: `${a}–${b}`, common: 0, groups: 0, tones: 0, opposite: 0 };
    const weighted = { all: 0, groups: 0, tones: 0, opposite: 0 };
    for (const [char, sources] of pingshui) {
      const [one, other] = [sources[a], sources[b]];
      if (one === undefined || other === undefined) continue;
      const weight = uses.get(char) ?? 0;
      const found = {
        groups: isEqual(one.groups, other.groups),
        tones: one.mask === other.mask,
        opposite: (one.mask & other.mask) === 0,
      };
      sums.common++;
      weighted.all += weight;
      for (const key of ['groups', 'tones', 'opposite']) {
        if (found[key]) sums[key]++;
        if (found[key]) weighted[key] += weight;
      }
    }
    return { ...sums, weighted };
  });
  const cilin = readSources(
    readRows(folder, 'prosody/cilin.tsv'),
    (row) => `${row.part}${row.tone}`,
    () => 3,
  );
  const parts = { common: 0, equal: 0, fewer: 0, disjoint: 0 };
  for (const { S, W } of cilin.values()) {
    if (S === undefined || W === undefined) continue;
    parts.common++;
    const shared = [...W.groups].filter((group) => S.groups.has(group)).length;
    if (isEqual(S.groups, W.groups)) parts.equal++;
    else if (shared === 0) parts.disjoint++;
    else if (shared === W.groups.size) parts.fewer++;
  }
  return { pairs, parts, modern: measureModern(folder), guangyun: measureGuangyun() };
}

/** G anew from the 206 rhymes as shipped: each in the 106 group of its level that holds most of its characters. */
function foldGuangyun(sources) {
  const [guangyun, pingshui] = [loadBook('guangyun'), loadBook('pingshui')];
  const votes = new Map();
  const bump = (rhyme, group) => {
    if (!votes.has(rhyme)) votes.set(rhyme, new Map());
    votes.get(rhyme).set(group, (votes.get(rhyme).get(group) ?? 0) + 1);
  };
  for (const char of guangyun.characters())
    for (const { group: rhyme } of guangyun.readings(char))
      for (const { group } of pingshui.readings(char))
        if (isOneLevel(guangyun.group(rhyme).level, pingshui.group(group).level)) bump(rhyme, group);
  const folded = new Map([...votes].map(([rhyme, groups]) => [rhyme, [...groups].sort((a, b) => b[1] - a[1])[0][0]]));
  for (const own of sources.values()) delete own.G;
  for (const char of guangyun.characters()) {
    const own = sources.get(char);
    if (own === undefined) continue;
    const readings = guangyun.readings(char);
    own.G = {
      groups: new Set(readings.map(({ group }) => String(folded.get(group)))),
      mask: readings.reduce((mask, { tone }) => mask | (tone === '平' ? 1 : 2), 0),
    };
  }
}

const isOneLevel = (a, b) => a === b || (a.endsWith('平') && b.endsWith('平'));

function measureModern(folder) {
  const sums = { common: 0, equal: 0, shorter: 0, longer: 0, disjoint: 0 };
  for (const row of readRows(folder, 'prosody/modern_rhyme.tsv')) {
    if (row.official_xinyun === '') continue;
    const printed = new Set(row.official_xinyun.split(','));
    const own = new Set(row.xinyun14.split(','));
    const shared = [...own].filter((reading) => printed.has(reading)).length;
    sums.common++;
    if (isEqual(printed, own)) sums.equal++;
    else if (shared === 0) sums.disjoint++;
    else if (shared === printed.size) sums.shorter++;
    else sums.longer++;
  }
  return sums;
}

/** The 206 rhymes shipped against the 106 groups shipped: tones. */
function measureGuangyun() {
  const [guangyun, pingshui] = [loadBook('guangyun'), loadBook('pingshui')];
  const sums = { common: 0, equal: 0, opposite: 0 };
  for (const char of guangyun.characters()) {
    const [a, b] = [guangyun.toneMask(char), pingshui.toneMask(char)];
    if (b === 0) continue;
    sums.common++;
    if (a === b) sums.equal++;
    if ((a & b) === 0) sums.opposite++;
  }
  return sums;
}
