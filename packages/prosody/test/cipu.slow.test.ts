// The ci checker over every Song ci: against 2,300 recorded analyses, and the match rates of the thirty commonest tunes.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBook } from '../src/books.ts';
import { checkCi } from '../src/ci/check-ci.ts';
import { chooseVariant, SHARED_BREAKS_NEEDED } from '../src/ci/choose-variant.ts';
import { findRhymes } from '../src/ci/ci-rhyme.ts';
import { findTune } from '../src/ci/tunes.ts';
import { splitText } from '../src/text.ts';

interface SongCi {
  readonly rhythmic: string;
  readonly paragraphs: readonly string[];
}

const forms = path.resolve(import.meta.dirname, '../../../../shared/data/forms');
const xdg = process.env.XDG_CACHE_HOME;
const caches = [
  process.env.TUIQIAO_CACHE,
  xdg && path.join(xdg, 'tuiqiao'),
  path.join(homedir(), 'Library', 'Caches', 'tuiqiao'),
  path.join(homedir(), '.cache', 'tuiqiao'),
];
// The npm package `chinese-poetry`, as `tuiqiao corpus pull` keeps it.
const ciFolder = caches
  .filter((folder) => folder !== undefined && folder !== '')
  .map((folder) => path.join(folder!, 'chinese-poetry-2.0.1', 'songci'))
  .find((folder) => existsSync(folder));

const readCi = (file: string): SongCi[] => JSON.parse(readFileSync(path.join(ciFolder!, file), 'utf8'));

function readRows(name: string): Record<string, string>[] {
  const [header, ...lines] = readFileSync(path.join(forms, name), 'utf8').trimEnd().split('\n');
  const columns = header!.split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']));
  });
}

const isPresent = existsSync(forms) && ciFolder !== undefined;

describe.skipIf(!isPresent)('2,300 recorded ci', () => {
  it('agree on variant, tone faults and rhymes off', () => {
    const files = new Map<string, SongCi[]>();
    const counts = { all: 0, variant: 0, tones: 0, rhymes: 0, jointly: 0 };
    const whole = { all: 0, variant: 0, tones: 0, rhymes: 0, jointly: 0 };
    for (const row of readRows('ci_gold_sample.tsv')) {
      const file = row.file!;
      if (!files.has(file)) files.set(file, readCi(file));
      const ci = files.get(file)![Number(row.index)]!;
      const text = ci.paragraphs.join('');
      const verdict = checkCi(text, { tune: ci.rhythmic })!;
      const found = (rule: string) => verdict.findings.filter((finding) => finding.rule === rule).length;
      // The records left characters out that are not Chinese (a glyph that was lost): there the lengths differ.
      const isWhole = !/[^\p{Script=Han}\p{P}\s]/u.test(text);
      const same = {
        variant: verdict.variant === `${row.book} ${row.variant}`,
        tones: found('cipai-tone') === Number(row.tone_faults),
        rhymes: found('cipai-rhyme') === Number(row.off_rhymes),
      };
      for (const count of isWhole ? [counts, whole] : [counts]) {
        count.all++;
        for (const aspect of ['variant', 'tones', 'rhymes'] as const) if (same[aspect]) count[aspect]++;
        if (same.variant && same.tones && same.rhymes) count.jointly++;
      }
    }
    expect(counts.all).toBe(2300);
    for (const aspect of ['variant', 'tones', 'rhymes', 'jointly'] as const) {
      expect(counts[aspect] / counts.all, aspect).toBeGreaterThan(0.99);
      // The rest: characters that one of the two transcriptions of 词林正韵 alone lists; the records read the other.
      expect(whole[aspect] / whole.all, `${aspect} of undamaged texts`).toBeGreaterThanOrEqual(0.995);
    }
  });
});

/** Sums over the ci of one tune; rates are shares as in the records. */
interface TuneCount {
  ci: number;
  length: number;
  lines: number;
  exact: number;
  slots: number;
  slotsRight: number;
  fewFaults: number;
  oneGroup: number;
  oneOff: number;
}

const NOTHING: TuneCount = {
  ci: 0,
  length: 0,
  lines: 0,
  exact: 0,
  slots: 0,
  slotsRight: 0,
  fewFaults: 0,
  oneGroup: 0,
  oneOff: 0,
};

