import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { RunEvent } from '@tuiqiao/schema';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildCorpus, corpusFolder, findCorpus, loadCorpus, readCorpus } from './build.ts';
import { loadCorpusLineIndex } from './index/corpus-index.ts';
import { PACKAGE_INTEGRITY } from './sources/package-pin.ts';
import { pulledFolder } from './sources/pull.ts';

let cacheDir: string;
beforeEach(async () => {
  cacheDir = await mkdtemp(path.join(tmpdir(), 'build-'));
});
afterEach(() => rm(cacheDir, { recursive: true, force: true }));

const JIANGNAN = ['江南好，', '风景旧曾谙。', '日出江花红胜火，', '春来江水绿如蓝。', '能不忆江南。'];

async function writePulled(): Promise<void> {
  const folder = pulledFolder(cacheDir);
  const put = async (file: string, content: unknown): Promise<void> => {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), JSON.stringify(content));
  };
  await put('quantangshi/表面结构字.json', { '{上休下鳥}': [{ font: '𪀪' }] });
  await put('quantangshi/poet.tang.0.json', [
    {
      id: 't1',
      author: '王之渙',
      title: '登鸛雀樓',
      paragraphs: ['白日依山盡，黄河入海流。', '欲窮千里目，更上一層樓。'],
    },
    { id: 't2', author: '佚名', title: '闕', paragraphs: ['冰□已鏤津，薄紅梅色冷。'] },
    {
      id: 't3',
      author: '朱斌',
      title: '登樓（一作王之渙詩）',
      paragraphs: ['白日依山盡，黃河入海流。', '欲窮千里目，更上一層樓。'],
    },
    {
      id: 't4',
      author: '白居易',
      title: '憶江南',
      paragraphs: ['白日依山盡，黃河入海流。', '某某某某某，某某某某某。'],
    },
  ]);
  await put('quantangshi/poet.song.0.json', [
    { id: 's1', author: '辛棄疾', title: '送客', paragraphs: ['静看春雪盡，閒坐夕陽遲。'] },
  ]);
  await put('songci/ci.song.0.json', [
    { author: '辛弃疾', rhythmic: '忆江南', paragraphs: JIANGNAN },
    { author: '某', rhythmic: '失调名', paragraphs: ['け然长啸。'] },
  ]);
  await writeFile(path.join(folder, 'pulled.json'), JSON.stringify({ integrity: PACKAGE_INTEGRITY }));
}

describe('buildCorpus', () => {
  it('asks for a pull when there is none', async () => {
    await expect(buildCorpus({ cacheDir })).rejects.toMatchObject({ code: 'corpus-missing' });
    expect(await findCorpus(cacheDir)).toBeNull();
  });

  it('cleans, drops copies, labels, splits and counts', async () => {
    await writePulled();
    const events: RunEvent[] = [];
    const manifest = await buildCorpus({ cacheDir, onEvent: (event) => events.push(event) });
    expect(manifest.read).toEqual({ 'shi.tang': 4, 'shi.song': 1, 'ci.song': 2 });
    expect(manifest.kept).toEqual({ 'shi.tang': 2, 'shi.song': 1, 'ci.song': 1 });
    expect(manifest.rules).toMatchObject({
      gaps: { 'shi.tang': { touched: 1, dropped: 1 } },
      'print-variants': { 'shi.tang': { touched: 1, dropped: 0 } },
      'simplified-slips': { 'shi.song': { touched: 1, dropped: 0 } },
      'title-notes': { 'shi.tang': { touched: 1, dropped: 0 } },
      'foreign-characters': { 'ci.song': { touched: 1, dropped: 1 } },
      'exact-duplicates': { 'shi.tang': { touched: 1, dropped: 1 } },
      'near-duplicates': { 'shi.tang': { touched: 3, dropped: 0 } },
    });
    expect(events.every((event) => event.type === 'progress')).toBe(true);

    const poems = await loadCorpus(cacheDir);
    expect(poems.map(({ id }) => id)).toEqual(['t1', 't4', 's1', 'ci.song.0.json:0']);
    expect(poems[0]).toMatchObject({
      text: '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。',
      labels: { form: '五绝', rhyme: '尤', theme: '写景', isFlawless: true },
    });
    expect(poems[1]!.labels.cluster).toBe(poems[0]!.labels.cluster);
    expect(poems[1]!.labels.split).toBe(poems[0]!.labels.split);
    expect(poems[2]).toMatchObject({ text: '靜看春雪盡，閒坐夕陽遲。', labels: { form: null, theme: '送别' } });
    // The poet's name as the shi write it, the tune as the book does.
    expect(poems[3]).toMatchObject({ author: '辛棄疾', title: '憶江南', labels: { form: '词', tune: '忆江南' } });

    const streamed: string[] = [];
    for await (const { id } of readCorpus(cacheDir)) streamed.push(id);
    expect(streamed).toEqual(poems.map(({ id }) => id));
    expect((await findCorpus(cacheDir))?.textSha256).toBe(manifest.textSha256);
  });

  it('builds the same bytes again', async () => {
    await writePulled();
    const first = await buildCorpus({ cacheDir });
    const second = await buildCorpus({ cacheDir });
    expect(second.files).toEqual(first.files);
    expect(second.textSha256).toBe(first.textSha256);
  });

  it('leaves nothing under the final name when it is stopped', async () => {
    await writePulled();
    const controller = new AbortController();
    const building = buildCorpus({
      cacheDir,
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'progress' && event.label === 'corpus-clean' && event.done > 0) controller.abort();
      },
    });
    await expect(building).rejects.toMatchObject({ code: 'aborted' });
    expect(await readdir(corpusFolder(cacheDir)).catch(() => [])).toEqual([]);
  });

  it('indexes the training lines once and reads the index afterwards', async () => {
    await expect(loadCorpusLineIndex(cacheDir)).rejects.toMatchObject({ code: 'corpus-missing' });
    await writePulled();
    await buildCorpus({ cacheDir });
    const poems = await loadCorpus(cacheDir);
    for (const index of [await loadCorpusLineIndex(cacheDir), await loadCorpusLineIndex(cacheDir)])
      for (const { text, labels, author } of poems) {
        const line = text.slice(0, 5);
        if (line === '江南好，風') continue;
        const found = index.find(line);
        if (labels.split === 'train') expect(found).not.toBeNull();
        else expect(found?.author).not.toBe(author);
      }
    expect(await readdir(corpusFolder(cacheDir))).toContain('train-lines.index');
  });

  it('names the file that is damaged', async () => {
    await writePulled();
    await writeFile(path.join(pulledFolder(cacheDir), 'quantangshi/poet.tang.0.json'), '[{"id":');
    await expect(buildCorpus({ cacheDir })).rejects.toMatchObject({
      code: 'corpus-damaged',
      message: expect.stringContaining('poet.tang.0.json'),
    });
  });
});
