/**
 * A model's files from a Hugging Face hub, or a mirror that speaks its protocol, into a folder: listed through
 * `@huggingface/hub`; each file fetched to a temporary name, continued where it broke off, checked against the hub's hash
 * and only then named. Files already there and checked are not fetched again.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { HubApiError, type ListFileEntry, listFiles } from '@huggingface/hub';
import { CliError } from '../errors.ts';

export interface PullModelOptions {
  /** `organisation/model`. */
  readonly repo: string;
  readonly folder: string;
  /** Branch, tag or commit. */
  readonly revision: string;
  /** Base address of the hub, without a slash at the end. */
  readonly endpoint: string;
  readonly token: string | undefined;
  /** Names of files to fetch instead of the usual ones. */
  readonly files: readonly string[];
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PullProgress) => void;
}

export interface PullProgress {
  readonly file: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
}

export interface PulledFile {
  readonly file: string;
  readonly sizeBytes: number;
  /** `sha256:…` of files in large-file storage, `git:…` (blob id) of the others. */
  readonly hash: string;
  readonly isFresh: boolean;
}

/** What is remembered of files that were checked, so that a second pull reads no gigabytes. */
const RECORD_FILE = '.tuiqiao-hub.json';
const ATTEMPTS = 5;
const RETRY_DELAY_MS = 500;
/** A repository of a model has some dozens of files. */
const MAX_FILES = 10_000;
/** Weights as safetensors, configs, tokenizers, templates; no pickles, other frameworks' weights or training states. */
const WANTED = /^[^/]*\.(safetensors|json|jinja|txt|model|tiktoken|md)$|^LICENSE[^/]*$/u;

/**
 * Fetches what is needed to run and fine-tune the model.
 * @throws CliError `hub-refused` (no such model, no permission), `hub-unreachable`, `hub-integrity`, `command-line`
 */
export async function pullModel(options: PullModelOptions): Promise<PulledFile[]> {
  const entries = await listWanted(options);
  await mkdir(options.folder, { recursive: true });
  const record = await readRecord(options.folder);
  const pulled: PulledFile[] = [];
  for (const entry of entries) {
    const hash = hashOf(entry);
    const target = path.join(options.folder, entry.path);
    const isThere = record[entry.path] === hash && (await sizeOf(target)) === entry.size;
    if (!isThere) {
      await fetchFile(entry, hash, target, options);
      record[entry.path] = hash;
      await writeRecord(options.folder, record);
    }
    pulled.push({ file: entry.path, sizeBytes: entry.size, hash, isFresh: !isThere });
  }
  return pulled;
}

async function listWanted(options: PullModelOptions): Promise<ListFileEntry[]> {
  const { repo, revision, endpoint, token, files, signal } = options;
  const all: ListFileEntry[] = [];
  try {
    const list = listFiles({
      repo: { type: 'model', name: repo },
      revision,
      recursive: true,
      hubUrl: endpoint,
      fetch: (input, init) => fetch(input, { ...init, signal }),
      ...(token !== undefined && { accessToken: token }),
    });
    for await (const entry of list) {
      if (entry.type === 'file') all.push(entry);
      if (all.length > MAX_FILES)
        throw new CliError('hub-refused', `hub: expected at most ${MAX_FILES} files in ${repo}`);
    }
  } catch (cause) {
    throw hubError(cause, `${repo}@${revision}`, endpoint, signal);
  }
  const wanted = all.filter((entry) => (files.length > 0 ? files.includes(entry.path) : WANTED.test(entry.path)));
  const missing = files.filter((file) => !all.some((entry) => entry.path === file));
  if (missing.length > 0 || !wanted.some(({ path: name }) => /\.(safetensors|gguf)$/u.test(name))) {
    const weights = all.map((entry) => entry.path).filter((name) => /\.(safetensors|gguf|bin)$/u.test(name));
    throw new CliError(
      'hub-refused',
      missing.length > 0
        ? `hub: expected ${missing.join(', ')} in ${repo}, got no such file`
        : `hub: expected safetensors in ${repo}, got none`,
      { hint: `Weights it has: ${weights.join(', ') || 'none'}. Choose with --file.` },
    );
  }
  for (const entry of wanted) requireInside(options.folder, entry.path);
  return wanted;
}

/** A hostile listing must not write outside the folder. */
function requireInside(folder: string, file: string): void {
  const relative = path.relative(folder, path.resolve(folder, file));
  if (relative === '' || relative.startsWith('..') || path.isAbsolute(relative)) {
    throw new CliError('hub-refused', `hub: expected file names within the folder, got ${file}`);
  }
}

