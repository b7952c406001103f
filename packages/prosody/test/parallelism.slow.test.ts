// 对仗 measured: a table trained on four fifths of the poems judges the rest; the shipped table, trained on all of them,
// judges what is not in that corpus: poets of Jin and early Yuan, and the rhyme primers.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodeParallelism, trainParallelism } from '../../../tools/prosody/parallelism-trainer.mjs';
import { findPoemFolder } from '../../../tools/prosody/poem-folder.mjs';
import { readLushi, toLushi } from '../../../tools/prosody/read-lushi.mjs';
import { decodePairs, loadPairs, type PairScore } from '../src/parallelism/pair-table.ts';
import { scoreCouplet } from '../src/parallelism/parallelism.ts';
import { simplifyCharacter } from '../src/scripts.ts';

type Poem = readonly (readonly string[])[];

const data = path.resolve(import.meta.dirname, '../../../../shared/data');
const poemFolder = findPoemFolder('quantangshi');

/** Chance that a value of the first list is above one of the second (area under the ROC curve). */
function separation(above: readonly number[], below: readonly number[]): number {
  const all = [
    ...above.map((score) => ({ score, isAbove: true })),
    ...below.map((score) => ({ score, isAbove: false })),
  ];
  all.sort((a, b) => a.score - b.score);
  let ranks = 0;
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end]!.score === all[start]!.score) end++;
    for (let index = start; index < end; index++) if (all[index]!.isAbove) ranks += (start + end + 1) / 2;
    start = end;
  }
  return (ranks - (above.length * (above.length + 1)) / 2) / (above.length * below.length);
}

/** Middle couplets against first and last ones, and against lines of different poems; couplet by couplet and in pairs. */
function measure(poems: readonly Poem[], pairScore: PairScore): Record<string, number> {
  const score = (upper: readonly string[], lower: readonly string[]) => scoreCouplet(upper, lower, 1, pairScore)!.score;
  const couplets = { middle: [] as number[], outer: [] as number[], random: [] as number[] };
  const sums = { middle: [] as number[], outer: [] as number[], random: [] as number[] };
  for (const length of [5, 7]) {
    const same = poems.filter((poem) => poem[0]!.length === length);
    same.forEach((poem, index) => {
      const other = same[(index * 7919 + 13) % same.length]!;
      const scores = {
        middle: [score(poem[2]!, poem[3]!), score(poem[4]!, poem[5]!)],
        outer: [score(poem[0]!, poem[1]!), score(poem[6]!, poem[7]!)],
        random: [score(poem[2]!, other[3]!), score(poem[4]!, other[5]!)],
      };
      for (const kind of ['middle', 'outer', 'random'] as const) {
        couplets[kind].push(...scores[kind]);
        sums[kind].push(scores[kind][0]! + scores[kind][1]!);
      }
    });
  }
  return {
    poems: poems.length,
    poemOuter: separation(sums.middle, sums.outer),
    poemRandom: separation(sums.middle, sums.random),
    coupletOuter: separation(couplets.middle, couplets.outer),
    coupletRandom: separation(couplets.middle, couplets.random),
  };
}

const ofLength = (poems: readonly Poem[], length: number) => poems.filter((poem) => poem[0]!.length === length);

describe.skipIf(poemFolder === undefined)('poems that the table was not trained on', () => {
  it('show their parallel couplets', () => {
    const poems = readLushi(poemFolder!, simplifyCharacter);
    const isHeldOut = (index: number) => ((index * 2654435761) % 4294967296) % 5 === 0;
    const training = poems.filter((_, index) => !isHeldOut(index));
    const known = new Set(training.flatMap((poem) => poem.map((line) => line.join(''))));
    // A line that the training poems have too (a variant of the same poem) would not be held out.
    const heldOut = poems.filter((poem, index) => isHeldOut(index) && !poem.some((line) => known.has(line.join(''))));
    const score = decodePairs(encodeParallelism(trainParallelism(training))).score;
    const all = measure(heldOut, score);
    const seven = measure(ofLength(heldOut, 7), score);
    console.log('held out', { all, five: measure(ofLength(heldOut, 5), score), seven });
    expect(all.poems).toBeGreaterThan(20_000);
    expect(all.poemOuter).toBeGreaterThan(0.92);
    expect(all.poemRandom).toBeGreaterThan(0.98);
    // One couplet alone says less; opening couplets of five characters are often parallel themselves.
    expect(seven.coupletOuter).toBeGreaterThan(0.92);
    expect(seven.coupletRandom).toBeGreaterThan(0.97);
    expect(all.coupletOuter).toBeGreaterThan(0.88);
    expect(all.coupletRandom).toBeGreaterThan(0.96);
  });
});

