import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseRecipe } from '@tuiqiao/schema';
import { beforeEach, describe, expect, it } from 'vitest';
import { explainDiskError, RecipesError } from './errors.ts';
import { loadRecipe } from './recipe-file.ts';
import { hashFile } from './run-manifest.ts';
import { inspectRun, openRun, RUN_FILES } from './workspace.ts';

let outputDir = '';
beforeEach(async () => {
  outputDir = path.join(await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-run-')), 'first');
});

const recipeFor = (folder: string, more: object = {}) =>
  parseRecipe({ stage: 'sft', seed: 7, outputDir: folder, ...more }).recipe;
const open = (more: object = {}) => openRun(recipeFor(outputDir, more));

/** A checkpoint as the training loop leaves it. */
async function addCheckpoint(step: number): Promise<void> {
  await mkdir(path.join(outputDir, `checkpoint-${step}`), { recursive: true });
  await writeFile(path.join(outputDir, `checkpoint-${step}`, 'weights'), `${step}`);
}

async function refusalCode(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof RecipesError) return error.code;
    throw error;
  }
  throw new Error('expected a refusal');
}

describe('openRun', () => {
  it('writes a recipe that runs again and a manifest that says with what', async () => {
    const run = await open();
    await run.record({ data: [{ name: 'starter', sha256: 'ab', samples: 3 }], kernels: { name: 'native' } });
    await run.writeFile('deep/x.bin', new Uint8Array([1, 2, 3]).subarray(1));
    await run.finish('done', { loss: 1.5 });
    const { recipe } = await loadRecipe({ file: path.join(outputDir, RUN_FILES.recipe) });
    expect(recipe).toEqual(recipeFor(outputDir));
    const { state, manifest } = await inspectRun(outputDir);
    expect(state).toBe('done');
    expect(manifest).toMatchObject({
      name: 'first',
      stage: 'sft',
      seed: 7,
      outcome: 'done',
      data: [{ name: 'starter', sha256: 'ab', samples: 3 }],
      kernels: { name: 'native' },
      metrics: { loss: 1.5 },
    });
    expect(manifest?.machine.cores).toBeGreaterThan(0);
    expect([...(await readFile(run.pathOf('deep/x.bin')))]).toEqual([2, 3]);
    expect(await readdir(outputDir)).toEqual(['deep', 'manifest.json', 'recipe.yaml']);
  });

  it('lets only one run into a folder', async () => {
    const run = await open();
    expect(await refusalCode(() => open({ resume: true }))).toBe('run-folder-in-use');
    await run.close();
    await (await open({ resume: true })).close();
  });

  it('takes over the lock of a process that was killed', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log("up")']);
    await once(child.stdout, 'data');
    await mkdir(outputDir, { recursive: true });
    const lock = path.join(outputDir, '.run.lock');
    await writeFile(lock, JSON.stringify({ pid: child.pid, startTicks: null, since: 'now' }));
    expect(await refusalCode(open)).toBe('run-folder-in-use');
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await open()).close();
    expect(existsSync(lock)).toBe(false);
  });

  it('takes over a lock torn by a crash', async () => {
    await mkdir(outputDir, { recursive: true });
    await writeFile(path.join(outputDir, '.run.lock'), '{"pi');
    await (await open()).close();
  });

  it.skipIf(process.platform !== 'linux')('knows a new process with an old process id', async () => {
    await mkdir(outputDir, { recursive: true });
    const old = { pid: process.pid, startTicks: '1', since: 'before the reboot' };
    await writeFile(path.join(outputDir, '.run.lock'), JSON.stringify(old));
    await (await open()).close();
  });

  it('refuses a folder that holds a run unless told to resume or to begin anew, and then spares other files', async () => {
    await (await open()).close();
    await addCheckpoint(5);
    await writeFile(path.join(outputDir, 'notes.txt'), 'mine');
    expect(await refusalCode(open)).toBe('run-folder-not-empty');
    const again = await open({ overwriteOutputDir: true });
    expect(again.resumedFrom).toBeNull();
    await again.close();
    expect((await inspectRun(outputDir)).checkpoints).toEqual([]);
    expect(await readFile(path.join(outputDir, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('goes on from the newest checkpoint, or from an earlier one, which drops the later ones', async () => {
    await (await open()).close();
    for (const step of [10, 2, 4]) await addCheckpoint(step);
    // What a process killed in the middle of a removal leaves behind.
    await mkdir(path.join(outputDir, '.removing-1-checkpoint-1'));
    const newest = await open({ resume: true });
    expect(newest.resumedFrom).toEqual({ step: 10, path: path.join(outputDir, 'checkpoint-10') });
    expect(newest.manifest.resumedFrom).toEqual([10]);
    await newest.close();
    expect(await refusalCode(() => open({ resume: 'checkpoint-3' }))).toBe('checkpoint-not-found');
    const earlier = await open({ resume: path.join(outputDir, 'checkpoint-4') });
    expect(earlier.resumedFrom?.step).toBe(4);
    await earlier.close();
    expect(await readdir(outputDir)).toEqual(['checkpoint-2', 'checkpoint-4', 'manifest.json', 'recipe.yaml']);
  });

  it('says when the folder cannot be made', async () => {
    await writeFile(`${outputDir}-file`, '');
    expect(await refusalCode(() => openRun(recipeFor(`${outputDir}-file/x`)))).toBe('disk-not-writable');
  });
});

describe('explainDiskError', () => {
  it.skipIf(!existsSync('/dev/full'))('turns a full disk into one sentence', async () => {
    const error = await writeFile('/dev/full', 'x').catch((reason: unknown) => explainDiskError(reason, 'writing x'));
    expect(error).toMatchObject({ code: 'disk-full', message: 'writing x: the disk is full' });
  });
  it('leaves other errors alone', () => {
    const error = new Error('other');
    expect(explainDiskError(error, 'x')).toBe(error);
  });
});

describe('hashFile', () => {
  it('is the SHA-256 of the bytes', async () => {
    const file = path.join(path.dirname(outputDir), 'abc');
    await writeFile(file, 'abc');
    expect(await hashFile(file)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
