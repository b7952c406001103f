/** `@tuiqiao/prosody/lazy` in a page: no Node, no engine, tables fetched when they are asked for. */
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { check } from '../packages/prosody/src/index.ts';

const root = path.resolve(import.meta.dirname, '..');
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
/** A browser on a machine that trains at the same time is slow to start. */
const TIMEOUT_MS = 120_000;
/** All books, tunes and pairs, as a server sends them. */
const MAX_COMPRESSED_BYTES = 900_000;

const REGULATED = '床前明月光，疑是地上霜。举头望明月，低头思故乡。';
const CI = {
  text: '一曲新词酒一杯，去年天气旧亭台。夕阳西下几时回？\n无可奈何花落去，似曾相识燕归来。小园香径独徘徊。',
  tune: '浣溪沙',
};

/** The bundle as files by name; a page imports `lazy.js`. */
let files: ReadonlyMap<string, string>;
const sizes = new Map<string, number>();

beforeAll(async () => {
  const result = (await build({
    configFile: false,
    root,
    logLevel: 'error',
    build: {
      write: false,
      minify: true,
      lib: { entry: path.join(root, 'packages/prosody/src/lazy.ts'), formats: ['es'], fileName: 'lazy' },
      rolldownOptions: { output: { chunkFileNames: '[name].js' } },
    },
  })) as Rolldown.RolldownOutput[];
  const chunks = result[0]!.output.filter((part) => part.type === 'chunk');
  files = new Map(chunks.map((chunk) => [chunk.fileName, chunk.code]));
  for (const [name, code] of files) sizes.set(name, gzipSync(code, { level: 9 }).length);
}, TIMEOUT_MS);

describe('the bundle for pages', () => {
  it('has one file for what is always needed and one for each table', () => {
    expect([...files.keys()].sort()).toEqual(
      ['cilin.js', 'cipu.js', 'lazy.js', 'parallelism.js', 'tongyun.js', 'xinyun.js'].sort(),
    );
    expect([...files.values()].join('')).not.toMatch(/from\s*["']node:|require\(/u);
  });

  it('is at most 900 kB in all, and less than half of it before a table is asked for', () => {
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    console.info([...sizes].map(([name, size]) => `${name} ${(size / 1000).toFixed(0)} kB`).join(' · '));
    expect(total).toBeLessThan(MAX_COMPRESSED_BYTES);
    expect(sizes.get('lazy.js')!).toBeLessThan(MAX_COMPRESSED_BYTES / 2);
  });
});

const name = `in a browser (Chromium: ${CHROMIUM ?? 'none: skipped; apt-get install chromium'})`;

describe.skipIf(CHROMIUM === undefined)(name, { timeout: TIMEOUT_MS }, () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  const asked: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const wanted = request.url!.slice(1);
      const code = files.get(wanted);
      if (code !== undefined) asked.push(wanted);
      if (code !== undefined) response.writeHead(200, { 'content-type': 'text/javascript' }).end(code);
      else
        response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><link rel="icon" href="data:,">');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', '--disable-gpu'] });
    page = await browser.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  /** Runs in the page with the library as `prosody`; what comes back is JSON. */
  function run<Result>(body: string, given: unknown = null): Promise<Result> {
    const expression = `(async (given) => { const prosody = await import('/lazy.js'); ${body} })(${JSON.stringify(given)})`;
    return page.evaluate(expression) as Promise<Result>;
  }

  it('judges regulated verse by 平水韵 with one file', async () => {
    const verdict = await run<ReturnType<typeof check>>('return prosody.check(given);', REGULATED);
    const withoutSuggestions = (findings: ReturnType<typeof check>['findings']) =>
      findings.map(({ suggestion: _suggestion, ...rest }) => rest);
    const here = check(REGULATED);
    expect(withoutSuggestions(verdict.findings)).toEqual(withoutSuggestions(here.findings));
    expect({ ...verdict, findings: [] }).toEqual(JSON.parse(JSON.stringify({ ...here, findings: [] })));
    expect(asked).toEqual(['lazy.js']);
  });

  it('says which table is missing', async () => {
    const failure = await run<{ code: string; hint: string }>(
      `try { prosody.check(given); } catch ({ code, hint }) { return { code, hint }; }`,
      CI,
    );
    expect(failure).toEqual({ code: 'PROSODY_NOT_LOADED', hint: expect.stringContaining('loadTables') });
    expect(asked).toEqual(['lazy.js']);
  });

  it('fetches tables once, and then says just what Node says', async () => {
    const all = `await prosody.loadTables('tunes', 'cilin', 'pairs'); await prosody.loadTables('cilin');`;
    const [ci, shi] = await run<[unknown, unknown]>(
      `${all} return [prosody.check(given[0]), prosody.check(given[1], { parallelism: true })];`,
      [CI, REGULATED],
    );
    expect(ci).toEqual(JSON.parse(JSON.stringify(check(CI))));
    expect(shi).toEqual(JSON.parse(JSON.stringify(check(REGULATED, { parallelism: true }))));
    expect([...asked].sort()).toEqual(['cilin.js', 'cipu.js', 'lazy.js', 'parallelism.js']);
    expect(complaints).toEqual([]);
  });
});
