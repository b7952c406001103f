/**
 * A run's folder on disk: what is written appears whole or not at all (a temporary name, then `rename`), and one run at
 * a time holds the folder. Checkpoints and the log are the training loop's (`@tuiqiao/tune`); here they are only found,
 * counted and, when a run begins anew, removed.
 *
 *   recipe.yaml  manifest.json  trainer_log.jsonl  checkpoint-<step>/  samples.jsonl  report.html  report.json
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Metrics, Recipe } from '@tuiqiao/schema';
import writeFileAtomic from 'write-file-atomic';
import { explainDiskError, isSystemError, RecipesError } from './errors.ts';
import { formatRecipe } from './recipe-file.ts';
import { lockRunFolder, type RunLock } from './run-lock.ts';
import { describeMachine, describeVersions, type ManifestData, type RunManifest } from './run-manifest.ts';

export const RUN_FILES = {
  recipe: 'recipe.yaml',
  manifest: 'manifest.json',
  log: 'trainer_log.jsonl',
  samples: 'samples.jsonl',
  report: 'report.html',
  reportData: 'report.json',
} as const;

const CHECKPOINT_NAME = /^checkpoint-(\d+)$/u;
/** Half-removed folders carry this in their names until they are gone. */
const LEFTOVER_NAME = /^\.removing-/u;

export interface Checkpoint {
  readonly step: number;
  readonly path: string;
}

/** What a folder holds, without touching it. */
export interface RunState {
  readonly state: 'absent' | 'unfinished' | 'done';
  readonly manifest: RunManifest | null;
  /** Oldest first. */
  readonly checkpoints: readonly Checkpoint[];
}

export interface OpenRunOptions {
  /** Go on from the newest checkpoint (true) or the one given; the recipe's own field by default. */
  readonly resume?: boolean | string;
  /** Begin anew over an earlier run; the recipe's own field by default. */
  readonly overwrite?: boolean;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw explainDiskError(error, `reading ${folder}`);
  }
}

async function listCheckpoints(folder: string): Promise<Checkpoint[]> {
  return (await namesIn(folder))
    .flatMap((name) => {
      const step = CHECKPOINT_NAME.exec(name)?.[1];
      return step === undefined ? [] : [{ step: Number(step), path: path.join(folder, name) }];
    })
    .sort((a, b) => a.step - b.step);
}

async function readManifest(folder: string): Promise<RunManifest | null> {
  try {
    return JSON.parse(await readFile(path.join(folder, RUN_FILES.manifest), 'utf8')) as RunManifest;
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR')) return null;
    throw new RecipesError('run-folder-damaged', `${folder}: manifest.json cannot be read`, {
      hint: 'Begin anew with --overwrite-output-dir.',
      cause: error,
    });
  }
}

/** What a run folder holds: nothing, an unfinished run (with its checkpoints), or a finished one. */
export async function inspectRun(folder: string): Promise<RunState> {
  const manifest = await readManifest(folder);
  const checkpoints = await listCheckpoints(folder);
  if (manifest === null && checkpoints.length === 0) return { state: 'absent', manifest, checkpoints };
  return { state: manifest?.outcome === 'done' ? 'done' : 'unfinished', manifest, checkpoints };
}

/** Removes a folder so that nobody ever finds half of it under its own name. */
async function removeFolder(target: string): Promise<void> {
  const aside = path.join(path.dirname(target), `.removing-${process.pid}-${path.basename(target)}`);
  await rm(aside, { recursive: true, force: true });
  try {
    await rename(target, aside);
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return;
    throw error;
  }
  await rm(aside, { recursive: true, force: true });
}

/** An open run folder: hold it until `finish` or `close`. */
export interface RunFolder {
  /** As the recipe names it. */
  readonly folder: string;
  /** The checkpoint the run goes on from, or null for a fresh start. */
  readonly resumedFrom: Checkpoint | null;
  /** As last written. */
  readonly manifest: RunManifest;
  /** Path of a file in the folder. */
  pathOf(name: string): string;
  /** Writes one file; readers see the old or the new one, never half. */
  writeFile(name: string, data: string | Uint8Array): Promise<void>;
  /** Adds facts to manifest.json: data hashes, kernels, metrics. */
  record(facts: RunFacts): Promise<void>;
  /** Notes how the run ended and lets the folder go. */
  finish(outcome: 'done' | 'aborted' | 'failed', metrics?: Metrics): Promise<void>;
  /** Lets the folder go without a word; harmless when done twice. */
  close(): Promise<void>;
}

export interface RunFacts {
  readonly data?: readonly ManifestData[];
  readonly kernels?: NonNullable<RunManifest['kernels']>;
  readonly metrics?: Metrics;
}

