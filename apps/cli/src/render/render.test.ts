import { check } from '@tuiqiao/prosody';
import { parse } from 'csv-parse/sync';
import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import { displayWidth } from './align.ts';
import { CheckTally } from './check-tally.ts';
import { createMeter } from './meter.ts';
import { formatBytes, formatDuration, formatFigure, formatPercent } from './numbers.ts';
import { renderTable } from './table.ts';
import { renderVerdict } from './verdict.ts';
import { CSV_HEADER, verdictRow } from './verdict-csv.ts';
import { pageEnd, pageStart, poemArticle } from './verdict-html.ts';
import { namePolyphones } from './verdict-words.ts';

const plain = picocolors.createColors(false);
const coloured = picocolors.createColors(true);

describe('renderVerdict', () => {
  const good = check('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。');
  const bad = check('床前明月光，疑是地上霜。举头望明月，低头思故乡。');

  it('shows every line with its marks, the rhyme and the outcome', () => {
    const text = renderVerdict(good, '登鹳雀楼', 'zh', plain);
    expect(text).toMatch(/^登鹳雀楼 · 五绝（仄起，首句不入韵） · 平水韵 下平.*尤 · 合律\n/u);
    expect(text).toContain('1  白日依山尽  ●●○○●');
    expect(text).toContain('4  更上一层楼  ◎●●○○  韵');
  });

  it('tells faults in sentences, with what would fit', () => {
    const text = renderVerdict(bad, undefined, 'zh', plain);
    expect(text).toContain('不合律');
    expect(text).toMatch(/疵 {4}\d\.\d {3}失粘 {2}第3句失粘/u);
    expect(text).toContain('可改');
  });

  it('keeps the columns in place when colours are on', () => {
    const marks = renderVerdict(bad, undefined, 'en', coloured).split('\n').slice(2, 6);
    const starts = marks.map((line) => displayWidth(line.slice(0, line.search(/[○●◎]/u))));
    expect(new Set(starts).size).toBe(1);
    expect(marks[0]).toContain('\u001b[');
  });

  it('shows what has two readings, rare ones left out', () => {
    const verdict = check('遥看瀑布挂前川，日照香炉生紫烟。飞流直下三千尺，疑是银河落九天。', { polyphones: true });
    const text = renderVerdict(verdict, undefined, 'zh', plain);
    expect(text).toMatch(/多音 {2}1 {5}看 平（寒）仄（翰）→平/u);
    const rare = check('碧玉妆成一树高，万条垂下绿丝绦。不知细叶谁裁出，二月春风似剪刀。', { polyphones: true });
    expect(rare.polyphones!.length).toBeGreaterThan(namePolyphones(rare).flatMap(({ words }) => words).length);
    expect(poemArticle(verdict, undefined, 'en')).toContain('看 平（寒）仄（翰）→平');
  });

  it('shows a text that is no verse without falling over', () => {
    expect(renderVerdict(check('今天😀天气'), undefined, 'zh', plain)).toContain('？');
    expect(renderVerdict(check('…'), undefined, 'zh', plain)).toContain('不成体');
  });
});

describe('the page of verdicts', () => {
  const hostile = check({ id: 'a&b', text: '床前明月光，疑是地上霜。<b>月，低头思故乡。\ud800' });

  it('is one document that loads nothing and lets nothing of a poem through as markup', () => {
    const tally = new CheckTally();
    tally.add(hostile);
    tally.add(check('白日依山尽，黄河入海流。欲穷千里目，更上一层楼。'));
    const page = pageStart('zh') + poemArticle(hostile, '<script>"&', 'zh') + pageEnd(tally, 'zh');
    expect(page).not.toMatch(/<script|https?:|src=|@import|url\(/u);
    expect(page).toContain('&lt;script&gt;&quot;&amp;');
    expect(page).not.toMatch(/\p{Cs}/u);
    expect(page.match(/<(article|section|table|ul|ol)\b/gu)).toHaveLength(
      page.match(/<\/(article|section|table|ul|ol)>/gu)!.length,
    );
    expect(page).toMatch(/<td>合计<\/td><td>2<\/td>/u);
  });

  it('marks the place of a fault and says why in its tooltip', () => {
    const bad = check('床前明月光，疑是地上霜。举头望明月，低头思故乡。');
    expect(poemArticle(bad, undefined, 'zh')).toMatch(
      /<span class="slot ping bad" title="第3句失粘[^"]*"><b>头<\/b><i>○<\/i>/u,
    );
  });
});

