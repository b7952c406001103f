// Learns which characters face each other in parallel couplets (对仗): counts over 颔联 and 颈联, and a vector for each
// character so that pairs never seen can be scored through others like them. Deterministic: the same poems, the same
// table. Used by compile-parallelism.mjs and by the test that trains on a part of the poems and measures the rest.

/** Numbers in a vector. */
const DIMENSIONS = 32;
/** Every fourth number counts against: characters that face others are not all alike (一 faces 千, not 一). */
const SIGNS = Float32Array.from({ length: DIMENSIONS }, (_, index) => (index % 4 === 3 ? -1 : 1));
const EPOCHS = 8;
const LEARNING_RATE = 0.05;
const LAST_LEARNING_RATE = 0.002;
const DECAY = 2e-5;
/** Shuffled couplets for each real one. */
const NEGATIVES = 2;
/** A character counted less often is not in the table. */
const MIN_COUNT = 8;
/** What the vectors say weighs as much as this many expected meetings. */
export const PRIOR = 10;
/** A pair is listed when its count moves the score by more than this. */
const LISTED_CHANGE = 0.3;
const MIN_PAIR_COUNT = 2;

/** The 64 digits of the table, in the order of their code points without quote, backslash and backtick. */
export const DIGITS = '!#$%&()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_abcd';
/** Steps of one unit in the vectors; a digit covers −32/STEPS … 31/STEPS. */
export const VECTOR_STEPS = 14;
/** Steps of a doubling in the counts. */
export const COUNT_STEPS = 3;

/** @param {number} seed */
function createRandom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

/**
 * @param {readonly (readonly (readonly string[])[])[]} poems lines of poems of eight, all of one length, simplified
 */
export function trainParallelism(poems) {
  const meetings = new Map();
  for (const poem of poems)
    for (const line of [2, 3, 4, 5]) for (const char of poem[line]) meetings.set(char, (meetings.get(char) ?? 0) + 1);
  const kept = [...meetings]
    .filter(([, count]) => count >= MIN_COUNT)
    .sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const characters = kept.map(([char]) => char);
  const counts = kept.map(([, count]) => count);
  const total = [...meetings.values()].reduce((sum, count) => sum + count, 0);
  const ids = new Map(characters.map((char, id) => [char, id]));
  const couplets = poems.flatMap((poem) =>
    [2, 4].map((line) => [line, line + 1].map((each) => Int32Array.from(poem[each], (char) => ids.get(char) ?? -1))),
  );
  const vectors = trainVectors(characters.length, couplets);
  quantize(vectors);
  const pairs = new Map();
  for (const [upper, lower] of couplets) {
    for (let place = 0; place < upper.length; place++) {
      const [a, b] = [upper[place], lower[place]].sort((x, y) => x - y);
      if (a >= 0) pairs.set(a * characters.length + b, (pairs.get(a * characters.length + b) ?? 0) + 1);
    }
  }
  const listed = new Map();
  for (const [key, count] of pairs) {
    if (count < MIN_PAIR_COUNT) continue;
    const a = Math.floor(key / characters.length);
    const b = key % characters.length;
    const closeness = Math.exp(dot(vectors, a, b));
    const change = Math.log((count + PRIOR * closeness) / (PRIOR * closeness));
    if (change > LISTED_CHANGE) listed.set(key, count);
  }
  return { characters, counts, total, vectors, listed };
}

function dot(vectors, a, b) {
  let sum = 0;
  for (let d = 0; d < DIMENSIONS; d++) sum += vectors[a * DIMENSIONS + d] * vectors[b * DIMENSIONS + d] * SIGNS[d];
  return sum;
}

/** Logistic regression: real couplets against the same upper lines with lower lines of other poems. */
function trainVectors(size, couplets) {
  const random = createRandom(12345);
  const vectors = Float32Array.from({ length: size * DIMENSIONS }, () => (random() - 0.5) * 0.4);
  const byLength = new Map();
  for (const couplet of couplets) {
    const { length } = couplet[0];
    if (!byLength.has(length)) byLength.set(length, []);
    byLength.get(length).push(couplet);
  }
  const order = [...couplets];
  const learn = (upper, lower, label, rate) => {
    let sum = 0;
    for (let place = 0; place < upper.length; place++)
      if (upper[place] >= 0 && lower[place] >= 0) sum += dot(vectors, upper[place], lower[place]);
    const gain = rate * (label - 1 / (1 + Math.exp(-sum)));
    for (let place = 0; place < upper.length; place++) {
      if (upper[place] < 0 || lower[place] < 0) continue;
      const a = upper[place] * DIMENSIONS;
      const b = lower[place] * DIMENSIONS;
      for (let d = 0; d < DIMENSIONS; d++) {
        const own = vectors[a + d];
        const other = vectors[b + d];
        vectors[a + d] += gain * SIGNS[d] * other - rate * DECAY * own;
        vectors[b + d] += gain * SIGNS[d] * own - rate * DECAY * other;
      }
    }
  };
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const rate = (LEARNING_RATE * (1 - epoch / EPOCHS) + LAST_LEARNING_RATE) / NEGATIVES;
    for (let index = order.length - 1; index > 0; index--) {
      const other = Math.floor(random() * (index + 1));
      [order[index], order[other]] = [order[other], order[index]];
    }
    for (const [upper, lower] of order) {
      const same = byLength.get(upper.length);
      for (let negative = 0; negative < NEGATIVES; negative++) {
        learn(upper, lower, 1, rate);
        learn(upper, same[Math.floor(random() * same.length)][1], 0, rate);
      }
    }
  }
  return vectors;
}

/** Rounds to what the table can hold, so that the listed pairs are chosen by what a reader of the table sees. */
function quantize(vectors) {
  for (let index = 0; index < vectors.length; index++) {
    vectors[index] = Math.max(-32, Math.min(31, Math.round(vectors[index] * VECTOR_STEPS))) / VECTOR_STEPS;
  }
}

/** The table as strings; read by packages/prosody/src/parallelism/pair-table.ts, where the format is described. */
export function encodeParallelism({ characters, counts, total, vectors, listed }) {
  const level = (count) => DIGITS[Math.round(Math.log2(count) * COUNT_STEPS)];
  const rows = characters.map(() => []);
  for (const key of listed.keys()) rows[Math.floor(key / characters.length)].push(key % characters.length);
  const pairs = rows.map((row, a) => {
    let before = a - 1;
    return row
      .sort((x, y) => x - y)
      .map((b) => {
        let gap = b - before - 1;
        before = b;
        let digits = '';
        while (gap >= 32) {
          digits += DIGITS[32 + (gap % 32)];
          gap = Math.floor(gap / 32);
        }
        return digits + DIGITS[gap] + level(listed.get(a * characters.length + b));
      })
      .join('');
  });
  return {
    characters: characters.join(''),
    counts: counts.map(level).join(''),
    total,
    vectors: Array.from(vectors, (value) => DIGITS[Math.round(value * VECTOR_STEPS) + 32]).join(''),
    pairs,
  };
}