describe.skipIf(!existsSync(data))('the shipped table', () => {
  it('tells parallel couplets of poets who are not in the corpus', () => {
    const file = path.join(data, 'corpus_extra/shi_pre_tang_and_minor_dynasties.jsonl.gz');
    const poems = gunzipSync(readFileSync(file))
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { dynasty: string; text: string })
      .filter(({ dynasty }) => /[辽金宋元]/u.test(dynasty))
      .map(({ text }) => toLushi(text, simplifyCharacter))
      .filter((poem) => poem !== null);
    const result = measure(poems, loadPairs().score);
    console.log('later dynasties', result);
    expect(result.poems).toBeGreaterThan(500);
    // Fewer than of Tang and Song poems: many are old style by shape only, and the texts have slips.
    expect(result.poemOuter).toBeGreaterThan(0.91);
    expect(result.poemRandom).toBeGreaterThan(0.96);
  });

  it('tells the couplets of the primers from the same lines shuffled', () => {
    const rows = readFileSync(path.join(data, 'tasks/couplets_primers.tsv'), 'utf8').trimEnd().split('\n').slice(1);
    const couplets = rows.map((row) =>
      row
        .split('\t')
        .slice(2)
        .map((line) => [...line].map(simplifyCharacter)),
    );
    const usable = couplets.filter(([upper, lower]) => upper!.length === lower!.length && upper!.length >= 2);
    const byLength = new Map<number, string[][][]>();
    for (const couplet of usable) {
      const { length } = couplet[0]!;
      byLength.set(length, [...(byLength.get(length) ?? []), couplet]);
    }
    const real: number[] = [];
    const shuffled: number[] = [];
    for (const group of byLength.values()) {
      if (group.length < 10) continue;
      group.forEach(([upper, lower], index) => {
        real.push(scoreCouplet(upper!, lower!, 1)!.score);
        shuffled.push(scoreCouplet(upper!, group[(index + Math.ceil(group.length / 2)) % group.length]![1]!, 1)!.score);
      });
    }
    const result = separation(real, shuffled);
    console.log('primers', { couplets: real.length, separation: result });
    expect(result).toBeGreaterThan(0.97);
  });

  it('agrees with the reference list of pairs', () => {
    const rows = gunzipSync(readFileSync(path.join(data, 'tasks/duizhang_pairs.tsv.gz')))
      .toString('utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((row) => row.split('\t'));
    const score = loadPairs().score;
    const pairs = rows.filter((row) => Number(row[2]) >= 20);
    const theirs = pairs.map((row) => Number(row[3]));
    const ours = pairs.map((row) => score(row[0]!, row[1]!));
    const result = correlation(theirs, ours);
    console.log('reference pairs', { pairs: pairs.length, correlation: result });
    // Ours weighs what the vectors expect besides, and has a limit: rare fixed phrases (筚 篥) count for less.
    expect(result).toBeGreaterThan(0.84);
  });
});

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  let [both, squareA, squareB] = [0, 0, 0];
  a.forEach((value, index) => {
    both += (value - meanA) * (b[index]! - meanB);
    squareA += (value - meanA) ** 2;
    squareB += (b[index]! - meanB) ** 2;
  });
  return both / Math.sqrt(squareA * squareB);
}
