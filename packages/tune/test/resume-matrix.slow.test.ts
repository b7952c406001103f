/** `kill -9` at random moments, over stages and optimizers: resumed = uninterrupted, bit for bit, to the last log line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createRandom } from '@tuiqiao/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findResumable, readTrainerLog } from '../src/index.ts';

const TOTAL_STEPS = 24;
const KILLS = 3;
/** Steps of a life: at least until its first checkpoint. */
const SHORTEST_LIFE = 3;
const LONGEST_LIFE = 8;
/** Between two steps: a step, its checkpoint, the removal of an older one. */
const LONGEST_DELAY_MS = 40;
const SEED = 20261127;
const child = path.join(import.meta.dirname, 'resume-child.mjs');
const isBuilt = existsSync(path.join(import.meta.dirname, '../dist/index.js'));

/** Every optimizer and every stage at least once, and what else has a state or draws random numbers. */
const CASES: readonly (readonly [stage: string, optimizer: string, ...features: string[]])[] = [
  ['sft', 'adamw', 'dropout', 'neftune', 'checkpointing'],
  ['sft', 'adamw', 'dora', 'stopping'],
  ['pretrain', 'muon', 'full'],
  ['pretrain', 'adamw_8bit', 'full', 'neftune'],
  ['sft', 'adafactor', 'full', 'checkpointing', 'stopping'],
  ['dpo', 'sgd', 'dropout'],
  ['dpo', 'paged_adamw', 'checkpointing'],
  ['kto', 'paged_lion', 'dropout', 'checkpointing'],
  ['rm', 'paged_adamw_8bit', 'dropout'],
  ['grpo', 'lion', 'checkpointing'],
  ['grpo', 'adamw', 'dropout'],
];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'resume-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs the child to its end; `onStep` sees each step it prints, counted from 1 in this life. */
function run(args: readonly string[], onStep?: (step: number, process: ChildProcess) => void): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const started = spawn(process.execPath, [child, ...args], { env: { ...process.env, NODE_OPTIONS: '' } });
    let output = '';
    let errors = '';
    let steps = 0;
    started.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      const seen = output.match(/^step \d+$/gmu)?.length ?? 0;
      for (; steps < seen; steps++) onStep?.(steps + 1, started);
    });
    started.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    started.on('error', reject);
    started.on('close', (_code, signal) => resolve({ signal, output, errors }));
  });
}

const resultOf = ({ output }: Ended): string | undefined => /^weights [0-9a-f]{64} after \d+$/mu.exec(output)?.[0];

/** What the log says of each step, times left out. */
const logged = async (directory: string) =>
  (await readTrainerLog(path.join(directory, 'trainer_log.jsonl'))).map(
    ({ current_steps, loss, eval_loss, reward }) => ({
      current_steps,
      loss,
      eval_loss,
      reward,
    }),
  );

describe.skipIf(!isBuilt)('killed and resumed (needs the built packages)', () => {
  it.each(CASES)(
    '%s with %s %s %s %s',
    async (...given) => {
      const choice = given.filter((word) => word !== undefined);
      const argsFor = (directory: string) => [directory, String(TOTAL_STEPS), ...choice];
      const [wholeFolder, killedFolder] = [path.join(folder, 'whole'), path.join(folder, 'killed')];
      const whole = await run(argsFor(wholeFolder));
      expect(whole.errors).toBe('');
      const expected = resultOf(whole);
      expect(expected).toBeDefined();

      const random = createRandom(SEED).fork(choice.join(' '));
      let killed = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        const atStep = SHORTEST_LIFE + random.integer(1 + LONGEST_LIFE - SHORTEST_LIFE);
        const delayMs = LONGEST_DELAY_MS * random.uniform();
        const ended = await run(argsFor(killedFolder), (step, process) => {
          if (step === atStep) setTimeout(() => process.kill('SIGKILL'), delayMs);
        });
        expect(ended.errors, `life ${kill}`).toBe('');
        if (ended.signal === 'SIGKILL') killed++;
      }
      expect(killed).toBeGreaterThan(0);
      expect((await findResumable(killedFolder))?.step).toBeGreaterThan(0);

      const last = await run(argsFor(killedFolder));
      expect(last.errors).toBe('');
      expect(resultOf(last)).toBe(expected);
      expect(await logged(killedFolder)).toEqual(await logged(wholeFolder));
    },
    300_000,
  );
});
