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
