/** The line index of the built corpus' training poems: made once, kept beside the poems. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { corpusFolder, loadCorpus } from '../build.ts';
import { defaultCacheFolder } from '../cache-folder.ts';
import { buildLineIndex, LineIndex } from './line-index.ts';

const INDEX_FILE = 'train-lines.index';

/**
 * Index over every training poem of the built corpus. The first call builds it (11 s, 93 MB on disk), later ones read it (2 s).
 *
 * @throws CorpusError `corpus-missing` when the corpus is not built
 */
export async function loadCorpusLineIndex(cacheDir: string = defaultCacheFolder()): Promise<LineIndex> {
  const file = path.join(corpusFolder(cacheDir), INDEX_FILE);
  const bytes = await readFile(file).catch(() => null);
  if (bytes) return LineIndex.parse(bytes);
  const poems = (await loadCorpus(cacheDir)).filter(({ labels }) => labels.split === 'train');
  const index = buildLineIndex(poems);
  await writeFileAtomic(file, index.serialize());
  return index;
}
