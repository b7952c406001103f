import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CliError } from '../errors.ts';
import { DEFAULT_COLUMNS, type PoemInput } from './poem-record.ts';
import { DEFAULT_READ_OPTIONS, type ReadOptions, readPoems } from './read-poems.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-poems-'));
});

async function file(name: string, text: string | Uint8Array): Promise<string> {
  const target = path.join(folder, name);
  await mkdir(path.dirname(target), { recursive: true });
  await writeFile(target, text);
  return target;
}

async function read(...sources: string[]): Promise<PoemInput[]> {
  return readWith({}, ...sources);
}

async function readWith(options: Partial<ReadOptions>, ...sources: string[]): Promise<PoemInput[]> {
  const poems: PoemInput[] = [];
  for await (const { poem } of readPoems(sources, { ...DEFAULT_READ_OPTIONS, ...options })) poems.push(poem);
  return poems;
}

async function refusal(source: string, options: Partial<ReadOptions> = {}): Promise<CliError> {
  try {
    await readWith(options, source);
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

describe('readPoems', () => {
  it('separates plain poems at blank lines and finds titles and authors', async () => {
    const source = await file(
      'a.txt',
      '\uFEFF静夜思\r\n李白\r\n床前明月光，疑是地上霜。\r\n举头望明月，低头思故乡。\r\n\r\n\r\n《登鹳雀楼》\n白日依山尽，黄河入海流。\n\n# 题\n欲穷千里目，更上一层楼。\n',
    );
    expect(await read(source)).toEqual([
      { title: '静夜思 李白', text: '床前明月光，疑是地上霜。\n举头望明月，低头思故乡。' },
      { title: '登鹳雀楼', text: '白日依山尽，黄河入海流。' },
      { title: '题', text: '欲穷千里目，更上一层楼。' },
    ]);
  });

  it('takes lines without punctuation as a poem, not as titles', async () => {
    const source = await file('a.txt', '床前明月光\n疑是地上霜\n举头望明月\n低头思故乡');
    expect(await read(source)).toEqual([{ text: '床前明月光\n疑是地上霜\n举头望明月\n低头思故乡' }]);
  });

  it('reads JSON lines with their fields, numbers as ids too', async () => {
    const source = await file(
      'a.jsonl',
      '\n{"id":7,"text":"甲","form":"五绝","other":1}\n\n{"text":"乙","tune":null}\n',
    );
    expect(await read(source)).toEqual([{ id: '7', text: '甲', form: '五绝' }, { text: '乙' }]);
  });

  it('reads a folder in order, and several sources one after the other', async () => {
    await file('d/2.txt', '乙');
    await file('d/1/x.jsonl', '{"text":"甲"}');
    await file('d/skip.png', 'x');
    const other = await file('z.txt', '丙');
    expect((await read(path.join(folder, 'd'), other)).map((poem) => poem.text)).toEqual(['甲', '乙', '丙']);
  });

  it.each([
    ['', 'no-poem', /no poem found$/],
    ['\n  \n', 'no-poem', /no poem found$/],
    ['{"text": 3}', 'input-bad', /line 1: "text": expected a poem, got 3$/],
    ['{"text":"a"}\n{"txt":"b"}', 'input-bad', /line 2: expected "text" with the poem, got txt; did you mean "txt"\?$/],
    ['{"text":"a"}\nnot json', 'input-bad', /line 2: expected a JSON object/],
    ['{"text":"a","form":5}', 'input-bad', /line 1: "form": expected text, got 5$/],
  ])('refuses %j', async (text, code, message) => {
    const error = await refusal(await file('a.txt', text));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('refuses a file in another encoding and one that is not there', async () => {
    const gbk = await file('gbk.txt', new Uint8Array([0xb4, 0xb2, 0xc7, 0xb0]));
    expect((await refusal(gbk)).message).toMatch(/gbk\.txt: expected utf-8 text$/);
    expect((await refusal(path.join(folder, 'none'))).code).toBe('input-not-found');
  });

  it('takes other encodings when they are named, and UTF-16 by its mark', async () => {
    const gbk = await file('gbk.txt', new Uint8Array([0xb4, 0xb2, 0xc7, 0xb0, 0xa3, 0xac]));
    expect(await readWith({ encoding: 'gb18030' }, gbk)).toEqual([{ text: '床前，' }]);
    const utf16 = await file('utf16.txt', Buffer.from('\uFEFF床前，', 'utf16le'));
    expect(await read(utf16)).toEqual([{ text: '床前，' }]);
    expect((await refusal(gbk, { encoding: 'gbx' })).message).toMatch(/^--encoding: expected an encoding .* got gbx$/);
  });

  it('refuses a binary file and a line that is no poem', async () => {
    const binary = await file('x.txt', new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 0, 1]));
    expect((await refusal(binary)).message).toMatch(/x\.txt: expected text, got a binary file$/);
    const endless = await file('y.txt', `床前\n${'月'.repeat((1 << 20) + 5)}`);
    expect((await refusal(endless)).message).toMatch(/y\.txt, line 2: longer than a poem can be$/);
  });

  it('reads CSV with the columns that are named, poems over several lines too', async () => {
    const source = await file(
      'a.csv',
      '\uFEFF编号,题目,正文\r\n7,静夜思,"床前明月光，\n疑是""地""上霜。"\r\n8,,举头望明月\r\n',
    );
    const columns = { ...DEFAULT_COLUMNS, id: '编号', title: '题目', text: '正文' };
    expect(await readWith({ columns }, source)).toEqual([
      { id: '7', title: '静夜思', text: '床前明月光，\n疑是"地"上霜。' },
      { id: '8', text: '举头望明月' },
    ]);
    // What tables usually call them in Chinese need not be named.
    expect(await read(source)).toEqual(await readWith({ columns }, source));
    const other = await file('other.csv', '号,诗句\n1,床前明月光\n');
    expect((await refusal(other)).message).toMatch(/line 2: expected "text" with the poem, got 号, 诗句$/);
    expect((await refusal(other)).zh?.message).toMatch(/应有“text”一栏，现有 号, 诗句$/);
    const wrong = { ...columns, title: '标题' };
    expect((await refusal(source, { columns: wrong })).message).toMatch(/expected a column "标题"/);
  });

  it('says where CSV breaks off, and reads TSV and lists of lines in JSON', async () => {
    const broken = await file('b.csv', 'text,title\n"床前,静夜思\n');
    expect((await refusal(broken)).message).toMatch(/b\.csv: expected CSV, got: .*quote/i);
    const ragged = await file('c.csv', 'text,title\na,b,c\n');
    expect((await refusal(ragged)).message).toMatch(/c\.csv: expected CSV, got: .*line 2/);
    expect(await read(await file('d.tsv', 'text\ttitle\n"甲\t乙\n'))).toEqual([{ text: '"甲', title: '乙' }]);
    const list = await file('e.json', '[{"title":"甲","paragraphs":["床前，","疑是。"]}]');
    const columns = { ...DEFAULT_COLUMNS, text: 'paragraphs' };
    expect(await readWith({ columns }, list)).toEqual([{ title: '甲', text: '床前，\n疑是。' }]);
  });

  it('reads .json as a document over several lines, or as an object a line', async () => {
    const pretty = await file('f.json', JSON.stringify({ title: '甲', text: '床前。' }, null, 2));
    expect(await read(pretty)).toEqual([{ title: '甲', text: '床前。' }]);
    const lines = await file('g.json', '{"text":"床前。"}\n\n{"text":"疑是。"}\n');
    expect(await read(lines)).toEqual([{ text: '床前。' }, { text: '疑是。' }]);
    const broken = await refusal(await file('h.json', '{"text":\n"床前。"'));
    expect(broken.message).toMatch(/h\.json: expected a JSON object/);
  });
});
