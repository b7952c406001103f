import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openRunSamples } from './run-samples.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-samples-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const sample = (step: number) => ({ type: 'sample' as const, step, prompt: '五绝 月', text: `第${step}`, metrics: {} });

it('keeps samples by step, and on resuming drops those that are written again', async () => {
  const file = path.join(folder, 'samples.jsonl');
  const steps = async () =>
    (await readFile(file, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).step);
  await writeFile(file, 'of another run\n');
  const first = await openRunSamples(file, 0);
  for (const step of [0, 10, 20]) first(sample(step));
  expect(await steps()).toEqual([0, 10, 20]);
  const second = await openRunSamples(file, 10);
  second(sample(20));
  expect(await steps()).toEqual([0, 10, 20]);
  expect(await readFile(file, 'utf8')).toContain('"text":"第20"');
});
