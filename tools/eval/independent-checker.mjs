// A second checker of regulated verse and ci that shares no code and no tables with the product: it reads plain tables of
// readings and patterns, so that an error of the prosody engine cannot hide itself. Coarser than the product: no neighbour
// groups in the first line, an unrescued 小拗 passes, characters that repeat as rhymes fail; a ci keeps a variant or not.
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

// Tone patterns of a line's last five characters, by line type.
const CORE = {
  A: [/^.仄平平仄$/u, /^.仄仄平仄$/u, /^.仄[平仄]仄仄$/u], // 仄仄脚; the last one needs the next line's rescue
  B: [/^平平.仄平$/u, /^仄平平仄平$/u], // 平平脚, with 孤平拗救
  C: [/^.平平仄仄$/u, /^平平仄平仄$/u], // 平仄脚, with 特拗
  D: [/^.仄仄平平$/u],
};
// The two characters in front of a seven-character line's core: the second is fixed.
const HEAD = { A: /^.平/u, B: /^.仄/u, C: /^.仄/u, D: /^.平/u };
const QUATRAINS = ['ABCD', 'DBCD', 'CDAB', 'BDAB'];
const OCTAVES = ['ABCDABCD', 'DBCDABCD', 'CDABCDAB', 'BDABCDAB'];
const SHAPES = { 五绝: [4, 5], 七绝: [4, 7], 五律: [8, 5], 七律: [8, 7], 五排: [12, 5], 七排: [12, 7] };
const MAX_READINGS = 4096;

/** @param file tab-separated: character, -, group, -, tone 平/仄, … with a header */
export function loadReadings(file) {
  const readings = new Map();
  for (const row of readFileSync(file, 'utf8').split('\n').slice(1)) {
    const [char, , group, , tone] = row.split('\t');
    if (!char || !group || !tone) continue;
    const entry = readings.get(char) ?? { tones: new Set(), groups: new Set() };
    entry.tones.add(tone);
    if (tone === '平') entry.groups.add(group);
    readings.set(char, entry);
  }
  return readings;
}

function tonesOf(line, readings) {
  let all = [''];
  for (const char of line) {
    const tones = readings.get(char)?.tones;
    if (tones === undefined) return [];
    all = all.flatMap((prefix) => [...tones].map((tone) => prefix + tone));
    if (all.length > MAX_READINGS) return [];
  }
  return all;
}

function patternsOf(line, type, readings) {
  return tonesOf(line, readings).flatMap((tones) => {
    if (tones.length === 7 && !HEAD[type].test(tones)) return [];
    return CORE[type].some((pattern) => pattern.test(tones.slice(-5))) ? [tones.slice(-5)] : [];
  });
}

/** 大拗: fourth character of the core 仄 where 平 stands; the next line's third must then be 平. */
function fitsScheme(lines, types, readings) {
  return lines.every((line, i) => {
    const patterns = patternsOf(line, types[i], readings);
    if (types[i] !== 'A') return patterns.length > 0;
    const next = patternsOf(lines[i + 1] ?? '', types[i + 1] ?? 'B', readings);
    return patterns.some((own) => own[3] === '平' || next.some((other) => other[2] === '平'));
  });
}

/** Line types go on round: every four lines are like the four before, the first of all rhyming or not. */
function schemesOf(lineCount) {
  if (lineCount === 4) return QUATRAINS;
  return OCTAVES.map(
    (types) =>
      types +
      types
        .slice(4)
        .repeat(Math.ceil(lineCount / 4) - 2)
        .slice(0, lineCount - 8),
  );
}

/** Length, rhyme, meter, all; `null` for forms it does not know. 排律 are of twelve lines. */
export function judgePoem(text, form, readings) {
  const shape = SHAPES[form];
  if (shape === undefined) return null;
  const lines = text
    .normalize('NFC')
    .split(/[，。、；？！\s]/u)
    .filter((line) => line !== '')
    .map((line) => [...line]);
  const length = lines.length === shape[0] && lines.every((line) => line.length === shape[1]);
  if (!length) return { length, rhyme: false, meter: false, all: false };
  const schemes = schemesOf(shape[0]).filter((types) => fitsScheme(lines, types, readings));
  const rhymesBy = (types) => {
    const ends = lines.filter((_, i) => i % 2 === 1 || (i === 0 && 'BD'.includes(types[0]))).map((line) => line.at(-1));
    const groups = ends.map((end) => readings.get(end)?.groups ?? new Set());
    return new Set(ends).size === ends.length && [...groups[0]].some((group) => groups.every((own) => own.has(group)));
  };
  const all = schemes.some(rhymesBy);
  return { length, rhyme: all || ['AB', 'BD'].some(rhymesBy), meter: schemes.length > 0, all };
}

