// Counts beside which characters the polyphones of regulated verse are level and beside which oblique (不勝 平, 勝地 仄),
// and writes `packages/prosody/src/tables/tone-contexts.ts`. Only slots that the form fixes are counted, in poems without
// a fault. Needs the pulled corpus (`tuiqiao corpus pull`) and the built prosody package:
// `npm run build && node tools/prosody/compile-contexts.mjs`. The output is committed.
//
// With `--measure` a tenth of the poems is kept back and the readings chosen for it are held against its slots.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, listSchemes, loadBook, simplifyCharacter, slotMask } from '@tuiqiao/prosody';
import { findPoemFolder } from './poem-folder.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const isMeasuring = process.argv.includes('--measure');
const folder = findPoemFolder('quantangshi');
if (folder === undefined) throw new Error('compile-contexts: expected the pulled corpus; run tuiqiao corpus pull');

/** A character seen less often in fixed slots has no contexts worth keeping. */
const FEWEST_USES = 200;
/** The rarer tone of a character must have this share. */
const RAREST_SHARE = 0.03;
const FEWEST_MEETINGS = 6;
/** A context is kept when it moves the logarithm of the odds by more than this. */
const LISTED_CHANGE = 0.7;
const SMOOTHING = 2;

/** char → side+neighbour → [level, oblique]; '' counts all. */
const counts = new Map();
const kept = [];
let poems = 0;
const book = loadBook('pingshui');
for (const file of readdirSync(folder).sort()) {
  if (!/^poet\.(tang|song)\.\d+\.json$/.test(file)) continue;
  for (const { paragraphs } of JSON.parse(readFileSync(path.join(folder, file), 'utf8'))) {
    const text = paragraphs.join('');
    if (!/^[\p{Script=Han}，。！？；：]+$/u.test(text)) continue;
    const verdict = check(text);
    if (!verdict.lenient.all || verdict.start === null || verdict.lines.length > 8) continue;
    const lineLength = [...verdict.lines[0].text].length;
    const scheme = listSchemes(verdict.lines.length, lineLength).find(
      ({ start, firstLineRhymes }) => start === verdict.start && firstLineRhymes === verdict.firstLineRhymes,
    );
    poems++;
    const isKept = isMeasuring && poems % 10 === 0;
    verdict.lines.forEach((line, index) => {
      const slots = slotMask(scheme.types[index], lineLength);
      const chars = [...line.text];
      chars.forEach((char, position) => {
        if (slots[position] === 3 || book.toneMask(char) !== 3) return;
        // The rhyme decides the tone there, not the neighbour.
        if (position === lineLength - 1) return;
        const use = { char, tone: slots[position] - 1, before: chars[position - 1], after: chars[position + 1] };
        if (isKept) kept.push(use);
        else count(use);
      });
    });
  }
}

function count({ char, tone, before, after }) {
  if (!counts.has(char)) counts.set(char, new Map());
  const own = counts.get(char);
  for (const key of ['', before && `<${simplifyCharacter(before)}`, after && `>${simplifyCharacter(after)}`]) {
    if (key === undefined) continue;
    if (!own.has(key)) own.set(key, [0, 0]);
    own.get(key)[tone]++;
  }
}

const odds = ([level, oblique], prior) => Math.log((level + SMOOTHING * prior) / (oblique + SMOOTHING * (1 - prior)));
const rows = [];
const table = new Map();
for (const [char, own] of counts) {
  const [level, oblique] = own.get('');
  const total = level + oblique;
  const prior = level / total;
  if (total < FEWEST_USES || Math.min(level, oblique) < RAREST_SHARE * total) continue;
  const base = Math.log(level / oblique);
  const contexts = [];
  for (const [key, pair] of own) {
    if (key === '' || pair[0] + pair[1] < FEWEST_MEETINGS) continue;
    const change = odds(pair, prior) - base;
    if (Math.abs(change) > LISTED_CHANGE) contexts.push([key, change]);
  }
  contexts.sort((a, b) => b[1] - a[1]);
  table.set(char, { base, changes: new Map(contexts) });
  // A digit for the change: tenths of e, from -9 to 9, as a letter from a to s with j for 0.
  const letter = (change) => String.fromCharCode(106 + Math.max(-9, Math.min(9, Math.round(change * 2))));
  const side = (mark) =>
    contexts
      .filter(([key]) => key[0] === mark)
      .map(([key, change]) => key.slice(1) + letter(change))
      .join('');
  rows.push(`${char}${letter(base)}${side('<')}/${side('>')}`);
}

if (isMeasuring) {
  const result = { uses: 0, usage: 0, context: 0 };
  for (const { char, tone, before, after } of kept) {
    const entry = table.get(char);
    if (entry === undefined) continue;
    result.uses++;
    const value =
      entry.base +
      (entry.changes.get(`<${simplifyCharacter(before ?? '')}`) ?? 0) +
      (entry.changes.get(`>${simplifyCharacter(after ?? '')}`) ?? 0);
    if ((entry.base >= 0 ? 0 : 1) === tone) result.usage++;
    if ((value >= 0 ? 0 : 1) === tone) result.context++;
  }
  console.log({ poems, characters: table.size, ...result });
} else {
  rows.sort();
  const text = rows.join(';');
  const LINE = 4000;
  const parts = text.match(new RegExp(`[^]{1,${LINE}}`, 'gu')).map((part) => `  '${part}',`);
  writeFileSync(
    path.join(root, 'packages/prosody/src/tables/tone-contexts.ts'),
    `// Generated by tools/prosody/compile-contexts.mjs from ${poems} regulated poems without a fault; do not edit.
// Sources and licences: packages/prosody/NOTICE.md. The format is described in ../tone-context.ts.

/** Polyphones with the neighbours that decide their tone. */
export const TONE_CONTEXTS = [
${parts.join('\n')}
].join('');
`,
  );
  console.log({ poems, characters: rows.length, length: text.length });
}
