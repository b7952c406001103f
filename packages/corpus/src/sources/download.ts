/**
 * One file over HTTP, through npm's own client (proxies, certificates and tokens as npm has them). What arrived stays when
 * a download is interrupted, and the next one asks for the rest; a server that sends everything again is taken at its
 * word. The whole is believed only when its hash is the pinned one.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import npmFetch from 'npm-registry-fetch';
import { CorpusError } from '../errors.ts';

export interface DownloadRequest {
  readonly url: string;
  /** Where it grows; an earlier piece of it is gone on with. */
  readonly file: string;
  readonly sizeBytes: number;
  /** `sha512-…` as npm writes it. */
  readonly integrity: string;
  readonly signal?: AbortSignal | undefined;
  /** Options of npm's client, e.g. `fetchRetries`. */
  readonly clientOptions?: Readonly<Record<string, unknown>>;
  /** Called with the bytes that are there so far. */
  readonly onBytes?: (done: number) => void;
  /** Called once when a piece was there: the byte it goes on from, 0 where the server sends everything again. */
  readonly onResume?: (fromBytes: number) => void;
}

const PARTIAL_CONTENT = 206;
const RANGE_NOT_SATISFIABLE = 416;

async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

function counter(from: number, onBytes: ((done: number) => void) | undefined): Transform {
  let done = from;
  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      done += chunk.length;
      onBytes?.(done);
      callback(null, chunk);
    },
  });
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(file), hash);
  return `sha512-${hash.digest('base64')}`;
}

/** `bytes 100-199/200` → 100; NaN for anything else. */
function startOfRange(header: string | null): number {
  return Number(/^bytes (\d+)-/u.exec(header ?? '')?.[1] ?? Number.NaN);
}

async function requestFrom(request: DownloadRequest, from: number) {
  const options = {
    ...request.clientOptions,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
    headers: { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) },
  };
  try {
    return await npmFetch(request.url, options as never);
  } catch (error) {
    // What is there is longer than what the server has.
    if ((error as { statusCode?: number }).statusCode === RANGE_NOT_SATISFIABLE) return null;
    throw error;
  }
}

/**
 * Downloads, or goes on downloading, and verifies. The piece that is there stays after `network` trouble and an abort; it
 * is removed when it turns out to be wrong or cannot be written.
 *
 * @throws CorpusError `corpus-integrity`; the client's and the disk's own errors.
 */
export async function downloadResumable(request: DownloadRequest): Promise<void> {
  const { file, sizeBytes, integrity } = request;
  let from = await sizeOf(file);
  if (from > sizeBytes) {
    await rm(file, { force: true });
    from = 0;
  }
  if (from < sizeBytes) {
    const answer = (await requestFrom(request, from)) ?? (await requestFrom(request, 0));
    if (answer === null) throw new CorpusError('network', `corpus pull: expected ${request.url}, got no answer`);
    const goesOn = answer.status === PARTIAL_CONTENT && startOfRange(answer.headers.get('content-range')) === from;
    if (from > 0) request.onResume?.(goesOn ? from : 0);
    const start = goesOn ? from : 0;
    await pipeline(
      answer.body as unknown as NodeJS.ReadableStream,
      counter(start, request.onBytes),
      createWriteStream(file, { flags: goesOn ? 'a' : 'w' }),
      request.signal === undefined ? {} : { signal: request.signal },
    );
  }
  // An answer that breaks off throws above; one that ends is all there is.
  if ((await hashOf(file)) !== integrity) {
    await rm(file, { force: true });
    throw new CorpusError('corpus-integrity', 'corpus pull: expected the pinned hash, got different bytes', {
      hint: 'Pull again; if it stays, the registry serves a changed package.',
    });
  }
}
