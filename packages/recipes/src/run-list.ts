/**
 * Runs on disk as a reader finds them: which there are below a folder, how each stands, and what a running one adds. Nothing
 * is locked or written; a run may begin, end or be removed meanwhile.
 */
import { existsSync } from 'node:fs';
import { open, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { RunDetail, RunLogEntry, RunOutcome, RunSample, RunStreamEvent, RunSummary } from '@tuiqiao/schema';
import { isSystemError, RecipesError } from './errors.ts';
import { hasRunLock } from './run-lock.ts';
import type { RunManifest } from './run-manifest.ts';
import { RUN_FILES } from './workspace.ts';

/** `runs/demo/sft` is two deep; a folder of folders of experiments three. */
const MAX_DEPTH = 3;
/** A folder that was named by mistake (a home directory) must not be walked through for minutes. */
const MAX_FOLDERS = 2000;
/** A manifest is a few kB, a recipe as well. */
const MAX_SMALL_FILE_BYTES = 1_000_000;
/** A step logs some 300 bytes: a hundred thousand steps. */
const MAX_LOG_BYTES = 32_000_000;
const MAX_PIECE_BYTES = 1 << 20;
const DEFAULT_POLL_MS = 500;

async function readSmall(file: string): Promise<string | null> {
  try {
    if ((await stat(file)).size > MAX_SMALL_FILE_BYTES) return null;
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES')) return null;
    throw error;
  }
}

function parseLine<T>(line: string): T[] {
  try {
    return [JSON.parse(line) as T];
  } catch {
    // Cut off by a crash in mid-write.
    return [];
  }
}

/** The last whole line of a log. */
async function lastEntry(file: string): Promise<RunLogEntry | undefined> {
  const handle = await open(file).catch(() => null);
  if (handle === null) return undefined;
  try {
    const { size } = await handle.stat();
    const bytes = Buffer.alloc(Math.min(size, 1 << 14));
    await handle.read(bytes, 0, bytes.length, size - bytes.length);
    const lines = bytes.toString('utf8').split('\n');
    return lines
      .slice(0, -1)
      .flatMap((line) => parseLine<RunLogEntry>(line))
      .at(-1);
  } finally {
    await handle.close();
  }
}

async function outcomeOf(folder: string, manifest: Partial<RunManifest>): Promise<RunOutcome> {
  const { outcome = 'failed' } = manifest;
  return outcome === 'running' && !(await hasRunLock(folder)) ? 'interrupted' : outcome;
}

/** Null for a folder that holds no run. */
async function summarise(root: string, folder: string): Promise<RunSummary | null> {
  const has = (name: string): boolean => existsSync(path.join(folder, name));
  const text = await readSmall(path.join(folder, RUN_FILES.manifest));
  const manifest = text === null ? {} : (parseLine<Partial<RunManifest>>(text)[0] ?? {});
  const isStage = typeof manifest.stage === 'string' && typeof manifest.outcome === 'string';
  if (!isStage && !has(RUN_FILES.report)) return null;
  const last = await lastEntry(path.join(folder, RUN_FILES.log));
  return {
    path: path.relative(root, folder).split(path.sep).join('/'),
    // A folder with a report alone: of the demo, of a ladder, of a comparison.
    stage: isStage ? manifest.stage! : 'report',
    outcome: isStage ? await outcomeOf(folder, manifest) : 'done',
    startedAt: manifest.startedAt ?? null,
    endedAt: manifest.endedAt ?? null,
    step: Number(last?.current_steps ?? 0),
    totalSteps: Number(last?.total_steps ?? 0),
    metrics: manifest.metrics ?? {},
    hasReport: has(RUN_FILES.report),
    hasAdapter: has('adapter_config.json'),
  };
}

/** Runs below the folder, newest first; none where there is no folder. */
export async function listRuns(root: string): Promise<RunSummary[]> {
  const runs: RunSummary[] = [];
  let visited = 0;
  const visit = async (folder: string, depth: number): Promise<void> => {
    if (visited++ >= MAX_FOLDERS) return;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    if (depth > 0) {
      const run = await summarise(root, folder);
      if (run !== null) runs.push(run);
    }
    if (depth === MAX_DEPTH) return;
    for (const entry of entries) {
      if (!entry.isDirectory() || /^(?:\.|checkpoint-\d)/u.test(entry.name)) continue;
      await visit(path.join(folder, entry.name), depth + 1);
    }
  };
  await visit(path.resolve(root), 0);
  const timeOf = ({ endedAt, startedAt }: RunSummary): string => startedAt ?? endedAt ?? '';
  return runs.sort((a, b) => timeOf(b).localeCompare(timeOf(a)));
}

/**
 * The folder of a run by its path below the root.
 * @throws RecipesError `run-not-found` when it leads elsewhere or to no run
 */
export async function resolveRun(root: string, name: string): Promise<{ folder: string; run: RunSummary }> {
  const base = path.resolve(root);
  const folder = path.resolve(base, name);
  const isInside = folder.startsWith(base + path.sep) && !name.includes('\0');
  const run = isInside && existsSync(folder) ? await summarise(base, folder) : null;
  if (run === null) throw new RecipesError('run-not-found', `there is no run ${name} in ${root}`);
  return { folder, run };
}

/** @throws RecipesError `run-not-found` */
export async function readRun(root: string, name: string): Promise<RunDetail> {
  const { folder, run } = await resolveRun(root, name);
  return { run, folder: root, recipe: await readSmall(path.join(folder, RUN_FILES.recipe)) };
}

/** Whole lines of a growing file from where the last call ended. */
class LineReader<T> {
  readonly #file: string;
  #offset = 0;
  #inode = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** `isAnew`: the file was written anew since, and is read from its beginning. */
  async read(): Promise<{ items: T[]; isAnew: boolean }> {
    const handle = await open(this.#file).catch(() => null);
    if (handle === null) return { items: [], isAnew: false };
    try {
      const { size, ino } = await handle.stat();
      const isAnew = this.#inode !== 0 && (ino !== this.#inode || size < this.#offset);
      if (isAnew) this.#offset = 0;
      this.#inode = ino;
      const items: T[] = [];
      while (this.#offset < Math.min(size, MAX_LOG_BYTES)) {
        const bytes = Buffer.alloc(Math.min(size - this.#offset, MAX_PIECE_BYTES));
        const { bytesRead } = await handle.read(bytes, 0, bytes.length, this.#offset);
        const end = bytes.subarray(0, bytesRead).lastIndexOf(10) + 1;
        if (end === 0) break;
        this.#offset += end;
        const lines = bytes.toString('utf8', 0, end).split('\n');
        items.push(...lines.flatMap((line) => (line === '' ? [] : parseLine<T>(line))));
      }
      return { items, isAnew };
    } finally {
      await handle.close();
    }
  }
}

/**
 * What a run has logged, then what it adds, until it is at work no more.
 * @throws RecipesError `run-not-found`; the signal's reason when aborted
 */
export async function* followRun(
  root: string,
  name: string,
  { signal, pollMs = DEFAULT_POLL_MS }: { readonly signal?: AbortSignal; readonly pollMs?: number } = {},
): AsyncGenerator<RunStreamEvent> {
  const { folder } = await resolveRun(root, name);
  const log = new LineReader<RunLogEntry>(path.join(folder, RUN_FILES.log));
  const samples = new LineReader<RunSample>(path.join(folder, RUN_FILES.samples));
  let last = '';
  for (;;) {
    // The state first: what is logged before a run ends is then read after it was seen to have ended.
    const { run } = await resolveRun(root, name);
    const [entries, written] = [await log.read(), await samples.read()];
    if (entries.isAnew) yield { type: 'restart' };
    if (entries.items.length > 0) yield { type: 'log', entries: entries.items };
    if (written.items.length > 0) yield { type: 'samples', samples: written.items };
    const now = JSON.stringify(run);
    if (now !== last) yield { type: 'state', run };
    last = now;
    if (run.outcome !== 'running') return;
    await setTimeout(pollMs, undefined, signal === undefined ? {} : { signal });
  }
}
