// The same work with Python's libraries, where `tools/peers/setup` has built their environment. One process a task; the
// token ids are handed over in a file.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom } from '@tuiqiao/tensor';
import { peersFolder } from '../peers/folder.mjs';
import { TINY_CONFIG } from './geometry.mjs';
import { evenLaps, largeSteps, tokensOf } from './large.mjs';
import { summarise } from './meter.mjs';
import { PRETRAINING } from './training.mjs';
import { batchesOf, DECODING, decodingPrompts, fineTuningSamples, LARGE, largeModelFolder } from './workload.mjs';

const SCRIPT = fileURLToPath(new URL('../peers/peer.py', import.meta.url));
/** tcmalloc: the system's allocator gives large tensors back after each use, and page faults then take a fifth of a step. */
const TCMALLOC = '/usr/lib/x86_64-linux-gnu/libtcmalloc_minimal.so.4';

/** The environment's Python, or null; another one's through TUIQIAO_PEERS_PYTHON. */
export function peersPython() {
  const python = process.env.TUIQIAO_PEERS_PYTHON ?? peersFolder('venv', 'bin', 'python');
  return existsSync(python) ? python : null;
}

function run(python, args) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TOKENIZERS_PARALLELISM: 'false', HF_HUB_OFFLINE: '1' };
    if (existsSync(TCMALLOC)) env.LD_PRELOAD = TCMALLOC;
    const child = spawn(python, [SCRIPT, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let errors = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (code === 0) resolve(JSON.parse(out.trim().split('\n').at(-1)));
      else reject(new Error(errors.trim().split('\n').at(-1) ?? `exit code ${code}`));
    });
  });
}

export async function peerVersions(python) {
  return { ...(await run(python, ['versions'])), allocator: existsSync(TCMALLOC) ? 'tcmalloc' : 'system' };
}

/** Each: what it is compared with (a row of ours), the task, the work, and the tokens of each timed lap. */
function comparisons(isQuick, threads) {
  const steps = largeSteps(isQuick);
  const batches = batchesOf(fineTuningSamples(steps));
  const fineTuning = {
    work: { model: largeModelFolder(), rank: LARGE.rank, batches, warmUp: LARGE.warmUp, threads },
    amounts: batches.slice(LARGE.warmUp).map(tokensOf),
  };
  const name = `fine-tuning ${LARGE.size} (LoRA)`;
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
  const decoding = (batch) => ({
    ours: `decoding ${LARGE.size}, ${batch} streams`,
    peer: 'transformers',
    task: 'decode',
    work: {
      model: largeModelFolder(),
      prompts: decodingPrompts(batch),
      newTokens: DECODING.newTokens,
      warmUp: isQuick ? 0 : 1,
      repetitions: isQuick ? 1 : 2,
      threads,
    },
    amounts: Array(isQuick ? 1 : 2).fill(batch * DECODING.newTokens),
  });
  return [
    { ours: 'pretraining', peer: 'torch', task: 'pretrain', ...pretraining(false) },
    { ours: 'pretraining', peer: 'torch.compile', task: 'pretrain', ...pretraining(true) },
    { ours: name, peer: 'torch + peft, by hand', task: 'sft', ...fineTuning },
    { ours: name, peer: 'TRL', task: 'sft-trl', ...fineTuning },
    { ours: 'the same, checkpointed', peer: 'torch + peft, by hand', task: 'sft-checkpointing', ...fineTuning },
    decoding(1),
    decoding(16),
  ];
}

/** Runs them all; one that fails says why and does not stop the others. */
export async function runPeers(python, { isQuick, threads, ourRows, onStart }) {
  const results = [];
  for (const { ours, peer, task, work, amounts } of comparisons(isQuick, threads)) {
    const row = ourRows.get(ours);
    if (row === undefined) continue;
    onStart(`${peer}: ${task}`);
    const folder = mkdtempSync(path.join(tmpdir(), 'peers-'));
    try {
      const file = path.join(folder, 'work.json');
      const scratch = path.join(folder, 'scratch');
      mkdirSync(scratch);
      writeFileSync(file, JSON.stringify({ ...work, scratch }));
      const { laps, peakMegabytes } = await run(python, [task, file]);
      const even = evenLaps(laps.map((lap, i) => ({ ...lap, amount: amounts[i] ?? amounts[0] })));
      const rate = summarise(even.laps, even.amount);
      const ratio = row.median / rate.median;
      results.push({ ours, peer, unit: row.unit, rate, ratio, ourRate: row.median, peakMegabytes });
    } catch (error) {
      results.push({ ours, peer, failure: error.message });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return results;
}
