import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunEvent } from '@tuiqiao/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultCacheFolder } from '../cache-folder.ts';
import { isWanted } from './package-pin.ts';
import { findPulled, pullCorpus } from './pull.ts';

let cacheDir: string;
let server: Server | null = null;
beforeEach(async () => {
  cacheDir = await mkdtemp(path.join(tmpdir(), 'pull-'));
});
afterEach(async () => {
  server?.close();
  server?.closeAllConnections();
  server = null;
  await rm(cacheDir, { recursive: true, force: true });
});

/** A registry that answers every tarball request by `answer`. */
async function serveRegistry(
  answer: (write: (bytes: Buffer) => void, end: () => void) => void,
  ranges: (string | undefined)[] = [],
): Promise<string> {
  const started = createServer((request, response) => {
    if (request.url?.endsWith('.tgz')) {
      ranges.push(request.headers.range);
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      answer(
        (bytes) => response.write(bytes),
        () => response.end(),
      );
      return;
    }
    const address = `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify({
        name: 'chinese-poetry',
        'dist-tags': { latest: '2.0.1' },
        versions: {
          '2.0.1': { name: 'chinese-poetry', version: '2.0.1', dist: { tarball: `${address}/c/-/c-2.0.1.tgz` } },
        },
      }),
    );
  });
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(started.address() as AddressInfo).port}/`;
}

const options = () => ({ cacheDir: path.join(cacheDir, 'tuiqiao'), npmCache: path.join(cacheDir, 'npm') });

describe('pullCorpus', () => {
  it('says in one sentence that there is no network, and leaves nothing', async () => {
    await expect(pullCorpus({ ...options(), registry: 'http://127.0.0.1:9/' })).rejects.toMatchObject({
      code: 'network',
      message: expect.stringMatching(/^corpus pull: expected .*, got /),
      hint: expect.stringContaining('tuiqiao corpus pull'),
    });
    expect(await readdir(options().cacheDir)).toEqual([]);
  });

  it('refuses bytes that are not the pinned ones, and leaves nothing', async () => {
    const registry = await serveRegistry((write, end) => {
      write(Buffer.from('not the package'));
      end();
    });
    await expect(pullCorpus({ ...options(), registry })).rejects.toMatchObject({ code: 'corpus-integrity' });
    expect(await readdir(options().cacheDir)).toEqual([]);
    expect(await findPulled(options().cacheDir)).toBeNull();
  });

  it('stops at the signal, and leaves only what arrived, under a name of its own', async () => {
    const controller = new AbortController();
    const registry = await serveRegistry((write) => {
      write(Buffer.alloc(100_000));
      controller.abort();
    });
    await expect(pullCorpus({ ...options(), registry, signal: controller.signal })).rejects.toMatchObject({
      code: 'aborted',
      hint: expect.stringContaining('goes on'),
    });
    for (const name of await readdir(options().cacheDir)) {
      expect(name).toBe(`chinese-poetry-2.0.1.tgz.partial-${process.pid}`);
    }
    expect(await findPulled(options().cacheDir)).toBeNull();
  });

  it('takes up the longest piece that a killed pull left, and asks for the rest', async () => {
    await mkdir(options().cacheDir, { recursive: true });
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    const stale = path.join(options().cacheDir, `chinese-poetry-2.0.1.tgz.partial-${dead}`);
    await writeFile(stale, Buffer.alloc(1234));
    const ranges: (string | undefined)[] = [];
    const registry = await serveRegistry((write, end) => {
      write(Buffer.from('not the rest'));
      end();
    }, ranges);
    const warnings: string[] = [];
    const onEvent = (event: RunEvent): void => {
      if (event.type === 'run-warning') warnings.push(event.code);
    };
    await expect(pullCorpus({ ...options(), registry, onEvent })).rejects.toMatchObject({ code: 'corpus-integrity' });
    expect(ranges).toEqual(['bytes=1234-']);
    expect(warnings).toEqual(['no-ranges']);
    expect(await readdir(options().cacheDir)).toEqual([]);
  });
});

describe('what is taken', () => {
  it('is the poems, the glyph list and the ranks, never the error copies', () => {
    expect(isWanted('quantangshi/poet.tang.0.json')).toBe(true);
    expect(isWanted('songci/ci.song.2019y.json')).toBe(true);
    expect(isWanted('quantangshi/error/poet.tang.0.json')).toBe(false);
    expect(isWanted('yudingquantangshi/json/001.json')).toBe(false);
    expect(isWanted('strains/json/poet.tang.0.json')).toBe(false);
  });
});

describe('defaultCacheFolder', () => {
  it('prefers TUIQIAO_CACHE, then XDG, then the system’s place', () => {
    expect(defaultCacheFolder({ TUIQIAO_CACHE: '/a', XDG_CACHE_HOME: '/b' }, 'linux')).toBe('/a');
    expect(defaultCacheFolder({ XDG_CACHE_HOME: '/b' }, 'linux')).toBe('/b/tuiqiao');
    expect(defaultCacheFolder({ XDG_CACHE_HOME: 'relative' }, 'linux')).toMatch(/\.cache\/tuiqiao$/);
    expect(defaultCacheFolder({}, 'darwin')).toMatch(/Library\/Caches\/tuiqiao$/);
  });
});
