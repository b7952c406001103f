/**
 * A checkpoint folder in the Hugging Face layout: `model.safetensors`, or shards listed by
 * `model.safetensors.index.json`. Opening reads headers only.
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { LmError } from '../errors.ts';
import { readSafetensorsHeader, type TensorEntry } from './safetensors.ts';

const SINGLE_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';
/** The largest published models have a few hundred shards. */
const MAX_SHARDS = 4096;

/** Every tensor of a checkpoint by name. */
export type Checkpoint = ReadonlyMap<string, TensorEntry>;

/** @throws LmError `checkpoint-missing`, `checkpoint-malformed` */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  const single = path.join(folder, SINGLE_FILE);
  if (existsSync(single)) return (await readSafetensorsHeader(single)).tensors;
  const index = path.join(folder, INDEX_FILE);
  if (existsSync(index)) return openShards(folder, index);
  throw new LmError('checkpoint-missing', `openCheckpoint: expected ${SINGLE_FILE} or ${INDEX_FILE} in ${folder}`, {
    hint: existsSync(path.join(folder, 'pytorch_model.bin'))
      ? 'pytorch_model.bin is not read (it can run code); convert it to safetensors.'
      : 'Give a model folder as Hugging Face lays it out.',
  });
}

async function openShards(folder: string, index: string): Promise<Checkpoint> {
  const weightMap = parseWeightMap(index, await readFile(index, 'utf8'));
  const files = [...new Set(weightMap.values())];
  if (files.length > MAX_SHARDS) {
    throw new LmError('checkpoint-malformed', `${index}: expected at most ${MAX_SHARDS} shards, got ${files.length}`);
  }
  const shards = new Map<string, ReadonlyMap<string, TensorEntry>>();
  for (const file of files) shards.set(file, (await readSafetensorsHeader(path.join(folder, file))).tensors);

  const tensors = new Map<string, TensorEntry>();
  for (const [name, file] of weightMap) {
    const entry = shards.get(file)?.get(name);
    if (entry === undefined) throw new LmError('checkpoint-malformed', `${index}: expected ${name} in ${file}`);
    tensors.set(name, entry);
  }
  const unlisted = [...shards].flatMap(([file, entries]) =>
    [...entries.keys()].filter((name) => weightMap.get(name) !== file).map((name) => `${name} (${file})`),
  );
  if (unlisted.length > 0) {
    throw new LmError('checkpoint-malformed', `${index}: expected every tensor listed, missing ${unlisted.join(', ')}`);
  }
  return tensors;
}

function parseWeightMap(index: string, text: string): Map<string, string> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new LmError('checkpoint-malformed', `${index}: expected JSON`, { cause });
  }
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== 'object' || map === null) {
    throw new LmError('checkpoint-malformed', `${index}: expected a weight_map object`);
  }
  const result = new Map<string, string>();
  for (const [name, file] of Object.entries(map)) {
    // A shard lies beside its index: a name with a folder in it could point anywhere on the machine.
    if (typeof file !== 'string' || file !== path.basename(file) || !file.endsWith('.safetensors')) {
      throw new LmError(
        'checkpoint-malformed',
        `${index}: expected a .safetensors file name for ${name}, got ${JSON.stringify(file)}`,
      );
    }
    result.set(name, file);
  }
  return result;
}
