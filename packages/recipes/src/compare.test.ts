// Two models and a judge behind a real HTTP server; sheets filled as readers fill them.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseOptions } from '@tuiqiao/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCompare } from './compare.ts';

const GOOD = '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。';
const BAD = '白日依山盡，黃河入海樓。';
const judged: string[] = [];
const server = createServer((request, response) => {
  let text = '';
  request.on('data', (part) => {
    text += part;
  });
  request.on('end', () => {
    const { model, messages } = JSON.parse(text) as { model: string; messages: { content: string }[] };
    const asked = messages[0]!.content;
    const answers: Record<string, () => string> = {
      good: () => GOOD,
      bad: () => BAD,
      // Prefers the longer poem, wherever it stands.
      fair: () => (asked.indexOf(GOOD) < asked.indexOf('【右】') ? '左边更好。\n左' : '比较之后\n右'),
      lazy: () => '左',
    };
    if (model === 'fair' || model === 'lazy') judged.push(asked);
    response.end(JSON.stringify({ choices: [{ message: { content: answers[model]!() }, finish_reason: 'stop' }] }));
  });
});
let folder: string;
let url: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'compare-'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

const optionsOf = (input: object) =>
  parseOptions('compare', {
    a: `zulu=${url}#good`,
    b: `yankee=${url}#bad`,
    forms: '五绝',
    count: 6,
    kernels: 'reference',
    outputDir: path.join(folder, 'review'),
    ...input,
  }).options;

describe('runCompare', { timeout: 180_000 }, () => {
  it('hides the order, reads filled sheets back, and turns votes into preference pairs', async () => {
    const { review } = await runCompare(optionsOf({ blind: true }));
    expect(review!.items).toBe(6);
    const page = await readFile(review!.page, 'utf8');
    const sheet = await readFile(review!.sheet, 'utf8');
    for (const text of [page, sheet]) expect(text).not.toMatch(/zulu|yankee/);

    // Each reader prefers the whole poem; the second calls two of them a tie.
    const rows = sheet.trimEnd().split('\r\n');
    const fill = (reader: string, ties: number): string =>
      rows
        .map((row, i) => {
          if (i === 0) return row;
          const left = row.split(',')[3]!;
          const preference =
            i <= ties ? 'tie' : GOOD.startsWith(left) && row.indexOf(GOOD) < row.indexOf(BAD) ? 'left' : 'right';
          return row.replace(/,,$/u, `,${preference},${reader}`);
        })
        .join('\r\n');
    const files = [path.join(folder, 'one.csv'), path.join(folder, 'two.csv')];
    await writeFile(files[0]!, fill('甲', 0));
    await writeFile(files[1]!, fill('乙', 2));
    const toPairs = path.join(folder, 'votes.jsonl');
    const { tally, pairs } = await runCompare(optionsOf({ a: undefined, b: undefined, read: files, toPairs }));
    expect(tally).toMatchObject({ a: 'zulu', b: 'yankee', votes: 12, items: 6, wins: { a: 10, b: 0, tie: 2 } });
    expect(tally!.winRate.mean).toBeCloseTo(11 / 12, 12);
    expect(tally!.agreement[0]).toMatchObject({ readers: ['乙', '甲'], n: 6 });
    expect(pairs!.rows).toBe(6);
    const dataset = (await readFile(toPairs, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(dataset[0]).toMatchObject({ chosen: GOOD, rejected: BAD, source: 'blind-review' });
  });

  it('asks a judge twice with sides swapped: who follows the side is no judge', async () => {
    const fair = await runCompare(optionsOf({ judge: `${url}#fair`, outputDir: path.join(folder, 'fair') }));
    expect(fair.judge).toMatchObject({ isSecondary: true, n: 6, winRate: { mean: 1 }, consistent: { k: 6, n: 6 } });
    expect(judged).toHaveLength(12);
    const report = await readFile(path.join(folder, 'fair', 'report.html'), 'utf8');
    expect(report).toContain('Secondary: the language model fair');
    const lazy = await runCompare(
      optionsOf({ blind: true, judge: `${url}#lazy`, outputDir: path.join(folder, 'lazy') }),
    );
    expect(lazy.judge).toMatchObject({ winRate: { mean: 0.5 }, consistent: { k: 0, n: 6 } });
  });

  it('says in a sentence what is missing', async () => {
    await expect(runCompare(optionsOf({ b: undefined }))).rejects.toMatchObject({ code: 'recipe-bad-value' });
    const read = [path.join(folder, 'none.csv')];
    await expect(runCompare(optionsOf({ read, outputDir: path.join(folder, 'no-review') }))).rejects.toMatchObject({
      code: 'sheet-malformed',
      message: expect.stringContaining('no key of a blind review'),
    });
    await writeFile(path.join(folder, 'wrong.csv'), 'id,preference\n1,perhaps\n');
    await expect(runCompare(optionsOf({ read: [path.join(folder, 'wrong.csv')] }))).rejects.toMatchObject({
      code: 'sheet-malformed',
      message: expect.stringContaining('row 2'),
    });
  });
});
