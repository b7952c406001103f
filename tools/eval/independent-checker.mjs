// A second checker of the four regulated forms that shares no code and no tables with the product: it reads a plain table
// of readings and knows only line patterns, so that an error of the prosody engine cannot hide itself. Coarser than the
// product: no neighbour groups in the first line, an unrescued 小拗 passes, characters that repeat as rhymes fail.
import { readFileSync } from 'node:fs';

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
const SHAPES = { 五绝: [4, 5], 七绝: [4, 7], 五律: [8, 5], 七律: [8, 7] };
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

/** Length, rhyme, meter, all; `null` for forms it does not know. */
export function judgePoem(text, form, readings) {
  const shape = SHAPES[form];
  if (shape === undefined) return null;
  const lines = text
    .split(/[，。、；？！\s]/u)
    .filter((line) => line !== '')
    .map((line) => [...line]);
  const length = lines.length === shape[0] && lines.every((line) => line.length === shape[1]);
  if (!length) return { length, rhyme: false, meter: false, all: false };
  const schemes = (shape[0] === 4 ? QUATRAINS : OCTAVES).filter((types) => fitsScheme(lines, types, readings));
  const rhymesBy = (types) => {
    const ends = lines.filter((_, i) => i % 2 === 1 || (i === 0 && 'BD'.includes(types[0]))).map((line) => line.at(-1));
    const groups = ends.map((end) => readings.get(end)?.groups ?? new Set());
    return new Set(ends).size === ends.length && [...groups[0]].some((group) => groups.every((own) => own.has(group)));
  };
  const all = schemes.some(rhymesBy);
  return { length, rhyme: all || ['AB', 'BD'].some(rhymesBy), meter: schemes.length > 0, all };
}
