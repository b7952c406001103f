import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Poem } from './poem.ts';
import { loadPoems, readPoems, writePoemFile } from './poem-file.ts';
import { splitOfCluster } from './split.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'poem-file-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function poem(id: string): Poem {
  return {
    id,
    source: 'shi.tang',
    dynasty: '唐',
    author: '某',
    title: '題',
    text: '白日依山盡，黃河入海流。',
    labels: {
      form: '古',
      start: null,
      firstLineRhymes: null,
      rhyme: null,
      tune: null,
      theme: null,
      faults: null,
      isFlawless: false,
      cluster: 1,
      split: 'train',
    },
  };
}

describe('poem files', () => {
  it('come back as they were written, whole or one by one', async () => {
    const poems = Array.from({ length: 20_000 }, (_, i) => poem(`p${i}`));
    const file = path.join(folder, 'a', 'poems.jsonl.gz');
    const written = await writePoemFile(file, poems);
    expect(written.poems).toBe(poems.length);
    expect(await loadPoems(file)).toEqual(poems);
    const streamed: string[] = [];
    for await (const { id } of readPoems(file)) streamed.push(id);
    expect(streamed).toEqual(poems.map(({ id }) => id));
  });

  it('leave nothing behind when writing fails midway', async () => {
    function* failing(): Generator<Poem> {
      for (let i = 0; i < 9000; i++) yield poem(`p${i}`);
      throw new Error('no more');
    }
    const file = path.join(folder, 'poems.jsonl.gz');
    await expect(writePoemFile(file, failing())).rejects.toThrow();
    expect(await readdir(folder)).toEqual([]);
  });

  it('say what is wrong: missing, cut, not JSON', async () => {
    const file = path.join(folder, 'poems.jsonl.gz');
    await expect(loadPoems(file)).rejects.toMatchObject({ code: 'corpus-missing' });
    await writePoemFile(file, [poem('a'), poem('b')]);
    const bytes = await readFile(file);
    await writeFile(file, bytes.subarray(0, bytes.length - 20));
    await expect(loadPoems(file)).rejects.toMatchObject({ code: 'corpus-damaged' });
    await writeFile(file, 'plain text');
    await expect(loadPoems(file)).rejects.toMatchObject({ code: 'corpus-damaged' });
    await expect(
      (async () => {
        for await (const each of readPoems(file)) expect(each).toBeDefined();
      })(),
    ).rejects.toMatchObject({ code: 'corpus-damaged' });
  });
});

describe('splitOfCluster', () => {
  it('depends on the id alone and keeps the shares', () => {
    const counts = { train: 0, validation: 0, test: 0 };
    for (let i = 0; i < 50_000; i++) counts[splitOfCluster(`id-${i}`)]++;
    expect(splitOfCluster('id-7')).toBe(splitOfCluster('id-7'));
    // 1,000 expected, standard deviation 31.
    expect(Math.abs(counts.validation - 1000)).toBeLessThan(160);
    expect(Math.abs(counts.test - 1000)).toBeLessThan(160);
  });

  it('never changes for a published id', () => {
    expect(['3ad6d468-7ff1-4a7b-8b24-a27d70d00ed4', 'ci.song.0.json:5'].map(splitOfCluster)).toEqual([
      'train',
      'train',
    ]);
  });
});
