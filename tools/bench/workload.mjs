// What ours and the peers are both measured on: token ids that stand for requests for a poem and their answers in Qwen3's
// tokens. Lengths and what requests begin with alike are those of 256 real ones; beyond that, which tokens they are makes no
// difference to the speed.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createRandom } from '@tuiqiao/tensor';
import { peersFolder } from '../peers/folder.mjs';
import { writeRandomModel } from '../peers/random-model.mjs';

/** Tokens of a chat-formatted request: least, most, and of how many draws the smallest counts, as few titles are long. */
const PROMPT_TOKENS = [31, 73, 5];
/**
 * The forms asked for, as many of each: tokens of a poem, and what its request begins with:
 * `<|im_start|>user⏎写一首`, 七 or 五, 言, 律诗 or 绝句, `，题为《`.
 */
const FORMS = [
  { poemTokens: [62, 74, 1], opening: [1, 2, 3, 4, 5, 6, 8, 9, 10, 13, 14, 15, 16] },
  { poemTokens: [46, 58, 1], opening: [1, 2, 3, 4, 5, 7, 8, 9, 10, 13, 14, 15, 16] },
  { poemTokens: [29, 39, 1], opening: [1, 2, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16] },
  { poemTokens: [23, 30, 2], opening: [1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 14, 15, 16] },
];
/** Ids from here on stand for anything else. */
const FIRST_ID = 100;
const VOCABULARY = 151643;

export const LARGE = { size: '0.6B', batch: 8, pairs: 4, rank: 8, warmUp: 2 };
export const DECODING = { batches: [1, 16, 64], promptTokens: 39, newTokens: 64 };

/** The folder of the random model, made on first use. */
export function largeModelFolder(size = LARGE.size) {
  const folder = peersFolder(`qwen3-${size.toLowerCase()}-random`);
  if (!existsSync(path.join(folder, 'model.safetensors'))) {
    process.stderr.write(`writing a random model of ${size} to ${folder} …\n`);
    writeRandomModel(folder, { size });
  }
  return folder;
}

/** `[ids, prompt length]` of every sample, sorted by length within groups of batches as a careful loop does. */
export function fineTuningSamples(steps) {
  const random = createRandom(7);
  return Array.from({ length: steps * LARGE.batch }, () => {
    const form = drawForm(random);
    const prompt = drawPrompt(random, form);
    return [[...prompt, ...drawPoem(random, form)], prompt.length];
  });
}

export const randomIds = (random, length) =>
  Array.from({ length }, () => FIRST_ID + random.integer(VOCABULARY - FIRST_ID));

const drawForm = (random) => FORMS[random.integer(FORMS.length)];
const drawPoem = (random, { poemTokens }) => randomIds(random, drawLength(random, poemTokens));

function drawPrompt(random, { opening }) {
  return [...opening, ...randomIds(random, drawLength(random, PROMPT_TOKENS) - opening.length)];
}

function drawLength(random, [least, most, count]) {
  const draws = Array.from({ length: count }, () => random.uniform());
  return least + Math.floor(Math.min(...draws) * (most - least + 1));
}

/** The samples in batches of similar length, the batches in random order. */
export const batchesOf = (samples) => sortedBatches(samples, LARGE.batch, ([ids]) => ids.length);

function sortedBatches(items, size, lengthOf) {
  const sorted = [...items].sort((a, b) => lengthOf(a) - lengthOf(b));
  const batches = [];
  for (let i = 0; i < sorted.length; i += size) batches.push(sorted.slice(i, i + size));
  createRandom(8).shuffle(batches);
  return batches;
}

/** Batches of preference pairs of similar length. */
export function pairBatches(steps) {
  const random = createRandom(10);
  const pairs = Array.from({ length: steps * LARGE.pairs }, (_, i) => {
    const form = drawForm(random);
    const promptIds = drawPrompt(random, form);
    return { id: `${i}`, promptIds, chosenIds: drawPoem(random, form), rejectedIds: drawPoem(random, form) };
  });
  const longest = ({ promptIds, chosenIds, rejectedIds }) =>
    promptIds.length + Math.max(chosenIds.length, rejectedIds.length);
  return sortedBatches(pairs, LARGE.pairs, longest);
}

/** Tokens of both branches; the prompt is counted twice. */
export const pairTokens = (pairs) =>
  pairs.reduce(
    (sum, { promptIds, chosenIds, rejectedIds }) => sum + 2 * promptIds.length + chosenIds.length + rejectedIds.length,
    0,
  );

export function decodingPrompts(batch) {
  const random = createRandom(9);
  return Array.from({ length: batch }, () => randomIds(random, DECODING.promptTokens));
}