describe('verdicts as CSV', () => {
  it('has as many cells as its head, quoted where they must be', () => {
    const verdict = check('床前明月光，疑是地上霜。举头望明月，低头思故乡。');
    const row = verdictRow(verdict, { text: '床前，\n"x"', title: 'a,b' });
    const [record] = parse(CSV_HEADER + row, { columns: true }) as Record<string, string>[];
    expect(record).toMatchObject({
      title: 'a,b',
      text: '床前，\n"x"',
      form: '五绝',
      rhyme: '下平阳',
      strict_all: 'false',
    });
    expect(record!.findings).toMatch(/^疵 \d\.\d 失/u);
  });
});

describe('displayWidth', () => {
  it.each([
    ['abc', 3],
    ['床前', 4],
    ['\u001b[31m床\u001b[39m', 2],
    ['e\u0301', 1],
    ['👨‍👩‍👧', 2],
    ['❤️', 2],
    ['𠮷', 2],
    ['', 0],
  ])('%j takes %i cells', (text, cells) => {
    expect(displayWidth(text)).toBe(cells);
  });
});

describe('renderTable', () => {
  it('aligns Chinese beside Latin', () => {
    const table = renderTable(
      [{ title: '体裁' }, { title: 'n', isNumber: true }],
      [
        ['七绝', 5],
        ['abc', 1234],
      ],
      plain,
    );
    const widths = table.split('\n').map((line) => displayWidth(line));
    expect(new Set(widths).size).toBe(1);
    expect(table.split('\n')).toHaveLength(3);
  });
});

describe('createMeter', () => {
  function record(isTerminal: boolean) {
    const written: string[] = [];
    let time = 0;
    const meter = createMeter({
      label: 'train',
      unit: 'steps',
      isTerminal,
      remaining: 'left',
      write: (text) => written.push(text),
      now: () => time,
    });
    return { meter, written, pass: (ms: number) => (time += ms) };
  }

  it('writes a plain line now and then where there is no terminal, with rate and remaining time', () => {
    const { meter, written, pass } = record(false);
    for (let step = 1; step <= 40; step++) {
      meter.update(step, 100, 'loss 1.5');
      pass(1000);
    }
    meter.stop();
    expect(written[0]).toBe('train · 1 % · 1/100 steps · loss 1.5\n');
    expect(written[1]).toBe('train · 11 % · 11/100 steps · loss 1.5 · left 1:29\n');
    expect(written.at(-1)).toBe('train · 40 % · 40/100 steps · loss 1.5 · left 1:00\n');
    expect(written).toHaveLength(5);
  });

  it('works the rate out when nobody tells it', () => {
    const { meter, written, pass } = record(false);
    meter.update(0, 50);
    pass(10_000);
    meter.update(25, 50);
    expect(written[1]).toBe('train · 50 % · 25/50 steps · 2.50 steps/s · left 0:10\n');
  });
});

describe('numbers', () => {
  it.each([
    [formatDuration(59.6), '1:00'],
    [formatDuration(3723), '1:02:03'],
    [formatDuration(Number.NaN), '–'],
    [formatBytes(1536), '1.5 KiB'],
    [formatBytes(25_276_502_016), '23.5 GiB'],
    [formatPercent(0.8734), '87.3 %'],
    [formatFigure(0.00012), '1.2e-4'],
    [formatFigure(1.23456), '1.235'],
    [formatFigure(0), '0'],
  ])('%s', (got, expected) => {
    expect(got).toBe(expected);
  });
});
