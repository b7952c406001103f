/** The studio as a teacher uses it: the real command, the built page, a browser without a network beyond this machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSheet, tallyVotes } from '../packages/eval/src/index.ts';
import { check } from '../packages/prosody/src/index.ts';
import { createTinyPoet, saveOddAdapter } from '../packages/recipes/test/tiny-poet.ts';

const root = path.resolve(import.meta.dirname, '..');
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const SCREENSHOTS = process.env.TUIQIAO_SCREENSHOTS;
/** A browser on a machine that trains at the same time is slow to start. */
const TIMEOUT_MS = 120_000;
/** 失对 and 出韵 among others. */
const FAULTY = '春夜月朦胧，花影落庭中。风轻鸟梦浅，露重草色浓。';

const CI = '一曲新词酒一杯，去年天气旧亭台。夕阳西下几时回？\n无可奈何花落去，似曾相识燕归来。小园香径独徘徊。';

const name = `the studio (Chromium: ${CHROMIUM ?? 'none: skipped; apt-get install chromium'})`;

describe.skipIf(CHROMIUM === undefined)(name, { timeout: TIMEOUT_MS }, () => {
  let folder: string;
  let served: ChildProcess;
  let ended: Promise<number | null>;
  let url: string;
  /** A poem of the model's characters with a rhyme spoilt. */
  let offRhyme: string;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  const strangers: string[] = [];

  /** A run with a log, a sample and an adapter, and the report beside it. */
  async function saveRun(model: string): Promise<void> {
    const run = path.join(folder, 'runs', 'demo', 'sft');
    await mkdir(run, { recursive: true });
    await saveOddAdapter(model, run);
    const manifest = { name: 'sft', stage: 'sft', outcome: 'done', startedAt: '2026-01-02T03:04:05Z', metrics: {} };
    await writeFile(path.join(run, 'manifest.json'), JSON.stringify(manifest));
    const log = [1, 2, 3].map((step) => ({ current_steps: step, total_steps: 3, loss: 4 - step / 2 }));
    await writeFile(path.join(run, 'trainer_log.jsonl'), log.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    const sample = { step: 3, prompt: '五绝', text: '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。' };
    await writeFile(path.join(run, 'samples.jsonl'), `${JSON.stringify(sample)}\n`);
    await writeFile(path.join(folder, 'runs', 'demo', 'report.html'), '<!doctype html><h1>ladder</h1>');
  }

  beforeAll(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-studio-'));
    const { model, poems } = await createTinyPoet(folder);
    const [first, second, ...rest] = poems[0]!.text.split(/(?<=[，。])/u) as [string, string, ...string[]];
    // The second line ends as the first does, which rhymes with nothing.
    offRhyme = [first, `${second.slice(0, 4)}${first[4]}。`, ...rest].join('');
    await saveOddAdapter(model, path.join(folder, 'odd'));
    await saveRun(model);
    const options = ['--model', model, '--adapter', path.join(folder, 'odd'), '--runs', path.join(folder, 'runs')];
    served = spawn(
      process.execPath,
      [
        path.join(root, 'apps/cli/bin/tuiqiao.mjs'),
        ...['studio', '--json', '--port', '0', '--no-open', '--kernels', 'reference'],
        ...options,
      ],
      { cwd: root, env: { ...process.env, LANG: 'C.UTF-8', NO_COLOR: '1', TUIQIAO_API_KEY: '' } },
    );
    ended = new Promise((resolve) => served.on('close', resolve));
    const said = new Promise<string>((resolve) =>
      served.stdout!.setEncoding('utf8').once('data', (text: string) => resolve(text)),
    );
    url = `${JSON.parse(await said).url}/`;
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', '--disable-gpu'] });
    const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1180, height: 860 } });
    page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS / 2);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !/^(?:data|blob):/u.test(request.url())) strangers.push(request.url());
    });
    await page.goto(url);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    served?.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  const shot = async (room: string): Promise<void> => {
    if (SCREENSHOTS) await page.screenshot({ path: path.join(SCREENSHOTS, `studio-${room}.png`), fullPage: true });
  };

  it('writes a poem under the rules, keeps a line of it, and has it in the address', async () => {
    await page.getByRole('radio', { name: '五绝' }).check({ force: true });
    await page.getByRole('textbox', { name: 'Theme' }).fill('秋夜');
    await page.getByRole('button', { name: 'Write', exact: true }).click();
    const card = page.locator('.card.poem:not(.open)').first();
    await card.waitFor();
    expect(await card.locator('.badge').textContent()).toBe('Keeps every rule');
    expect(await card.locator('.ch').count()).toBe(20);
    expect(await card.locator('.rhyme').count()).toBeGreaterThanOrEqual(2);
    expect(decodeURIComponent(page.url())).toContain('#/write?form=五绝');
    const second = card.locator('.keepable').nth(1);
    const kept = await second.textContent();
    await second.click();
    await shot('write');
    await card.getByRole('button', { name: 'Keep and rewrite' }).click();
    await page.locator('.card.poem:not(.open)').nth(1).waitFor();
    expect(await card.locator('.keepable').nth(1).textContent()).toBe(kept);
  });

  it('checks a faulty poem while it is typed, each finding at its character', async () => {
    await page.getByRole('link', { name: 'Check', exact: true }).click();
    const input = page.getByRole('textbox', { name: 'Poem' });
    await input.fill(FAULTY);
    const finding = page.locator('.findings li', { hasText: '失对' }).first();
    await finding.waitFor();
    expect(await page.locator('.room.check .fault').first().textContent()).toBe('影');
    await finding.locator('.finding').click();
    expect(await page.locator('.ch.marked').textContent()).toBe('影');
    await shot('check');
  });

  it('rewrites a line that breaks a rule, takes a rewrite and takes it back', async () => {
    const input = page.getByRole('textbox', { name: 'Poem' });
    await input.fill(offRhyme);
    const finding = page.locator('.findings li', { hasText: '出韵' }).first();
    await finding.getByRole('button', { name: 'Rewrite the line' }).click();
    const rewrites = page.locator('.rewrites');
    await rewrites.getByRole('button', { name: 'Use' }).first().click();
    expect(await input.inputValue()).not.toBe(offRhyme);
    await page.locator('.room.check .badge.kept').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    expect(await input.inputValue()).toBe(offRhyme);
  });

  it('judges a ci by its tune, as Node does, without asking the server', async () => {
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    const room = page.locator('.room.check');
    await room.getByRole('textbox', { name: 'Poem' }).fill(CI);
    await room.getByLabel('Tune').fill('浣溪沙');
    await room.locator('.form-line', { hasText: '浣溪沙' }).waitFor();
    const { findings } = check({ text: CI, tune: '浣溪沙' }, { lang: 'en' });
    expect(findings.length).toBeGreaterThan(0);
    expect(await room.locator('.findings li').count()).toBe(findings.length);
    for (const { message } of findings) await room.locator('.findings li', { hasText: message }).first().waitFor();
    expect(asked.filter((address) => address.includes('/api/'))).toEqual([]);
  });

  it('compares two models blind, and the votes are read by `compare --read`', async () => {
    await page.getByRole('link', { name: 'Compare', exact: true }).click();
    const room = page.locator('.room.compare');
    await room.getByRole('radio', { name: '五绝' }).check({ force: true });
    await room.getByRole('textbox', { name: 'Reader' }).fill('Chen');
    await room.getByRole('button', { name: 'Ask both' }).click();
    await room.locator('.duel article').nth(1).waitFor();
    const sides = async () => room.locator('.duel .side').allTextContents();
    expect(await sides()).toEqual(['Left', 'Right']);
    await room.getByRole('button', { name: 'Left is better' }).click();
    const shown = await sides();
    expect([...shown].sort()).toEqual(['model', 'odd']);
    await shot('compare');
    const save = async (button: string): Promise<string> => {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        room.getByRole('button', { name: button }).click(),
      ]);
      await file.saveAs(path.join(folder, file.suggestedFilename()));
      return readFile(path.join(folder, file.suggestedFilename()), 'utf8');
    };
    const votes = readSheet(await save('Save sheet.csv'), 'sheet.csv');
    expect(votes).toEqual([{ reader: 'Chen', id: '001', preference: 'left', scores: {} }]);
    const { key, items } = JSON.parse(await save('Save key.json'));
    expect(items).toHaveLength(1);
    expect(key.items['001'].prompt).toContain('<|form:五绝|>');
    const tally = tallyVotes(votes, key);
    expect(tally.wins).toEqual({ a: shown[0] === key.a ? 1 : 0, b: shown[0] === key.a ? 0 : 1, tie: 0 });
  });

  it('shows a run with its curve, samples and report, and loads its adapter', async () => {
    await page.getByRole('link', { name: 'Runs', exact: true }).click();
    const report = page.getByRole('link', { name: 'Report' });
    expect(await (await fetch(new URL((await report.getAttribute('href'))!, url))).text()).toContain('ladder');
    await page.getByRole('link', { name: 'demo/sft' }).click();
    await page.locator('.curves canvas').waitFor();
    expect(await page.locator('.curves .latest').textContent()).toContain('2.500');
    expect(await page.locator('.sample-grid .badge').textContent()).toBe('Keeps every rule');
    await shot('run');
    await page.getByRole('button', { name: 'Load this adapter' }).click();
    await page.getByText('Loaded as demo-sft').waitFor();
    const { data } = (await (await fetch(new URL('/v1/models', url))).json()) as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['model', 'odd', 'demo-sft']);
    expect(page.url()).toContain('#/runs/demo%2Fsft');
  });

  it('speaks Chinese, and is used with the keyboard alone', async () => {
    await page.getByRole('button', { name: '中文' }).click();
    await page.getByRole('link', { name: '查' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: '诗' }).waitFor();
    expect(await page.title()).toBe('查 · 推敲');
    await page.goto(`${url}#/write?tune=${encodeURIComponent('浣溪沙')}`);
    expect(await page.locator('.room.write').getByLabel('词牌').inputValue()).toBe('浣溪沙');
  });

  it('asks nobody but its server, and complains of nothing', () => {
    expect(strangers).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('ends when it is told to', async () => {
    served.kill('SIGINT');
    expect(await ended).toBe(130);
  });
});
