// 对仗: how well the score of couplets tells the middle ones of eight-line poems from the first and last, and from lines
// of different poems. The table is trained on four fifths of the poems and measured on the rest.

import { scoreCouplet, simplifyCharacter } from '@tuiqiao/prosody';
import { decodePairs } from '../../../packages/prosody/dist/parallelism/pair-table.js';
import { encodeParallelism, trainParallelism } from '../parallelism-trainer.mjs';
import { readLushi } from '../read-lushi.mjs';

/** Chance that a value of the first list is above one of the second (area under the ROC curve). */
function separation(above, below) {
  const all = [...above.map((score) => ({ score, up: true })), ...below.map((score) => ({ score, up: false }))];
  all.sort((a, b) => a.score - b.score);
  let ranks = 0;
  for (let start = 0; start < all.length; ) {
    let end = start;
    while (end < all.length && all[end].score === all[start].score) end++;
    for (let index = start; index < end; index++) if (all[index].up) ranks += (start + end + 1) / 2;
    start = end;
  }
  return (ranks - (above.length * (above.length + 1)) / 2) / (above.length * below.length);
}

const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

export function measureCouplets(folder) {
  const poems = readLushi(folder, simplifyCharacter);
  const isHeldOut = (index) => ((index * 2654435761) % 4294967296) % 5 === 0;
  const training = poems.filter((_, index) => !isHeldOut(index));
  const known = new Set(training.flatMap((poem) => poem.map((line) => line.join(''))));
  const heldOut = poems.filter((poem, index) => isHeldOut(index) && !poem.some((line) => known.has(line.join(''))));
  const pairScore = decodePairs(encodeParallelism(trainParallelism(training))).score;
  const score = (upper, lower) => scoreCouplet(upper, lower, 1, pairScore).score;
  const sums = { middle: [], outer: [], random: [] };
  const means = { middle: [], outer: [], random: [] };
  for (const length of [5, 7]) {
    const same = heldOut.filter((poem) => poem[0].length === length);
    same.forEach((poem, index) => {
      const other = same[(index * 7919 + 13) % same.length];
      const pairs = {
        middle: [score(poem[2], poem[3]), score(poem[4], poem[5])],
        outer: [score(poem[0], poem[1]), score(poem[6], poem[7])],
        random: [score(poem[2], other[3]), score(poem[4], other[5])],
      };
      for (const kind of Object.keys(sums)) {
        sums[kind].push(pairs[kind][0] + pairs[kind][1]);
        means[kind].push(...pairs[kind]);
      }
    });
  }
  return {
    training: training.length,
    heldOut: heldOut.length,
    outer: separation(sums.middle, sums.outer),
    random: separation(sums.middle, sums.random),
    means: Object.fromEntries(Object.entries(means).map(([kind, values]) => [kind, mean(values)])),
  };
}
