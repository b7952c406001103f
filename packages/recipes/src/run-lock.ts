/**
 * One run at a time in a folder: a lock file with the process that holds it. A lock whose process is gone (kill -9, a
 * crash, a reboot) is taken over; process ids come round again, so where the system tells it, the start time counts too.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { explainDiskError, isSystemError, RecipesError } from './errors.ts';

const LOCK_NAME = '.run.lock';
/** Two processes that both find a dead lock race for it; the loser sees the winner's lock on its next try. */
const MAX_TRIES = 5;

interface Holder {
  readonly pid: number;
  /** Start of the process in clock ticks since boot (Linux), else null. */
  readonly startTicks: string | null;
  readonly since: string;
}

export interface RunLock {
  release(): Promise<void>;
}

/** Field 22 of /proc/<pid>/stat; the command name before it may hold spaces and brackets. */
async function readStartTicks(pid: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

async function isAlive(holder: Holder): Promise<boolean> {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives, but belongs to someone else.
    if (!isSystemError(error, 'EPERM')) return false;
  }
  const startTicks = await readStartTicks(holder.pid);
  return holder.startTicks === null || startTicks === null || holder.startTicks === startTicks;
}

async function readHolder(file: string): Promise<Holder | null> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as Partial<Holder>;
    if (typeof value.pid !== 'number') return null;
    return { pid: value.pid, startTicks: value.startTicks ?? null, since: String(value.since) };
  } catch {
    // Torn by a crash between creation and content: nobody holds it.
    return null;
  }
}

/** Whether a living process is at work in the folder. */
export async function hasRunLock(folder: string): Promise<boolean> {
  const holder = await readHolder(path.join(folder, LOCK_NAME));
  return holder !== null && isAlive(holder);
}

/**
 * Takes the folder, creating it when needed.
 * @throws RecipesError `run-folder-in-use`, `disk-full`, `disk-not-writable`.
 */
export async function lockRunFolder(folder: string): Promise<RunLock> {
  const file = path.join(folder, LOCK_NAME);
  const own: Holder = {
    pid: process.pid,
    startTicks: await readStartTicks(process.pid),
    since: new Date().toISOString(),
  };
  let holder: Holder | null = null;
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    try {
      await mkdir(folder, { recursive: true });
      await writeFile(file, JSON.stringify(own), { flag: 'wx' });
      return { release: () => rm(file, { force: true }) };
    } catch (error) {
      if (!isSystemError(error, 'EEXIST')) throw explainDiskError(error, `opening ${folder}`);
    }
    holder = await readHolder(file);
    if (holder !== null && (await isAlive(holder))) break;
    await rm(file, { force: true });
  }
  throw new RecipesError(
    'run-folder-in-use',
    `${folder}: another run is at work here${holder === null ? '' : ` (process ${holder.pid}, since ${holder.since})`}`,
    {
      hint: 'Wait for it, stop it, or choose another folder with --output-dir.',
      zh: {
        message: `${folder}：另一次运行正在这里工作${holder === null ? '' : `（进程 ${holder.pid}，始于 ${holder.since}）`}`,
        hint: '等它做完、停下它，或用 --output-dir 另选文件夹。',
      },
    },
  );
}