function hashOf(entry: ListFileEntry): string {
  return entry.lfs === undefined ? `git:${entry.oid}` : `sha256:${entry.lfs.oid}`;
}

async function fetchFile(entry: ListFileEntry, hash: string, target: string, options: PullModelOptions): Promise<void> {
  const part = `${target}.part`;
  await mkdir(path.dirname(target), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchRest(entry, part, options);
      break;
    } catch (cause) {
      if (options.signal.aborted) throw options.signal.reason;
      if (cause instanceof CliError || attempt === ATTEMPTS)
        throw hubError(cause, entry.path, options.endpoint, options.signal);
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS * 2 ** (attempt - 1)));
    }
  }
  const actual = await computeHash(part, hash, entry.size);
  if (actual !== hash) {
    await rm(part, { force: true });
    throw new CliError('hub-integrity', `hub: expected ${entry.path} with ${hash}, got ${actual}`, {
      hint: 'The download was damaged, or the mirror has other contents; try again, or another HF_ENDPOINT.',
    });
  }
  await rename(part, target);
}

/** Continues `part` from its end. */
async function fetchRest(entry: ListFileEntry, part: string, options: PullModelOptions): Promise<void> {
  const { endpoint, repo, revision, token, signal, onProgress } = options;
  let done = (await sizeOf(part)) ?? 0;
  if (done > entry.size) {
    await rm(part, { force: true });
    done = 0;
  }
  if (done === entry.size && done > 0) return;
  const name = entry.path.split('/').map(encodeURIComponent).join('/');
  const response = await fetch(`${endpoint}/${repo}/resolve/${encodeURIComponent(revision)}/${name}`, {
    signal,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(done > 0 && { range: `bytes=${done}-` }),
    },
  });
  if (response.status >= 500 || response.status === 429) throw new Error(`HTTP ${response.status}`);
  if (!response.ok || response.body === null) throw refused(response.status, entry.path);
  // A server that ignores ranges answers 200 with the whole file.
  const start = response.status === 206 ? done : 0;
  const handle = await open(part, start > 0 ? 'a' : 'w');
  try {
    let written = start;
    // Not by the web stream itself: aborted while a chunk is being handled, its iteration never settles.
    for await (const chunk of Readable.fromWeb(response.body as WebStream) as AsyncIterable<Uint8Array>) {
      written += chunk.byteLength;
      if (written > entry.size)
        throw new CliError('hub-integrity', `hub: expected ${entry.size} bytes of ${entry.path}, got more`);
      await handle.write(chunk);
      onProgress({ file: entry.path, doneBytes: written, totalBytes: entry.size });
      signal.throwIfAborted();
    }
    if (written < entry.size) throw new Error(`the connection ended at ${written} of ${entry.size} bytes`);
  } finally {
    await handle.close();
  }
}

/** In the form of the expected one: SHA-256 of the bytes, or git's blob id. */
async function computeHash(file: string, expected: string, size: number): Promise<string> {
  const isGit = expected.startsWith('git:');
  const hash: Hash = createHash(isGit ? 'sha1' : 'sha256');
  if (isGit) hash.update(`blob ${size}\0`);
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return `${isGit ? 'git' : 'sha256'}:${hash.digest('hex')}`;
}

async function readRecord(folder: string): Promise<Record<string, string>> {
  try {
    return JSON.parse(await readFile(path.join(folder, RECORD_FILE), 'utf8')) as Record<string, string>;
  } catch {
    return {};
  }
}

async function writeRecord(folder: string, record: Readonly<Record<string, string>>): Promise<void> {
  const file = path.join(folder, RECORD_FILE);
  await writeFile(`${file}.tmp`, `${JSON.stringify(record, null, 2)}\n`);
  await rename(`${file}.tmp`, file);
}

async function sizeOf(file: string): Promise<number | undefined> {
  return stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
}

function refused(status: number, what: string): CliError {
  const needsToken = status === 401 || status === 403;
  return new CliError('hub-refused', `hub: expected ${what}, got HTTP ${status}`, {
    hint: needsToken
      ? 'The model is private, gated or does not exist: accept its licence on the hub and set HF_TOKEN.'
      : 'Check the name (organisation/model) and --revision.',
  });
}

function hubError(cause: unknown, what: string, endpoint: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (cause instanceof CliError) return cause;
  if (cause instanceof HubApiError && cause.statusCode < 500) return refused(cause.statusCode, what);
  const reason =
    cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : String(cause);
  return new CliError('hub-unreachable', `hub: expected ${what} from ${endpoint}, got ${reason}`, {
    hint: 'What was fetched is kept: the same command continues. HF_ENDPOINT names a mirror.',
    cause,
  });
}