function createRunFolder(
  folder: string,
  lock: RunLock,
  started: RunManifest,
  resumedFrom: Checkpoint | null,
): RunFolder {
  let manifest = started;
  const pathOf = (name: string) => path.join(folder, name);
  const writeFile = async (name: string, data: string | Uint8Array): Promise<void> => {
    const file = pathOf(name);
    try {
      await mkdir(path.dirname(file), { recursive: true });
      const bytes = typeof data === 'string' ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
      await writeFileAtomic(file, bytes);
    } catch (error) {
      throw explainDiskError(error, `writing ${file}`);
    }
  };
  const record = async (facts: Partial<RunManifest>): Promise<void> => {
    manifest = { ...manifest, ...facts };
    await writeFile(RUN_FILES.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
  };
  return {
    folder,
    resumedFrom,
    get manifest() {
      return manifest;
    },
    pathOf,
    writeFile,
    record,
    finish: async (outcome, metrics = {}) => {
      try {
        await record({ outcome, endedAt: new Date().toISOString(), metrics: { ...manifest.metrics, ...metrics } });
      } finally {
        await lock.release();
      }
    },
    close: () => lock.release(),
  };
}

function chooseCheckpoint(folder: string, run: RunState, resume: boolean | string): Checkpoint | null {
  if (resume === false) return null;
  // An unfinished run without a checkpoint begins anew: it lost at most one interval.
  if (resume === true) return run.checkpoints.at(-1) ?? null;
  const wanted = [path.resolve(resume), path.resolve(folder, resume)];
  const found = run.checkpoints.find((checkpoint) => wanted.includes(path.resolve(checkpoint.path)));
  if (found !== undefined) return found;
  if (wanted.includes(path.resolve(folder))) return run.checkpoints.at(-1) ?? null;
  throw new RecipesError('checkpoint-not-found', `${resume}: no such checkpoint in ${folder}`, {
    hint:
      run.checkpoints.length === 0
        ? 'The run has no checkpoint yet; leave --resume out.'
        : `There are ${run.checkpoints.map((checkpoint) => path.basename(checkpoint.path)).join(', ')}.`,
  });
}

/** Clears what an earlier run of ours has left; files we did not write stay. */
async function clearRun(folder: string): Promise<void> {
  for (const name of await namesIn(folder)) {
    if (CHECKPOINT_NAME.test(name)) await removeFolder(path.join(folder, name));
    else if ((Object.values(RUN_FILES) as string[]).includes(name)) await rm(path.join(folder, name));
  }
}

/**
 * Opens the run folder of a recipe: locks it, sweeps up leftovers of a dead process, decides between a fresh start and
 * going on from a checkpoint (later checkpoints than the one asked for are removed), writes recipe.yaml and manifest.json.
 * The training loop itself reads and writes checkpoints and the log.
 * @throws RecipesError `run-folder-in-use`, `run-folder-not-empty`, `checkpoint-not-found`, `disk-full`, `disk-not-writable`
 */
export async function openRun(recipe: Recipe, options: OpenRunOptions = {}): Promise<RunFolder> {
  const folder = recipe.outputDir;
  const lock = await lockRunFolder(folder);
  try {
    for (const name of await namesIn(folder)) {
      if (LEFTOVER_NAME.test(name)) await rm(path.join(folder, name), { recursive: true, force: true });
    }
    const resume = options.resume ?? ('resume' in recipe ? recipe.resume : false);
    const overwrite = options.overwrite ?? ('overwriteOutputDir' in recipe ? recipe.overwriteOutputDir : false);
    if (overwrite && resume === false) await clearRun(folder);
    const before = await inspectRun(folder);
    if (before.state !== 'absent' && resume === false) {
      const state = before.state === 'done' ? 'finished' : 'not finished';
      throw new RecipesError('run-folder-not-empty', `${folder}: holds a run that is ${state}`, {
        hint: 'Go on with --resume, begin anew with --overwrite-output-dir, or choose another --output-dir.',
        zh: {
          message: `${folder}：已有一次${state === 'finished' ? '做完' : '未完'}的运行`,
          hint: '用 --resume 接着做，用 --overwrite-output-dir 重新开始，或用 --output-dir 另选文件夹。',
        },
      });
    }
    const resumedFrom = chooseCheckpoint(folder, before, resume);
    for (const later of before.checkpoints) {
      if (resumedFrom !== null && later.step > resumedFrom.step) await removeFolder(later.path);
    }
    const manifest: RunManifest = {
      name: path.basename(path.resolve(folder)),
      stage: recipe.stage,
      outcome: 'running',
      startedAt: before.manifest?.startedAt ?? new Date().toISOString(),
      seed: recipe.seed,
      versions: describeVersions(),
      machine: describeMachine(),
      data: before.manifest?.data ?? [],
      resumedFrom: [...(before.manifest?.resumedFrom ?? []), ...(resumedFrom === null ? [] : [resumedFrom.step])],
      metrics: {},
    };
    const run = createRunFolder(folder, lock, manifest, resumedFrom);
    await run.writeFile(RUN_FILES.recipe, formatRecipe(recipe, run.pathOf(RUN_FILES.recipe)));
    await run.record({});
    return run;
  } catch (error) {
    await lock.release();
    throw explainDiskError(error, `opening ${folder}`);
  }
}
