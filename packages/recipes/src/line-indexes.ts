/** Where copied lines are looked up: the starter corpus by name, and what the model itself was trained on. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { buildLineIndex, LineIndex, loadStarter, type Poem } from '@tuiqiao/corpus';
import writeFileAtomic from 'write-file-atomic';

/** In a model's folder: hashes of every line it was pretrained on, so that copies are seen without the corpus. */
export const TRAINING_LINES_FILE = 'training-lines.bin.br';

/** The hashes carry no sources: those are in the corpus, for who has pulled it. */
const UNNAMED_SOURCE = { author: '訓練語料', title: '出處：tuiqiao corpus search' };

/** It never changes and costs half a second to build: several rungs of a ladder share it. */
let starterIndex: Promise<LineIndex> | null = null;

/** The lines of the starter corpus, with their sources; its test poems are not among them. */
export function openStarterIndex(): Promise<LineIndex> {
  starterIndex ??= loadStarter().then((poems) => buildLineIndex(poems.filter(({ labels }) => labels.split !== 'test')));
  return starterIndex;
}

/** Unpacked once for a process: a server asks for them at every poem. */
const ownIndexes = new Map<string, Promise<LineIndex>>();

function openOwnIndex(file: string): Promise<LineIndex> {
  const known = ownIndexes.get(file);
  if (known !== undefined) return known;
  const opening = readFile(file)
    .then((bytes) => promisify(brotliDecompress)(bytes))
    .then((bytes) => LineIndex.parse(bytes));
  ownIndexes.set(file, opening);
  // What could not be read is tried again next time.
  opening.catch(() => ownIndexes.delete(file));
  return opening;
}

/** The model's own lines where its folder has them; the starter's, with sources, always and first. */
export async function openLineIndexes(modelFolder: string): Promise<LineIndex[]> {
  const indexes = [await openStarterIndex()];
  const file = path.join(modelFolder, TRAINING_LINES_FILE);
  if (existsSync(file)) indexes.push(await openOwnIndex(file));
  return indexes;
}

/**
 * Writes the lines of the poems a model was trained on into its folder.
 * @param before the folder of the model it went on from: what that one has read stays read
 */
export async function saveTrainingLines(poems: readonly Poem[], folder: string, before?: string): Promise<void> {
  // One entry for all: without a poem number beside each hash the file is half as long.
  const text = poems.map((poem) => poem.text).join('\n');
  const own = buildLineIndex([{ ...UNNAMED_SOURCE, text }], { withGrams: false });
  const earlier = before === undefined ? '' : path.join(before, TRAINING_LINES_FILE);
  const index = existsSync(earlier) ? LineIndex.union([await openOwnIndex(earlier), own]) : own;
  const bytes = index.serialize();
  const packed = await promisify(brotliCompress)(bytes, {
    params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  });
  const file = path.join(folder, TRAINING_LINES_FILE);
  ownIndexes.delete(file);
  await writeFileAtomic(file, packed);
}
