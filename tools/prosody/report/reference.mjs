// The reference tables of the measurements, where they lie beside the repository (`../shared/data`) or where
// TUIQIAO_REFERENCE_DATA says. What needs them is left out of the report where they are not.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

/** The folder, or undefined. */
export function findReference() {
  const { TUIQIAO_REFERENCE_DATA } = process.env;
  return [TUIQIAO_REFERENCE_DATA, path.resolve(root, '../shared/data')]
    .filter((folder) => folder !== undefined && folder !== '')
    .find((folder) => existsSync(folder));
}

/** Rows of a table with a header, tab-separated, packed or not. */
export function readRows(folder, name) {
  const bytes = readFileSync(path.join(folder, name));
  const text = (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  const [header, ...lines] = text.trimEnd().split('\n');
  const columns = header.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']));
  });
}

/** 词林正韵 in simplified characters by the widest transcription alone, as the record read it: a book of readings and tones. */
export function readRecordedCilin(folder) {
  const readings = new Map();
  for (const { char, simp, part, tone, src } of readRows(folder, 'prosody/cilin.tsv')) {
    if (!src.includes('S')) continue;
    const reading = { group: Number(part), tone: tone === '平' ? '平' : '仄' };
    for (const form of new Set([char, simp])) {
      const own = readings.get(form) ?? [];
      if (!own.some((each) => each.group === reading.group && each.tone === reading.tone)) own.push(reading);
      readings.set(form, own);
    }
  }
  const readingsOf = (char) => readings.get(char) ?? [];
  return {
    readings: readingsOf,
    toneMask: (char) => readingsOf(char).reduce((mask, { tone }) => mask | (tone === '平' ? 1 : 2), 0),
  };
}
