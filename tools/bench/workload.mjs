// What ours and the peers are both measured on: token ids of random sequences whose lengths are those of requests for a
// poem and their answers in Qwen3's tokens. Which tokens they are makes no difference to the speed.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createRandom } from '@tuiqiao/tensor';
import { peersFolder } from '../peers/folder.mjs';
import { writeRandomModel } from '../peers/random-model.mjs';

/** Tokens of prompts and of completions: least and most of 256 chat-formatted requests for regulated verse. */
const PROMPT_TOKENS = [31, 73];
const COMPLETION_TOKENS = [23, 74];
/** Mean lengths are nearer to the least: of so many draws the smallest counts. */
const DRAWS = 2;
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
  const lengthIn = (range) => drawLength(random, range);
  const samples = Array.from({ length: steps * LARGE.batch }, () => {
    const prompt = lengthIn(PROMPT_TOKENS);
    const ids = Array.from({ length: prompt + lengthIn(COMPLETION_TOKENS) }, () => random.integer(VOCABULARY));
    return [ids, prompt];
  });
  return samples;
}

export const randomIds = (random, length) => Array.from({ length }, () => random.integer(VOCABULARY));

function drawLength(random, [least, most]) {
  const draws = Array.from({ length: DRAWS }, () => random.uniform());
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
  const ids = (range) => randomIds(random, drawLength(random, range));
  const pairs = Array.from({ length: steps * LARGE.pairs }, (_, i) => ({
    id: `${i}`,
    promptIds: ids(PROMPT_TOKENS),
    chosenIds: ids(COMPLETION_TOKENS),
    rejectedIds: ids(COMPLETION_TOKENS),
  }));
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
  return Array.from({ length: batch }, () =>
    Array.from({ length: DECODING.promptTokens }, () => random.integer(VOCABULARY)),
  );
}
