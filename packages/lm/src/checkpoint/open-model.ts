/** A model on disk, whatever its format: its config, and where its weights are. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';
import { weightSources } from './bitsandbytes.ts';
import { openCheckpoint } from './checkpoint.ts';
import { parseConfig, readConfig } from './config-json.ts';
import { type GgufFile, readGguf } from './gguf.ts';
import { ggufConfig } from './gguf-model.ts';
import { ggufSources } from './gguf-weights.ts';
import type { WeightSources } from './weight-source.ts';

export interface OpenedModel {
  readonly config: ModelConfig;
  readonly weights: WeightSources;
  /** Present for a GGUF file: its tokenizer is in the metadata. */
  readonly gguf: GgufFile | null;
}

/**
 * @param location a folder with `config.json` and safetensors (4-bit ones of bitsandbytes included), or a `.gguf` file
 * @throws LmError `checkpoint-missing`, `checkpoint-malformed`, `config-malformed`, `model-type-unknown`,
 *   `model-feature-unsupported`
 */
export async function openModel(location: string): Promise<OpenedModel> {
  if (await isGguf(location)) {
    const gguf = readGguf(location);
    const config = parseConfig(await ggufConfig(gguf));
    return { config, weights: ggufSources(gguf, config), gguf };
  }
  const config = await readConfig(location);
  const weights = await weightSources(await openCheckpoint(location));
  return { config: withoutStaleQuantization(config, weights), weights, gguf: null };
}

/** The config alone. @throws as `openModel` */
export async function readModelConfig(location: string): Promise<ModelConfig> {
  return (await isGguf(location)) ? parseConfig(await ggufConfig(readGguf(location))) : readConfig(location);
}

/** True for a file that ends in `.gguf`. */
export async function isGguf(location: string): Promise<boolean> {
  if (path.extname(location).toLowerCase() !== '.gguf') return false;
  const isFile = await stat(location).then(
    (stats) => stats.isFile(),
    () => false,
  );
  if (!isFile) throw new LmError('checkpoint-missing', `openModel: expected a file at ${location}`);
  return true;
}

/** Weights are saved in floats again, so the note on their quantisation must not be. */
function withoutStaleQuantization(config: ModelConfig, weights: WeightSources): ModelConfig {
  if (![...weights.values()].some(({ fourBit }) => fourBit !== null)) return config;
  const { quantization_config: _note, ...raw } = config.raw;
  return { ...config, raw };
}
