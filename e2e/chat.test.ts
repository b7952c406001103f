/** The terminal chat from a pipe, on the built `dist`: a poet, and a model that converses. */
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet } from '../packages/recipes/test/tiny-poet.ts';

const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'apps/cli/bin/tuiqiao.mjs');
let folder: string;
let poet: string;
let talker: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-chat-'));
  poet = (await createTinyPoet(folder)).model;
  // The same weights under a vocabulary without control tokens for poems: a model one converses with.
  talker = path.join(folder, 'talker');
  await cp(poet, talker, { recursive: true });
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    const file = path.join(talker, name);
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll('<|poem|>', '<|turn|>'));
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function chat(
  args: readonly string[],
  input: string,
): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [bin, 'chat', '--kernels', 'reference', '--seed', '7', ...args], {
      cwd: root,
      env: { ...process.env, LANG: 'C.UTF-8', LC_ALL: '', NO_COLOR: '1', FORCE_COLOR: '' },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdin.end(input);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

const records = (stdout: string) =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('tuiqiao chat', () => {
  it('writes a poem under the rules on every line, in the form that was set last', async () => {
    const { status, stdout } = await chat(
      ['--model', poet, '--form', '五绝', '--json'],
      '秋夜\n/rhyme off\n登高\n/quit\n春\n',
    );
    expect(status).toBe(0);
    const poems = records(stdout);
    expect(poems.map(({ title, form }) => [title, form])).toEqual([
      ['秋夜', '五绝'],
      ['登高', '五绝'],
    ]);
    for (const { verdict } of poems) expect(verdict.strict.all).toBe(true);
  });

  it('tells of a wrong command, goes on, and ends with its status', async () => {
    const { status, stdout, stderr } = await chat(['--model', poet], '/frm 五绝\n五绝 秋夜\n');
    expect(stderr).toMatch(/^error \/frm: no such command\n/u);
    expect(stdout).toMatch(/五绝.*\n\n {3}1 /u);
    expect(status).toBe(2);
  });

  it('converses: what was said is part of the next question until /reset', async () => {
    const args = ['--model', talker, '--max-new-tokens', '6', '--temperature', '0', '--json'];
    const { stdout } = await chat(args, '<|form:五绝|>\n<|form:五绝|>\n/reset\n<|form:五绝|>\n');
    const [first, second, third] = records(stdout).map(({ content }) => content);
    expect(first).not.toBe('');
    expect(third).toBe(first);
    expect(second).not.toBe(first);
    const plain = await chat(args.slice(0, -1), '<|form:五绝|>\n');
    expect(plain).toMatchObject({ status: 0, stdout: `${first}\n` });
  });
});
