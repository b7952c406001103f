// GRPO side by side with TRL: the same model, adapter, prompts, lengths and reward; completions a second.
//
//   PYTHON=/path/to/venv/bin/python node tools/peers/grpo/main.mjs [--model models/base-poet] [--steps 16]
//
// Each side runs alone, in its own process; the first step of each (compilation, caches) is left out, and the median counts:
// sixteen steps, since V8 goes on compiling for the first few. On a machine that
// others use, CPU seconds (of all threads; --threads 1 so that none waits for another) say more than the clock. Without PYTHON, or
// where that Python has no trl, only our side is measured, and the table says so.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const here = path.dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'models/base-poet' },
    steps: { type: 'string', default: '16' },
    threads: { type: 'string', default: String(os.cpus().length) },
  },
});

/** What both sides do. Lengths are fixed: no completion ends before its last token. */
const task = {
  model: path.resolve(values.model),
  steps: Number(values.steps),
  threads: Number(values.threads),
  completionsPerStep: 64,
  groupSize: 8,
  completionTokens: 48,
  rank: 16,
  alpha: 32,
  learningRate: 1e-4,
  beta: 0.02,
  epsilon: 0.2,
  temperature: 1,
  seed: 42,
  prompts: [
    '<|poem|>',
    '<|poem|>春',
    '<|poem|>明月',
    '<|poem|>秋江',
    '<|poem|>山居',
    '<|poem|>送別',
    '<|poem|>風雨',
    '<|poem|>白雲',
  ],
};

const folder = mkdtempSync(path.join(os.tmpdir(), 'grpo-peers-'));
const taskFile = path.join(folder, 'task.json');
writeFileSync(taskFile, JSON.stringify(task));
const environment = { ...process.env, OMP_NUM_THREADS: String(task.threads), TOKENIZERS_PARALLELISM: 'false' };

function run(name, command, script) {
  const result = path.join(folder, `${name}.json`);
  execFileSync(command, [path.join(here, script), taskFile, result], { env: environment, stdio: ['ignore', 2, 2] });
  const measured = JSON.parse(readFileSync(result, 'utf8'));
  return {
    name,
    completionsPerSecond: task.completionsPerStep / median(measured.stepSeconds.slice(1)),
    completionsPerCpuSecond: task.completionsPerStep / median(measured.stepCpuSeconds.slice(1)),
    ...measured,
  };
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function hasTrl(python) {
  try {
    execFileSync(python, ['-c', 'import trl, peft'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

try {
  const rows = [run('tuiqiao', process.execPath, 'tuiqiao.mjs')];
  const python = process.env.PYTHON;
  if (python !== undefined && hasTrl(python)) rows.push(run('trl', python, 'trl_side.py'));
  else console.error('TRL was not measured: set PYTHON to an interpreter that has trl and peft.');
  for (const row of rows) {
    console.log(
      `${row.name.padEnd(8)} ${row.completionsPerSecond.toFixed(2)} completions/s, ${row.completionsPerCpuSecond.toFixed(2)} a CPU s, ${row.cpuSeconds.toFixed(1)} CPU s in all`,
    );
  }
  if (rows.length === 2) {
    const ratio = (of) => (rows[0][of] / rows[1][of]).toFixed(2);
    console.log(`ratio    ${ratio('completionsPerSecond')}, by CPU time ${ratio('completionsPerCpuSecond')}`);
  }
  console.log(JSON.stringify({ task, rows, load: os.loadavg() }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
