import { rm } from 'node:fs/promises';
import path from 'node:path';
import { byteLength, type TensorToWrite, writeSafetensors } from './safetensors.ts';
import { writeTextFile } from './write-text-file.ts';

const DEFAULT_SHARD_BYTES = 5_000_000_000;

/**
 * Writes `model.safetensors`, or, beyond `maxShardBytes`, numbered shards and then their index. Files are complete
 * before their final names appear; the other layout's entry file, if one was there, is removed last.
 * @throws LmError `checkpoint-write-failed`
 */
export async function writeCheckpoint(
  folder: string,
  tensors: readonly TensorToWrite[],
  maxShardBytes: number = DEFAULT_SHARD_BYTES,
): Promise<void> {
  const single = path.join(folder, 'model.safetensors');
  const index = path.join(folder, 'model.safetensors.index.json');
  const shards = splitIntoShards(tensors, maxShardBytes);
  if (shards.length === 1) {
    await writeSafetensors(single, tensors);
    await rm(index, { force: true });
    return;
  }
  const weightMap: Record<string, string> = {};
  let totalBytes = 0;
  const padded = (number: number) => String(number).padStart(5, '0');
  for (const [number, shard] of shards.entries()) {
    const file = `model-${padded(number + 1)}-of-${padded(shards.length)}.safetensors`;
    await writeSafetensors(path.join(folder, file), shard);
    for (const tensor of shard) {
      weightMap[tensor.name] = file;
      totalBytes += byteLength(tensor.dtype, tensor.shape);
    }
  }
  const json = { metadata: { total_size: totalBytes }, weight_map: weightMap };
  await writeTextFile(index, `${JSON.stringify(json, null, 2)}\n`);
  await rm(single, { force: true });
}

function splitIntoShards(tensors: readonly TensorToWrite[], maxShardBytes: number): TensorToWrite[][] {
  const shards: TensorToWrite[][] = [[]];
  let used = 0;
  for (const tensor of tensors) {
    const size = byteLength(tensor.dtype, tensor.shape);
    if (used > 0 && used + size > maxShardBytes) {
      shards.push([]);
      used = 0;
    }
    shards.at(-1)!.push(tensor);
    used += size;
  }
  return shards;
}
