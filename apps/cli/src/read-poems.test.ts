import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { CliError } from './errors.ts';
import { type PoemInput, readPoems } from './read-poems.ts';

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
  const poems: PoemInput[] = [];
  for await (const { poem } of readPoems(sources)) poems.push(poem);
  return poems;
}

async function refusal(...sources: string[]): Promise<CliError> {
  try {
    await read(...sources);
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
    ['{"text":"a"}\n{"txt":"b"}', 'input-bad', /line 2: "text": expected a poem, got nothing$/],
    ['{"text":"a"}\nnot json', 'input-bad', /line 2: expected a JSON object/],
    ['{"text":"a","form":5}', 'input-bad', /line 1: "form": expected text, got 5$/],
  ])('refuses %j', async (text, code, message) => {
    const error = await refusal(await file('a.txt', text));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it('refuses a file in another encoding and one that is not there', async () => {
    const gbk = await file('gbk.txt', new Uint8Array([0xb4, 0xb2, 0xc7, 0xb0]));
    expect((await refusal(gbk)).message).toMatch(/line 1: expected UTF-8 text$/);
    expect((await refusal(path.join(folder, 'none'))).code).toBe('input-not-found');
  });
});
