/** Poems on disk: one JSON object a line, gzip. Written under a temporary name and renamed; read whole or as a stream. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { createGunzip, gunzip, gzip } from 'node:zlib';
import { CorpusError } from './errors.ts';
import type { Poem } from './poem.ts';

const gzipAsync = promisify(gzip);
const gunzipAsync = promisify(gunzip);

/** Poems per compressed member: big enough to compress well, small enough that memory stays flat. */
const MEMBER_POEMS = 8192;

export interface WrittenFile {
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly contentSha256: string;
  readonly poems: number;
}

/** Writes `poems` to `file` (`.jsonl.gz`), in one piece or not at all. @param level of gzip, 1 … 9 */
export async function writePoemFile(
  file: string,
  poems: Iterable<Poem> | AsyncIterable<Poem>,
  level = 2,
): Promise<WrittenFile> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.partial-${process.pid}`;
  const hash = createHash('sha256');
  const contentHash = createHash('sha256');
  let sizeBytes = 0;
  let count = 0;
  const handle = await open(temporary, 'w');
  try {
    // gzip members may follow one another in a file; while one is compressed off-thread, the next one is written as text.
    let pending: Promise<void> = Promise.resolve();
    const flush = async (lines: string[]): Promise<void> => {
      const content = Buffer.from(lines.join(''), 'utf8');
      contentHash.update(content);
      const packed = (await gzipAsync(content, { level })) as Buffer;
      await pending;
      pending = append(handle.write.bind(handle), packed, hash);
      sizeBytes += packed.length;
    };
    let lines: string[] = [];
    for await (const poem of poems) {
      lines.push(`${JSON.stringify(poem)}\n`);
      count++;
      if (lines.length === MEMBER_POEMS) {
        await flush(lines);
        lines = [];
      }
    }
    if (lines.length > 0) await flush(lines);
    await pending;
    await handle.sync();
  } catch (cause) {
    await handle.close();
    await rm(temporary, { force: true });
    throw cause instanceof CorpusError
      ? cause
      : new CorpusError('disk', `write poems: expected a writable ${path.dirname(file)}, got ${String(cause)}`, {
          hint: 'Free some space or set TUIQIAO_CACHE to another folder.',
          cause,
        });
  }
  await handle.close();
  await rename(temporary, file);
  return { sizeBytes, sha256: hash.digest('hex'), contentSha256: contentHash.digest('hex'), poems: count };
}

async function append(write: (data: Buffer) => Promise<unknown>, data: Buffer, hash: Hash): Promise<void> {
  hash.update(data);
  await write(data);
}

/** All poems of a file, in order. @throws CorpusError `corpus-missing`, `corpus-damaged` */
export async function loadPoems(file: string): Promise<Poem[]> {
  const packed = await readFile(file).catch((cause: unknown) => {
    throw missing(file, cause);
  });
  const content = (await gunzipAsync(packed).catch((cause: unknown) => {
    throw damaged(file, 0, cause);
  })) as Buffer;
  const poems: Poem[] = [];
  let start = 0;
  while (start < content.length) {
    let end = content.indexOf(0x0a, start);
    if (end < 0) end = content.length;
    poems.push(parsePoem(content.toString('utf8', start, end), file, poems.length + 1));
    start = end + 1;
  }
  return poems;
}

/** The same, one poem at a time. */
export async function* readPoems(file: string): AsyncGenerator<Poem> {
  const source = createReadStream(file);
  const lines = createInterface({ input: source.pipe(createGunzip()), crlfDelay: Number.POSITIVE_INFINITY });
  let number = 0;
  try {
    for await (const line of lines) yield parsePoem(line, file, ++number);
  } catch (cause) {
    if (cause instanceof CorpusError) throw cause;
    throw (cause as NodeJS.ErrnoException).code === 'ENOENT' ? missing(file, cause) : damaged(file, number, cause);
  } finally {
    source.destroy();
  }
}

function parsePoem(line: string, file: string, number: number): Poem {
  try {
    return JSON.parse(line) as Poem;
  } catch (cause) {
    throw damaged(file, number, cause);
  }
}

function missing(file: string, cause: unknown): CorpusError {
  return new CorpusError('corpus-missing', `load poems: expected a corpus file, got nothing at ${file}`, {
    hint: 'Run `tuiqiao corpus pull`.',
    cause,
  });
}

function damaged(file: string, line: number, cause: unknown): CorpusError {
  return new CorpusError(
    'corpus-damaged',
    `load poems: expected one poem a line in ${file}, got a broken line ${line}`,
    {
      hint: 'Remove the file and run `tuiqiao corpus pull` again.',
      cause,
    },
  );
}