function countTunes(): { resolved: number; damaged: number; tunes: Map<number, TuneCount> } {
  const book = loadBook('cilin', 'simplified');
  const tunes = new Map<number, TuneCount>();
  let resolved = 0;
  let damaged = 0;
  const files = readdirSync(ciFolder!).filter((file) => /^ci\.song\.\d+\.json$/.test(file));
  for (const { rhythmic, paragraphs } of files.flatMap(readCi)) {
    const tune = findTune(rhythmic);
    if (tune === undefined) continue;
    resolved++;
    const text = paragraphs.join('');
    if (text.includes('□')) {
      damaged++;
      continue;
    }
    if (!tunes.has(tune.id)) tunes.set(tune.id, { ...NOTHING });
    const count = tunes.get(tune.id)!;
    count.ci++;
    const { lines } = splitText(text);
    const chars = lines.flatMap((line) => line.chars);
    const masks = Uint8Array.from(chars, (char) => book.toneMask(char) || 3);
    const breaks: number[] = [];
    for (const line of lines) breaks.push((breaks.at(-1) ?? 0) + line.chars.length);
    const fit = chooseVariant(tune.variants, { chars, breaks, masks }, book);
    if (fit === undefined) continue;
    count.length++;
    if (fit.shared < SHARED_BREAKS_NEEDED) continue;
    count.lines++;
    if (fit.shared === 1) count.exact++;
    const { shape } = fit;
    const faults = shape.slots.filter((bits, slot) => (bits & masks[slot]!) === 0).length;
    count.slots += shape.fixedCount;
    count.slotsRight += shape.fixedCount - faults;
    if (faults <= 2) count.fewFaults++;
    const off = findRhymes(shape.rhymes, (slot) => chars[slot], book).reduce((sum, set) => sum + set.off.length, 0);
    if (off === 0) count.oneGroup++;
    if (off <= 1) count.oneOff++;
  }
  return { resolved, damaged, tunes };
}

describe.skipIf(!isPresent)('every Song ci', () => {
  const rates = (count: TuneCount) => ({
    length_match: count.length / count.ci,
    line_match80: count.lines / count.ci,
    line_match_exact: count.exact / count.ci,
    tone_ok: count.slotsRight / count.slots,
    le2_faults: count.fewFaults / count.lines,
    rhyme_all_one_part: count.oneGroup / count.lines,
    rhyme_le1_off: count.oneOff / count.lines,
  });
  // The name 木兰花 is 玉楼春 here (as its texts are), 减字木兰花 in the records, which moves six ci and their lengths.
  // Which of several equal variants is chosen moves the last columns of a tune with many variants (满庭芳 by 3 points).
  const tolerances = {
    length_match: 0.012,
    line_match80: 0.012,
    line_match_exact: 0.032,
    tone_ok: 0.003,
    le2_faults: 0.03,
    rhyme_all_one_part: 0.031,
    rhyme_le1_off: 0.011,
  };

  it('matches the tunes as often as recorded', () => {
    const { resolved, damaged, tunes } = countTunes();
    expect(Math.abs(resolved - 20_255)).toBeLessThan(20);
    expect(Math.abs(damaged - 852)).toBeLessThan(10);
    const total = { ...NOTHING };
    for (const count of tunes.values()) {
      for (const key of Object.keys(total) as (keyof TuneCount)[]) total[key] += count[key];
    }
    const recorded = [0.915, 0.889, 0.739, 0.977, 0.864, 0.816, 0.92];
    Object.values(rates(total)).forEach((rate, column) => {
      expect(Math.abs(rate - recorded[column]!), `column ${column}: ${rate}`).toBeLessThan(0.005);
    });
    const rows = readRows('ci_tune_validation.tsv').slice(0, 30);
    for (const row of rows) {
      const found = rates(tunes.get(Number(row.tune_id))!);
      for (const [column, rate] of Object.entries(found)) {
        const difference = Math.abs(rate - Number(row[column]));
        expect(difference, `${row.tune} ${column}: ${rate} for ${row[column]}`).toBeLessThan(
          tolerances[column as keyof typeof tolerances],
        );
      }
    }
  });
});
