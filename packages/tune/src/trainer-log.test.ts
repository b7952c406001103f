import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { StepEnd } from '@tuiqiao/schema';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openTrainerLog, readTrainerLog } from './trainer-log.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'trainer-log-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function stepEnd(step: number): StepEnd {
  return {
    type: 'step-end',
    step,
    totalSteps: 40,
    epoch: step / 20,
    loss: 2.5,
    learningRate: 1e-4,
    gradNorm: 0.75,
    tokens: 640,
    tokensPerSecond: 123.456,
    elapsedSeconds: 65,
    remainingSeconds: 3700,
    metrics: { 'rewards/margins': 0.25, num_tokens: 640 * step },
  };
}

it("writes LLaMA-Factory's keys and TRL's metric names, one object a line", async () => {
  const log = await openTrainerLog(folder);
  log.onEvent(stepEnd(10));
  log.onEvent({ type: 'eval-end', step: 10, metrics: { eval_loss: 2 } });
  await log.close();
  const lines = (await readFile(path.join(folder, 'trainer_log.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      current_steps: 10,
      total_steps: 40,
      loss: 2.5,
      lr: 1e-4,
      grad_norm: 0.75,
      epoch: 0.5,
      percentage: 25,
      elapsed_time: '0:01:05',
      remaining_time: '1:01:40',
      throughput: 123.46,
      total_tokens: 6400,
      'rewards/margins': 0.25,
    },
    { current_steps: 10, total_steps: 40, epoch: 0.5, eval_loss: 2 },
  ]);
});

it('drops lines after the step it resumes from, and a line cut off by a crash', async () => {
  const file = path.join(folder, 'trainer_log.jsonl');
  const first = await openTrainerLog(folder);
  for (const step of [10, 20, 30]) first.onEvent(stepEnd(step));
  await first.close();
  await appendFile(file, '{"current_steps": 4');
  const second = await openTrainerLog(folder, { resumedFromStep: 20 });
  second.onEvent(stepEnd(30));
  await second.close();
  expect((await readTrainerLog(file)).map((entry) => entry.current_steps)).toEqual([10, 20, 30]);
});

it('starts empty for a new run', async () => {
  const first = await openTrainerLog(folder);
  first.onEvent(stepEnd(10));
  await first.close();
  await (await openTrainerLog(folder)).close();
  expect(await readTrainerLog(path.join(folder, 'trainer_log.jsonl'))).toEqual([]);
});
