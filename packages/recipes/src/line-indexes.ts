/** Where copied lines are looked up: the starter corpus by name, and what the model itself was trained on. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { buildLineIndex, LineIndex, loadStarter } from '@tuiqiao/corpus';

/** In a model's folder: hashes of every line it was trained on, without authors and titles. */
export const TRAINING_LINES_FILE = 'training-lines.bin';

/** The model's own lines where its folder has them; the starter's, with sources, always and first. */
export async function openLineIndexes(modelFolder: string): Promise<LineIndex[]> {
  const starter = (await loadStarter()).filter((poem) => poem.labels.split !== 'test');
  const indexes = [buildLineIndex(starter)];
  const file = path.join(modelFolder, TRAINING_LINES_FILE);
  if (existsSync(file)) indexes.push(LineIndex.parse(await readFile(file)));
  return indexes;
}