/** Variants of each tune by its name and its other names. @param file the ci patterns as gzipped JSON */
export function loadVariants(file) {
  const { tunes } = JSON.parse(gunzipSync(readFileSync(file)).toString('utf8'));
  // A tune's own name goes before what another tune is also called.
  return new Map([
    ...tunes.flatMap(({ aliases, variants }) => aliases.map((name) => [name, variants])),
    ...tunes.map(({ name_s, variants }) => [name_s, variants]),
  ]);
}

/** Tones and parts of 词林正韵 by character. @param file tab-separated: character, -, part, tone, … with a header */
export function loadParts(file) {
  const readings = new Map();
  for (const row of readFileSync(file, 'utf8').split('\n').slice(1)) {
    const [char, , part, tone] = row.split('\t');
    if (char === undefined || part === undefined || tone === undefined) continue;
    const entry = readings.get(char) ?? { tones: new Set(), parts: new Set() };
    entry.tones.add(tone === '平' ? '平' : '仄');
    entry.parts.add(part);
    readings.set(char, entry);
  }
  return readings;
}

/**
 * Adds to a table the readings that variants have from the characters they stand for (甯 written for 寧), as texts use them.
 * @param file tab-separated: variant, standard, … with a header
 */
export function addVariants(table, file) {
  for (const row of readFileSync(file, 'utf8').split('\n').slice(1)) {
    const [variant, standard] = row.split('\t');
    const [own, other] = [table.get(variant), table.get(standard)];
    if (variant === standard || other === undefined) continue;
    const union = (key) => new Set([...(own?.[key] ?? []), ...other[key]]);
    table.set(variant, Object.fromEntries(Object.keys(other).map((key) => [key, union(key)])));
  }
}

/** Length, rhyme, meter, all of a ci by the best of the variants. */
export function judgeCi(text, variants, parts) {
  const verdicts = variants.map((variant) => judgeVariant(text, variant, parts));
  const score = ({ length, rhyme, meter }) => (length ? 4 : 0) + (meter ? 2 : 0) + (rhyme ? 1 : 0);
  return verdicts.reduce((best, own) => (score(own) > score(best) ? own : best));
}

/** Whether a text has a variant's shape, the tone of every slot, and each of its rhymes in one part. */
function judgeVariant(text, { pattern }, parts) {
  // 平仄中 by slot; 。 after a rhyme, ， after a line, 、 inside one, | between stanzas. A number before 。 says which of
  // the rhymes it is (none: the first), * that its tone is the other one (叶).
  const plan = [...pattern.replace(/[|\d*]/gu, '')];
  const sets = [...pattern.matchAll(/(\d*)\*?。/gu)].map(([, number]) => number ?? '');
  const written = [...text.normalize('NFC').replaceAll('\n', '')];
  const isMark = (character) => '，。、'.includes(character);
  const length =
    plan.length === written.length &&
    plan.every((slot, i) => (isMark(slot) ? slot === written[i] : !isMark(written[i])));
  if (!length) return { length, rhyme: false, meter: false, all: false };
  const meter = plan.every((slot, i) => isMark(slot) || slot === '中' || parts.get(written[i])?.tones.has(slot));
  const ends = plan.flatMap((slot, i) => (slot === '。' ? [parts.get(written[i - 1])?.parts ?? new Set()] : []));
  const rhyme = [...new Set(sets)].every((set) => {
    const own = ends.filter((_, i) => sets[i] === set);
    return [...own[0]].some((part) => own.every((end) => end.has(part)));
  });
  return { length, rhyme, meter, all: rhyme && meter };
}
