/** `kill -9` at a random moment, twenty times: every time the run resumes, and it ends with the same bits. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRandom } from '@tuiqiao/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findResumable, loadAdapter, readTrainerLog } from '../src/index.ts';
import { tinyModel } from './tiny.ts';

const TOTAL_STEPS = 160;
const KILLS = 20;
const child = path.join(import.meta.dirname, 'kill-child.mjs');
const isBuilt = existsSync(path.join(import.meta.dirname, '../dist/index.js'));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kill-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs the child to its end; `onStep` sees its start (0) and each step it prints, and the process. */
function run(directory: string, onStep?: (stepsThisLife: number, process: ChildProcess) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const started = spawn(process.execPath, [child, directory, String(TOTAL_STEPS)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    onStep?.(0, started);
    let output = '';
    let errors = '';
    let steps = 0;
    started.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const seen = output.split('\nstep ').length - 1 + (output.startsWith('step ') ? 1 : 0);
      for (; steps < seen; steps++) onStep?.(steps + 1, started);
    });
    started.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    started.on('error', reject);
    started.on('close', (code, signal) => resolve({ code, signal, output, errors }));
  });
}

function weightsOf(ended: Ended): string | undefined {
  return /^weights ([0-9a-f]{64})$/m.exec(ended.output)?.[1];
}

const logged = async (directory: string) =>
  (await readTrainerLog(path.join(directory, 'trainer_log.jsonl'))).map(({ current_steps, loss }) => ({
    current_steps,
    loss,
  }));

describe.skipIf(!isBuilt)('kill -9 (needs the built packages)', () => {
  it(`${KILLS} times never leaves a run that cannot resume, and changes no bit of the result`, async () => {
    const wholeFolder = path.join(folder, 'whole');
    const whole = await run(wholeFolder);
    expect(whole.errors).toBe('');
    const expected = weightsOf(whole);
    expect(expected).toBeDefined();

    const directory = path.join(folder, 'killed');
    const seed = Date.now() % 2 ** 31;
    const random = createRandom(seed);
    let reached = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      // Every fifth life ends somewhere between its start and its first steps, the others among steps and checkpoints.
      const atStep = kill % 5 === 4 ? 0 : 1 + random.integer(8);
      const delayMs = (atStep === 0 ? 500 : 30) * random.uniform();
      const ended = await run(directory, (step, process) => {
        if (step === atStep) setTimeout(() => process.kill('SIGKILL'), delayMs);
      });
      expect(ended.errors, `seed ${seed}, life ${kill}`).toBe('');
      expect(ended.signal, `seed ${seed}, life ${kill} ended by itself`).toBe('SIGKILL');
      const found = await findResumable(directory);
      expect(found?.step ?? 0, `seed ${seed}, life ${kill}`).toBeGreaterThanOrEqual(reached);
      reached = found?.step ?? 0;
      if (found) await loadAdapter(tinyModel(false), found.path);
    }
    expect(reached).toBeGreaterThan(KILLS);

    const last = await run(directory);
    expect(last.errors).toBe('');
    expect(last.code).toBe(0);
    expect(weightsOf(last)).toBe(expected);
    expect(await logged(directory)).toEqual(await logged(wholeFolder));
  });
});
