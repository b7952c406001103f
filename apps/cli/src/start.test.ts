/** Which code `bin/tuiqiao.mjs` runs: the bundle of `check` only while nothing was compiled since. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root: string;
const at = (...parts: string[]) => path.join(root, ...parts);

async function write(file: string, text: string, seconds: number): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, text);
  await utimes(file, seconds, seconds);
}

const run = (...args: string[]) =>
  execFileSync(process.execPath, [at('apps/cli/bin/tuiqiao.mjs'), ...args], { encoding: 'utf8' }).trim();

beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'tuiqiao-start-'));
  await cp(path.resolve(import.meta.dirname, '../bin'), at('apps/cli/bin'), { recursive: true });
  await write(at('package.json'), '{"type":"module"}', 0);
  await write(at('apps/cli/dist/main.js'), "console.log('compiled');", 100);
  await write(at('apps/cli/dist/.tsbuildinfo'), '', 100);
  await write(at('apps/cli/dist/bundle/main.mjs'), "console.log('bundle');", 200);
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('the command', () => {
  it('runs the bundle for check, and what was compiled for everything else', () => {
    expect(run('check', 'poem.txt')).toBe('bundle');
    expect(run('write')).toBe('compiled');
    expect(run()).toBe('compiled');
  });

  it.each(['apps/cli', 'packages/schema', 'packages/prosody'])(
    'runs what was compiled after %s changed',
    async (part) => {
      await write(at(part, 'dist/.tsbuildinfo'), '', 300);
      expect(run('check', 'poem.txt')).toBe('compiled');
    },
  );

  it('runs without a bundle', async () => {
    await rm(at('apps/cli/dist/bundle'), { recursive: true });
    expect(run('check', 'poem.txt')).toBe('compiled');
  });
});
