/** The command as a person uses it: real processes on the built `dist`. `npm test` builds before it runs this. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';

const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'apps/cli/bin/tuiqiao.mjs');
const QUATRAIN = '白日依山尽，黄河入海流。欲穷千里目，更上一层楼。';
const FAULTY = '床前明月光，疑是地上霜。举头望明月，低头思故乡。';

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

function tuiqiao(args: readonly string[], { input = '', env = {} }: { input?: string; env?: NodeJS.ProcessEnv } = {}) {
  return new Promise<Outcome>((resolve) => {
    const child = spawn(process.execPath, [bin, ...args], {
      cwd: root,
      env: { ...process.env, LANG: 'C.UTF-8', LC_ALL: '', NO_COLOR: '', FORCE_COLOR: '', ...env },
    });
    const outcome: Outcome = { status: null, stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      outcome.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      outcome.stderr += text;
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.on('close', (status) => resolve({ ...outcome, status }));
  });
}

async function temporary(name: string, text: string): Promise<string> {
  const file = path.join(await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-e2e-')), name);
  await writeFile(file, text);
  return file;
}

beforeAll(() => {
  if (!existsSync(path.join(root, 'apps/cli/dist/main.js'))) throw new Error('not built: run `npm run setup` first');
});

describe('help', () => {
  it('lists the commands when called alone, and exits 0', async () => {
    const { status, stdout } = await tuiqiao([]);
    expect(status).toBe(0);
    for (const command of ['check', 'corpus', 'env']) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'mu'));
  });

  it('tells the version', async () => {
    expect(await tuiqiao(['--version'])).toMatchObject({ status: 0, stdout: '0.1.0\n' });
  });
});

describe('a wrong request', () => {
  it.each([
    [['check', '--frm', '七绝'], /^error unknown option '--frm'; did you mean --form\?\nhint .*tuiqiao check --help/u],
    [['chekc'], /^error unknown command 'chekc'; did you mean check\?\n/u],
    [['check', 'does-not-exist.txt'], /^error does-not-exist\.txt: no such file or folder\n$/u],
    [['check', '--book', 'pinshui'], /did you mean "pingshui"\?\n/u],
    [['check', '--seed', 'x'], /expected a whole number from 0 to 4294967295\n/u],
  ])('%j exits 2 with one sentence', async (args, message) => {
    const { status, stdout, stderr } = await tuiqiao(args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });

  it('is told as JSON on stdout with --json, and in Chinese with --lang zh', async () => {
    const { status, stdout, stderr } = await tuiqiao(['check', '--frm', 'x', '--json']);
    expect(status).toBe(2);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: 'command-line',
        message: "unknown option '--frm'; did you mean --form?",
        hint: '`tuiqiao check --help` lists every option.',
      },
    });
    expect((await tuiqiao(['check', 'none.txt', '--lang', 'zh'])).stderr).toMatch(/^错误 找不到输入：/u);
  });

  it('shows a stack trace only with --debug', async () => {
    expect((await tuiqiao(['check', 'none.txt'])).stderr).not.toContain('    at ');
    expect((await tuiqiao(['check', 'none.txt', '--debug'])).stderr).toContain('    at ');
  });
});

describe('check', () => {
  it('reads standard input and tells a teacher what it finds', async () => {
    const { status, stdout } = await tuiqiao(['check', '--lang', 'zh'], { input: `${QUATRAIN}\n\n${FAULTY}\n` });
    expect(status).toBe(0);
    expect(stdout).toContain('五绝');
    expect(stdout).toContain('●●○○●');
    expect(stdout).toContain('失粘');
    expect(stdout).toMatch(/^体裁 +首数/mu);
  });

  it('prints one JSON line per poem, in order, with the fields of the contract', async () => {
    const lines = [{ id: 'a', text: QUATRAIN }, { id: 'b', text: FAULTY }, { text: '今天😀天气' }];
    const input = lines.map((line) => JSON.stringify(line)).join('\n');
    const { status, stdout, stderr } = await tuiqiao(['check', '--json', '-'], { input });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const verdicts = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(verdicts.map((verdict) => verdict.id)).toEqual(['a', 'b', undefined]);
    expect(verdicts[0]).toMatchObject({
      form: '五绝',
      start: '仄起',
      firstLineRhymes: false,
      tune: null,
      variant: null,
      book: 'pingshui',
      rhyme: { group: '尤', level: '下平', lines: [2, 4], offLines: [] },
      findings: [],
      strict: { length: true, rhyme: true, meter: true, all: true },
      lenient: { length: true, rhyme: true, meter: true, all: true },
    });
    const lineReadings = verdicts[0]!.lines as { text: string; tones: string; readings: string[] }[];
    expect(lineReadings[0]).toEqual({
      text: '白日依山尽',
      tones: '仄仄平平仄',
      readings: ['仄', '仄', '平', '平', '仄'],
    });
    const finding = (verdicts[1]!.findings as Record<string, unknown>[])[0]!;
    for (const field of ['rule', 'name', 'line', 'verdict', 'message']) expect(finding).toHaveProperty(field);
    expect(verdicts[2]).toMatchObject({ form: null, strict: { all: false } });
  });

  it('exits 1 with --strict when a poem breaks a rule, else 0', async () => {
    expect((await tuiqiao(['check', '--strict'], { input: FAULTY })).status).toBe(1);
    expect((await tuiqiao(['check', '--strict'], { input: QUATRAIN })).status).toBe(0);
  });

  it('refuses an empty file and a broken JSON line', async () => {
    const empty = await tuiqiao(['check', await temporary('empty.txt', '')]);
    expect(empty.status).toBe(2);
    expect(empty.stderr).toMatch(/empty\.txt: no poem found\n/u);
    const broken = await tuiqiao(['check', '--json', await temporary('x.jsonl', '{"text":"甲"}\n{"txet":1}\n')]);
    expect(broken.status).toBe(2);
    expect(JSON.parse(broken.stdout.trimEnd().split('\n').at(-1)!)).toHaveProperty('error.code', 'input-bad');
  });

  it('writes a page and a table, whole or not at all', async () => {
    const folder = path.dirname(await temporary('a.csv', `题目,正文\n登鹳雀楼,${QUATRAIN}\n`));
    const page = path.join(folder, 'out.html');
    const columns = ['--text-column', '正文', '--title-column', '题目'];
    const source = path.join(folder, 'a.csv');
    expect(await tuiqiao(['check', source, ...columns, '--output', page])).toMatchObject({ status: 0, stdout: '' });
    expect(await readFile(page, 'utf8')).toMatch(/^<!doctype html>.*<h2>登鹳雀楼<\/h2>.*<\/html>\n$/su);
    const table = await tuiqiao(['check', source, ...columns, '--csv']);
    expect(table.stdout).toMatch(/^id,title,text,form,.*\r\n,登鹳雀楼,白日.*,0,\r\n$/su);

    const broken = await temporary('b.jsonl', `{"text":"${QUATRAIN}"}\n{"txt":1}\n`);
    const never = path.join(path.dirname(broken), 'never.html');
    expect((await tuiqiao(['check', broken, '--output', never])).status).toBe(2);
    expect(await readdir(path.dirname(broken))).toEqual(['b.jsonl']);
    const nowhere = await tuiqiao(['check', source, ...columns, '--output', path.join(folder, 'none', 'x.html')]);
    expect(nowhere).toMatchObject({ status: 2, stdout: '' });
    expect(nowhere.stderr).toMatch(/^error --output: expected a folder that is there, got .*none\n$/u);
  });

  it.each([
    ['binary.txt', '\u007fELF\0\0', 2, /^error .*binary\.txt: expected text, got a binary file\n/u],
    ['long.txt', '月'.repeat(300_000), 2, /^error .*long\.txt, line 1: check: expected a poem of at most 200000/u],
    ['columns.csv', 'title,txet\na,b\n', 2, /^error .*columns\.csv, line 2: expected "text" .* did you mean "txet"\?/u],
  ])('%s: one sentence and its exit status', async (name, text, status, message) => {
    const outcome = await tuiqiao(['check', await temporary(name, text)]);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
    expect(outcome).toMatchObject({ status, stdout: '' });
  });

  it('gives emoji and a poem of an unknown script a verdict, not an error', async () => {
    const { status, stdout } = await tuiqiao(['check', '--json'], {
      input: '今天😀天气，我們去海邊。\n\nroses are red,\n',
    });
    expect(status).toBe(0);
    expect(stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  it('loads neither the engine nor the recipes, and no other command', async () => {
    const hook =
      'export async function load(url, context, next) { process._rawDebug(url); return next(url, context); }';
    const loader = `data:text/javascript,${encodeURIComponent(hook)}`;
    const start = `import { register } from 'node:module'; register(${JSON.stringify(loader)});`;
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(start)}` };
    const { status, stderr } = await tuiqiao(['check'], { input: QUATRAIN, env });
    expect(status).toBe(0);
    const rooms = [...stderr.matchAll(/\/(?:packages|apps)\/(\w+)\/dist\//gu)].map((match) => match[1]!);
    const commands = [...stderr.matchAll(/\/cli\/dist\/commands\/(\w+)\.js/gu)].map((match) => match[1]!);
    // Put together in a few files by set-up, or as it was compiled where that was done since.
    const isBundle = stderr.includes('/cli/dist/bundle/main.mjs');
    expect([...new Set(rooms)].sort()).toEqual(isBundle ? ['cli'] : ['cli', 'prosody', 'schema']);
    expect(commands).toEqual(isBundle ? [] : ['check']);
    expect(stderr).not.toMatch(/node_modules\/(cli-table3|cli-progress|csv-parse|pacote)\//u);
  });

  it.each([['--json'], ['--lang', 'zh'], ['--html'], ['--help'], ['--nosuch']])(
    'says %s the same from its bundle and as it was compiled',
    (...options) => {
      const [bundle, compiled] = ['bundle/main.mjs', 'main.js'].map((main) => {
        const file = path.join(root, 'apps/cli/dist', main);
        const { status, stdout, stderr } = spawnSync(process.execPath, [file, 'check', ...options], {
          input: QUATRAIN,
          encoding: 'utf8',
        });
        return { status, stdout, stderr };
      });
      expect(bundle).toEqual(compiled);
    },
  );

  it('has colours only when wanted', async () => {
    const sequence = '\u001b[';
    expect((await tuiqiao(['check'], { input: FAULTY })).stdout).not.toContain(sequence);
    const forced = { FORCE_COLOR: '1' };
    expect((await tuiqiao(['check'], { input: FAULTY, env: forced })).stdout).toContain(sequence);
    expect((await tuiqiao(['check'], { input: FAULTY, env: { ...forced, NO_COLOR: '1' } })).stdout).not.toContain(
      escape,
    );
    expect((await tuiqiao(['check', '--no-color'], { input: FAULTY, env: forced })).stdout).not.toContain(sequence);
  });
});

describe('a stage that cannot begin', () => {
  it.each([
    [['sft', '--model', 'no-such-model'], 3, /^error no-such-model: no model there/u],
    [['sft', '--lernRate', '1'], 2, /^error unknown option '--lernRate'/u],
    [['sft', '--set', 'learningRat=1'], 2, /^error sft: unknown option "learningRat"; did you mean "learningRate"\?/u],
    [['sft', 'recipes/none.yaml'], 2, /^error recipes\/none\.yaml: no such recipe file/u],
    [['dpo', 'recipes/base-sft.yaml'], 2, /^error dpo: the recipe is for stage sft\nhint .*tuiqiao sft/u],
    [['pretrain', '--corpus', 'no-such-corpus'], 2, /^error no-such-corpus: neither a built-in corpus nor a file/u],
    [['pretrain', '--resume', 'no-such-run'], 2, /^error no-such-run: no run there/u],
  ] as const)('%j exits %i with one sentence', async (args, status, message) => {
    const outcome = await tuiqiao(args);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(2);
    expect(outcome).toMatchObject({ status, stdout: '' });
  });
});
