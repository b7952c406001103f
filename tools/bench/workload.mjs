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

export const LARGE = { size: '0.6B', batch: 8, rank: 8, warmUp: 2 };
export const DECODING = { batches: [1, 16, 64], promptTokens: 39, newTokens: 64 };

/** The folder of the random model, made on first use. */
export function largeModelFolder() {
  const folder = peersFolder('qwen3-0.6b-random');
  if (!existsSync(path.join(folder, 'model.safetensors'))) {
    process.stderr.write(`writing a random model of ${LARGE.size} to ${folder} …\n`);
    writeRandomModel(folder, { size: LARGE.size });
  }
  return folder;
}

/** `[ids, prompt length]` of every sample, sorted by length within groups of batches as a careful loop does. */
export function fineTuningSamples(steps) {
  const random = createRandom(7);
  const lengthIn = ([least, most]) => {
    const draws = Array.from({ length: DRAWS }, () => random.uniform());
    return least + Math.floor(Math.min(...draws) * (most - least + 1));
  };
  const samples = Array.from({ length: steps * LARGE.batch }, () => {
    const prompt = lengthIn(PROMPT_TOKENS);
    const ids = Array.from({ length: prompt + lengthIn(COMPLETION_TOKENS) }, () => random.integer(VOCABULARY));
    return [ids, prompt];
  });
  return samples;
}

/** The samples in batches of similar length, the batches in random order. */
export function batchesOf(samples) {
  const sorted = [...samples].sort(([a], [b]) => a.length - b.length);
  const batches = [];
  for (let i = 0; i < sorted.length; i += LARGE.batch) batches.push(sorted.slice(i, i + LARGE.batch));
  createRandom(8).shuffle(batches);
  return batches;
}

export function decodingPrompts(batch) {
  const random = createRandom(9);
  return Array.from({ length: batch }, () =>
    Array.from({ length: DECODING.promptTokens }, () => random.integer(VOCABULARY)),
  );
}
