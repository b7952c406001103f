/**
 * Developer tool: compiles neighbour counts of one-to-many simplified characters in verse into
 * `packages/corpus/src/clean/s2t-context-table.ts`. Input: `s2t_context.tsv.gz` (columns kind P|L|R, simplified
 * character, neighbour, "candidate+count" …).
 *
 *   npx tsc -b && node tools/corpus/build-s2t-table.mjs <s2t_context.tsv.gz>
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { foldText } from '../../packages/corpus/dist/clean/fold-variants.js';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_';
const ZERO = 32;
const STEP = 0.3;
const SMOOTHING = 0.5;

const [input] = process.argv.slice(2);
if (!input) throw new Error('build-s2t-table: expected the path of s2t_context.tsv.gz');
const entries = new Map();

function readCounts(text) {
  const counts = new Map();
  for (const item of text.split(' ')) {
    const [character, ...digits] = [...item];
    const folded = foldText(character);
    counts.set(folded, (counts.get(folded) ?? 0) + Number(digits.join('')));
  }
  return counts;
}

const rows = gunzipSync(readFileSync(input))
  .toString('utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split('\t'));
for (const [kind, simplified, , text] of rows) {
  if (kind !== 'P') continue;
  const counts = [...readCounts(text)].sort((a, b) => b[1] - a[1]);
  if (counts.length < 2) continue;
  entries.set(simplified, {
    candidates: counts.map(([character]) => character),
    totals: counts.map(([, count]) => count),
    rows: { L: [], R: [] },
  });
}
for (const [kind, simplified, neighbour, text] of rows) {
  const entry = entries.get(simplified);
  if (kind === 'P' || !entry || [...neighbour].length !== 1) continue;
  const counts = readCounts(text);
  entry.rows[kind].push([neighbour, entry.candidates.map((c) => counts.get(c) ?? 0)]);
}

/** Log-likelihood of each candidate against the first one, quantised. */
function encode(counts, totals) {
  const logs = counts.map((count, i) => Math.log((count + SMOOTHING) / (totals ? totals[i] + 1 : 1)));
  return logs
    .slice(1)
    .map((value) => ALPHABET[Math.max(0, Math.min(63, ZERO + Math.round((value - logs[0]) / STEP)))])
    .join('');
}

let out = '';
for (const [simplified, { candidates, totals, rows: sides }] of entries) {
  const neutral = ALPHABET[ZERO].repeat(candidates.length - 1);
  const side = (list) =>
    list
      .map(([neighbour, counts]) => ({ neighbour, code: encode(counts, totals) }))
      .filter(({ code }) => code !== neutral)
      .map(({ neighbour, code }) => neighbour + code)
      .join('');
  out += `  '${simplified} ${candidates.join('')} ${encode(totals, null)} ${side(sides.L)} ${side(sides.R)}',\n`;
}

const target = path.resolve(import.meta.dirname, '../../packages/corpus/src/clean/s2t-context-table.ts');
writeFileSync(
  target,
  `/**
 * Which traditional character a simplified one stands for, by its neighbours, learnt from Tang and Song shi (own counts;
 * built by tools/corpus/build-s2t-table.mjs). One row per simplified character: the character, its candidates, the log prior
 * of candidates 2… against the first, then left and right neighbours (simplified script), each followed by the
 * log-likelihood ratios of candidates 2… against the first. A ratio is one digit of \`S2T_ALPHABET\`: (index − 32) · 0.3.
 */
export const S2T_ALPHABET = '${ALPHABET}';

export const S2T_ROWS: readonly string[] = [
${out}];
`,
);
