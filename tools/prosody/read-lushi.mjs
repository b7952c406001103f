// The undamaged poems of eight lines of five or seven characters, each once, as lines of simplified characters.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * @param {string} folder `quantangshi` of the package chinese-poetry
 * @param {(char: string) => string} simplify
 * @returns {string[][][]}
 */
export function readLushi(folder, simplify) {
  const poems = [];
  const seen = new Set();
  for (const file of readdirSync(folder).sort()) {
    if (!/^poet\.(tang|song)\.\d+\.json$/.test(file)) continue;
    for (const { paragraphs } of JSON.parse(readFileSync(path.join(folder, file), 'utf8'))) {
      const lines = toLushi(paragraphs.join(''), simplify);
      if (lines === null) continue;
      const key = [...lines[2], ...lines[3]].join('');
      if (seen.has(key)) continue;
      seen.add(key);
      poems.push(lines);
    }
  }
  return poems;
}

/** Eight lines of one length, or null; notes in round brackets are left out. */
export function toLushi(text, simplify) {
  const plain = text.replace(/[（(][^）)]*[）)]/gu, '');
  if (!/^[\p{Script=Han}，。！？；：、\s]+$/u.test(plain)) return null;
  const lines = plain
    .split(/[，。！？；：、\s]+/u)
    .filter(Boolean)
    .map((line) => [...line].map(simplify));
  const length = lines[0]?.length;
  if (lines.length !== 8 || (length !== 5 && length !== 7) || lines.some((line) => line.length !== length)) return null;
  return lines;
}
