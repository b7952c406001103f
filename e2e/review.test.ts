import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeReview, readSheet, renderReviewPage } from '../packages/eval/src/index.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const SCREENSHOTS = process.env.TUIQIAO_SCREENSHOTS;
const BROWSER_TIMEOUT_MS = 120_000;

const answers = [
  ['登樓', '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。', '白日依山落，黃河向海流。思君千里外，獨上一層樓。'],
  ['相思', '紅豆生南國，春來發幾枝。願君多采擷，此物最相思。', '南國生紅豆，東風綠滿枝。勸君須採取，一粒一相思。'],
].map(([title, a, b]) => ({ form: '五绝', title: title!, prompt: `请写《${title}》`, a: a!, b: b! }));
const review = makeReview(answers, { a: 'new', b: 'old' }, 3);

describe.skipIf(CHROMIUM === undefined)(
  `the review page (Chromium: ${CHROMIUM ?? 'none'})`,
  { timeout: BROWSER_TIMEOUT_MS },
  () => {
    let folder: string;
    let browser: Browser;
    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'tuiqiao-review-'));
      await writeFile(path.join(folder, 'review.html'), renderReviewPage(review.items, 'test', 'en'));
      browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', '--disable-gpu'] });
    }, BROWSER_TIMEOUT_MS);
    afterAll(async () => {
      await browser?.close();
      await rm(folder, { recursive: true, force: true });
    });

    it('is filled in offline and saved as a sheet that reads back', async () => {
      const context = await browser.newContext({ viewport: { width: 900, height: 900 }, offline: true });
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      await page.goto(pathToFileURL(path.join(folder, 'review.html')).href);
      await page.fill('#reader', '陳, 三');
      await page.locator('[data-id="1"] [data-field="left_fluency"]').selectOption('5');
      await page.locator('[data-id="1"] input[value="right"]').check();
      await page.locator('[data-id="2"] input[value="tie"]').check();
      expect(await page.locator('#done').textContent()).toBe('2');
      if (SCREENSHOTS) await page.screenshot({ path: path.join(SCREENSHOTS, 'review.png'), fullPage: true });
      const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save')]);
      const file = path.join(folder, 'sheet.csv');
      await download.saveAs(file);
      expect(readSheet(await readFile(file, 'utf8'), 'sheet.csv')).toEqual([
        { reader: '陳, 三', id: '1', preference: 'right', scores: { fluency: { left: 5 } } },
        { reader: '陳, 三', id: '2', preference: 'tie', scores: {} },
      ]);
      expect(complaints).toEqual([]);
    });
  },
);
