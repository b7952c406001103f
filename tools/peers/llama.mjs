// llama.cpp's side of `npm run bench`: decoding with node-llama-cpp, which brings llama.cpp built for many processors.
//
//   node llama.mjs version NPM_FOLDER
//   node llama.mjs WORKLOAD.json
//
// WORKLOAD holds the folder the package is installed in, the GGUF file, the prompts' token ids, how many tokens to write
// and how often; it is written by tools/bench/peers.mjs. The answer is one line of JSON, as that of peer.py. Tokens are
// sampled at temperature 0.8 among the likeliest 40 and 0.95 of the probability, as the package does by itself.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const TICKS_PER_SECOND = 100;
const SAMPLING = { temperature: 0.8, topK: 40, topP: 0.95, yieldEogToken: true };

const packageFolder = (npm) => path.join(npm, 'node_modules', 'node-llama-cpp');
const versionOf = (npm) => JSON.parse(readFileSync(path.join(packageFolder(npm), 'package.json'), 'utf8')).version;

function processorSeconds() {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0].split(/\s+/u).slice(1).map(Number);
  const [user, nice, system, , , interrupt, soft, stolen] = fields;
  return (user + nice + system + interrupt + soft + stolen) / TICKS_PER_SECOND;
}

function ownSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

async function decode({ npm, gguf, prompts, newTokens, warmUp, repetitions, threads }) {
  const { getLlama } = await import(pathToFileURL(path.join(packageFolder(npm), 'dist', 'index.js')));
  const llama = await getLlama({ gpu: false, build: 'never', maxThreads: threads, logLevel: 'error' });
  const model = await llama.loadModel({ modelPath: gguf });
  const contextSize = Math.max(...prompts.map(({ length }) => length)) + newTokens + 1;
  const context = await model.createContext({ contextSize, sequences: prompts.length, threads, batchSize: 512 });
  const sequences = prompts.map(() => context.getSequence());
  const write = async (sequence, prompt) => {
    await sequence.clearHistory();
    let written = 0;
    for await (const _token of sequence.evaluate(prompt, SAMPLING)) if (++written >= newTokens) break;
  };
  const laps = [];
  for (let lap = 0; lap < warmUp + repetitions; lap++) {
    const [start, busy, own] = [performance.now(), processorSeconds(), ownSeconds()];
    await Promise.all(sequences.map((sequence, i) => write(sequence, prompts[i])));
    const seconds = (performance.now() - start) / 1000;
    laps.push({ seconds, foreignCores: Math.max(0, processorSeconds() - busy - (ownSeconds() - own)) / seconds });
  }
  return { laps: laps.slice(warmUp), peakMegabytes: process.resourceUsage().maxRSS / 1024 };
}

const [command, folder] = process.argv.slice(2);
const answer = command === 'version' ? versionOf(folder) : await decode(JSON.parse(readFileSync(command, 'utf8')));
process.stdout.write(`${JSON.stringify(answer)}\n`);
// The package keeps the process alive.
process.exit(0);
