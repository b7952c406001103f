import { createHash, randomBytes } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DownloadRequest, downloadResumable } from './download.ts';

const BYTES = randomBytes(300_000);
const integrity = `sha512-${createHash('sha512').update(BYTES).digest('base64')}`;

let folder: string;
let file: string;
let server: Server | undefined;
/** Ranges that were asked for; '' for none. */
let asked: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'download-'));
  file = path.join(folder, 'x.tgz');
  asked = [];
});
afterEach(async () => {
  server?.close();
  server?.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

const sizeNow = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** @param breakAfter bytes after which the connection breaks, by turns; undefined: never */
async function serve({ hasRanges = true, breakAfter = [] as (number | undefined)[] } = {}): Promise<DownloadRequest> {
  const started = createServer((request, response) => {
    const range = request.headers.range ?? '';
    const limit = breakAfter[asked.length];
    asked.push(range);
    const from = hasRanges && range !== '' ? Number(/\d+/.exec(range)![0]) : 0;
    if (from >= BYTES.length) {
      response.writeHead(416).end();
      return;
    }
    const body = BYTES.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': body.length,
      ...(from > 0 ? { 'content-range': `bytes ${from}-${BYTES.length - 1}/${BYTES.length}` } : {}),
    });
    if (limit === undefined) response.end(body);
    else {
      response.write(body.subarray(0, limit));
      const before = sizeNow();
      // Breaks when some of it has reached the disk.
      const timer = setInterval(() => {
        if (sizeNow() <= before) return;
        clearInterval(timer);
        response.destroy();
      }, 5);
    }
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(started.address() as AddressInfo).port}/x.tgz`,
    file,
    sizeBytes: BYTES.length,
    integrity,
    clientOptions: { fetchRetries: 0, fetchRetryMintimeout: 10, fetchRetryMaxtimeout: 50, cache: null },
  };
}

describe('downloadResumable', () => {
  it('asks for the rest after the connection broke, and ends with the same bytes', async () => {
    const request = await serve({ breakAfter: [100_000, 50_000] });
    await expect(downloadResumable(request)).rejects.toThrow();
    const first = (await stat(file)).size;
    expect(first).toBeGreaterThan(0);
    await expect(downloadResumable(request)).rejects.toThrow();
    const second = (await stat(file)).size;
    const resumed: number[] = [];
    await downloadResumable({ ...request, onResume: (from) => resumed.push(from) });
    expect(asked).toEqual(['', `bytes=${first}-`, `bytes=${second}-`]);
    expect(resumed).toEqual([second]);
    expect((await readFile(file)).equals(BYTES)).toBe(true);
  });

  it('says so and begins again where the server knows no ranges', async () => {
    const request = await serve({ hasRanges: false, breakAfter: [100_000] });
    await expect(downloadResumable(request)).rejects.toThrow();
    const resumed: number[] = [];
    await downloadResumable({ ...request, onResume: (from) => resumed.push(from) });
    expect(resumed).toEqual([0]);
    expect((await readFile(file)).equals(BYTES)).toBe(true);
  });

  it('refuses other bytes and removes them', async () => {
    const request = await serve();
    const wrong = { ...request, integrity: integrity.replace(/.{4}$/, 'AA==') };
    await expect(downloadResumable(wrong)).rejects.toMatchObject({ code: 'corpus-integrity' });
    expect(existsSync(file)).toBe(false);
  });

  it('does not believe an earlier piece of something else', async () => {
    const request = await serve();
    await writeFile(file, Buffer.alloc(1000));
    await expect(downloadResumable(request)).rejects.toMatchObject({ code: 'corpus-integrity' });
    await downloadResumable(request);
    expect((await readFile(file)).equals(BYTES)).toBe(true);
  });

  it('asks for nothing when everything is there', async () => {
    const request = await serve();
    await writeFile(file, BYTES);
    await downloadResumable(request);
    expect(asked).toEqual([]);
  });

  it('stops at the signal and keeps what arrived', async () => {
    const controller = new AbortController();
    const request = await serve({ breakAfter: [100_000] });
    const onBytes = () => controller.abort();
    await expect(downloadResumable({ ...request, signal: controller.signal, onBytes })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });

  it.skipIf(!existsSync('/dev/full'))('hands on that the disk is full', async () => {
    await expect(downloadResumable({ ...(await serve()), file: '/dev/full' })).rejects.toMatchObject({
      code: 'ENOSPC',
    });
  });
});
