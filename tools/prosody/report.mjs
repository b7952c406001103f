// `npm run report:prosody`: measures the prosody engine on the full corpus and writes `docs/prosody-report.md`. Needs the
// pulled corpus (`tuiqiao corpus pull`); parts that need the reference tables are left out, and said to be, without them.
// About four minutes on one core; `--quick` leaves out the comparison of scripts and the training of the pair table.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPoemFolder } from './poem-folder.mjs';
import { measureBooks } from './report/books.mjs';
import { measureCi, readCi } from './report/ci.mjs';
import { measureCouplets } from './report/couplets.mjs';
import { compareCi, compareRegulated } from './report/gold.mjs';
import { measureHandbooks } from './report/handbooks.mjs';
import { findReference, readRecordedCilin, readRows } from './report/reference.mjs';
import { countCharacters, measureShi } from './report/shi.mjs';
import { writeReport } from './report/write-report.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const target = path.join(root, 'docs/prosody-report.md');
const isQuick = process.argv.includes('--quick');
const shiFolder = findPoemFolder('quantangshi');
const ciFolder = findPoemFolder('songci');
if (shiFolder === undefined || ciFolder === undefined) {
  process.stderr.write('report:prosody: expected the pulled corpus; run `npx tuiqiao corpus pull` first\n');
  process.exit(3);
}
const reference = findReference();
const say = (text) => process.stderr.write(`${text}\n`);
if (reference === undefined) say('reference tables not found: their parts are left out');

say('shi …');
const shi = measureShi(shiFolder, { isQuick });
say('ci …');
const ci = measureCi(readCi(ciFolder));
// Only to explain what differs from the record.
const ciWithNotes = measureCi(readCi(ciFolder), { keepsNotes: true });
const ciAsRecorded =
  reference === undefined
    ? undefined
    : measureCi(readCi(ciFolder), { keepsNotes: true, book: readRecordedCilin(reference) });
say('couplets …');
const couplets = isQuick ? undefined : measureCouplets(shiFolder);
say('samples, handbooks, books …');
const handbooks = measureHandbooks();
const recorded =
  reference === undefined
    ? undefined
    : {
        books: measureBooks(reference, countCharacters(shiFolder)),
        tunes: readRows(reference, 'forms/ci_tune_validation.tsv').slice(0, 30),
        regulated: compareRegulated(reference, path.dirname(shiFolder)),
        ci: compareCi(reference, path.dirname(shiFolder)),
      };
const report = writeReport({
  shi,
  ci,
  ciWithNotes,
  ciAsRecorded,
  couplets,
  handbooks,
  recorded,
  date: new Date().toISOString().slice(0, 10),
});
writeFileSync(target, report);
say(`${path.relative(process.cwd(), target)}: ${report.split('\n').length} lines`);
