import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReportInput, renderReport } from '../packages/eval/src/index.ts';
import { HOSTILE, reportFixture } from './report-fixture.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
/** Where a person can look at the pages afterwards; unset: nowhere. */
const SCREENSHOTS = process.env.TUIQIAO_SCREENSHOTS;
const MAX_BYTES = 1.5 * 2 ** 20;
/** A browser on a machine that trains at the same time is slow to start. */
const BROWSER_TIMEOUT_MS = 120_000;

interface Opened {
  readonly page: Page;
  readonly complaints: readonly string[];
}

const name = `the report, opened from a file with no network (Chromium: ${CHROMIUM ?? 'none'})`;

describe.skipIf(CHROMIUM === undefined)(name, { timeout: BROWSER_TIMEOUT_MS }, () => {
  let folder: string;
  let browser: Browser;
  let input: ReportInput;
  /** The Chinese page at 1280 pixels, light: what most tests only read. */
  let shared: Opened;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tuiqiao-report-'));
    input = reportFixture();
    await writeFile(path.join(folder, 'zh.html'), renderReport(input));
    await writeFile(path.join(folder, 'en.html'), renderReport({ ...input, lang: 'en' }));
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', '--disable-gpu'] });
    shared = await open('zh.html');
  }, BROWSER_TIMEOUT_MS);

  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Opens the page; every complaint of the browser and every request but the file itself is collected. */
  async function open(name: string, options: BrowserContextOptions = {}): Promise<Opened> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, offline: true, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    const file = pathToFileURL(path.join(folder, name)).href;
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (request.url() !== file && !request.url().startsWith('data:')) complaints.push(`request: ${request.url()}`);
    });
    await page.goto(file);
    await page.waitForSelector('.chart svg');
    return { page, complaints };
  }

  async function picture(page: Page, name: string): Promise<void> {
    if (SCREENSHOTS) await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true });
  }

  it('asks for nothing, complains of nothing and stays small', async () => {
    expect(Buffer.byteLength(renderReport(input))).toBeLessThan(MAX_BYTES);
    const { page, complaints } = shared;
    await picture(page, 'report-light-1280');
    expect(complaints).toEqual([]);
    expect(await page.title()).toBe(input.title);
  });

  it('draws every chart: a bar and a whisker for each model, a curve for each stage', async () => {
    const { page } = shared;
    const figures = await page.locator('.chart').count();
    // Rules, forms, and for each of two stages: loss, rules learned, metrics.
    expect(figures).toBe(4 + 5 + 2 * 3);
    expect(await page.locator('.chart svg').count()).toBe(figures);
    const empty = await page
      .locator('.chart svg')
      .evaluateAll((all) => all.filter((svg) => svg.querySelectorAll('path').length < 5).length);
    expect(empty).toBe(0);
    expect(await page.locator('.chart [role=img]').first().getAttribute('aria-label')).toContain('DPO 100 %');
  });

  it('has a row for every model and for the real poems, with the figures of the ladder', async () => {
    const { page } = shared;
    const rows = await page.locator('table.ladder tbody tr').allInnerTexts();
    expect(rows).toHaveLength(input.ladder!.models.length + 1);
    expect(rows.at(-1)).toContain('留出的真诗');
    const dpo = input.ladder!.models.find(({ name, constrained }) => name === 'DPO' && !constrained)!;
    const shown = rows.find((row) => row.startsWith('DPO') && !row.includes('格律约束'))!;
    expect(shown).toContain(`${Math.round((1000 * dpo.overall.all.k) / dpo.overall.all.n) / 10} %`);
    expect(await page.locator('table.forms tr.group').allTextContents()).toEqual([
      '五绝',
      '七绝',
      '五律',
      '七律',
      '浣溪沙',
    ]);
    expect(await page.locator('table.pairs tbody tr').count()).toBe(input.ladder!.pairs.length);
  });

  it('sets the answers to one prompt side by side, tones, rhymes and faults marked', async () => {
    const { page } = shared;
    const prompt = page.locator('#samples .prompt').first();
    expect(await prompt.locator('.columns').first().locator('h4').allTextContents()).toEqual([
      'base',
      'SFT',
      'DPO',
      '原作',
    ]);
    const boxes = await prompt
      .locator('.columns')
      .first()
      .locator('.sample')
      .evaluateAll((all) => all.map((e) => e.getBoundingClientRect().top));
    expect(new Set(boxes).size).toBe(1);
    const real = prompt.locator('.sample', { has: page.locator('h4', { hasText: '原作' }) });
    expect(await real.locator('.rhyme').allTextContents()).toEqual(['流', '樓']);
    expect(await real.locator('.line').first().getAttribute('title')).toBe('仄仄平平仄');
    expect(await page.locator('.fault').count()).toBeGreaterThan(0);
    // What one copies is the poem, without the marks.
    expect((await real.locator('.verse').innerText()).replace(/\s/gu, '')).toBe(
      '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。',
    );
  });

  it('names where lines come from', async () => {
    const { page } = shared;
    expect(await page.locator('#sources').innerText()).toContain('王之渙《登鸛雀樓》');
    expect(await page.locator('#sources mark').count()).toBeGreaterThan(0);
  });

  it('shows hostile text as text', async () => {
    const { page } = shared;
    expect(await page.locator('ul.notes li').last().textContent()).toBe(HOSTILE);
    expect(await page.locator('img').count()).toBe(0);
  });

  it.each([
    ['dark', 1280],
    ['light', 400],
    ['dark', 400],
  ] as const)('fits a %s window of %i pixels', async (colorScheme, width) => {
    const { page, complaints } = await open('en.html', { colorScheme, viewport: { width, height: 900 } });
    await picture(page, `report-${colorScheme}-${width}`);
    expect(complaints).toEqual([]);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width);
    const red = (property: string): Promise<number> =>
      page.evaluate<number>(`Number(/\\d+/.exec(getComputedStyle(document.body).${property})[0])`);
    expect((await red('color')) > (await red('backgroundColor'))).toBe(colorScheme === 'dark');
    await page.context().close();
  });

  it('follows a change of the colour scheme while open', async () => {
    const { page } = shared;
    const fills = (): Promise<string> => page.locator('.chart svg').first().innerHTML();
    const light = await fills();
    await page.emulateMedia({ colorScheme: 'dark' });
    await expect.poll(fills).not.toBe(light);
  });
});
