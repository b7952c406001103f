/** Tokenizers from and to model folders. */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { readGguf } from '../checkpoint/gguf.ts';
import { isGguf } from '../checkpoint/open-model.ts';
import { writeTextFile } from '../checkpoint/write-text-file.ts';
import { LmError } from '../errors.ts';
import { ggufTokenizerFiles } from '../gguf/gguf-tokenizer.ts';
import { isCharacterTokenizer, openCharacterTokenizer } from './character-tokenizer.ts';
import { checkVocabulary } from './check-vocabulary.ts';
import { isJsonObject, type Json } from './json.ts';
import { createLibraryTokenizer } from './library-tokenizer.ts';
import type { Tokenizer, TokenizerFiles } from './tokenizer.ts';

const TOKENIZER_FILE = 'tokenizer.json';
const CONFIG_FILE = 'tokenizer_config.json';
/** Newer transformers keep the template in a file of its own. */
const TEMPLATE_FILE = 'chat_template.jinja';
/** The largest published ones (256 k tokens with merges) are about 35 MB. */
const MAX_FILE_BYTES = 256 << 20;

/**
 * Reads `tokenizer.json` with, where they are, `tokenizer_config.json` and `chat_template.jinja`; or the vocabulary inside a
 * GGUF file.
 * @throws LmError `tokenizer-missing`, `tokenizer-malformed`, `chat-template-failed`; of a GGUF file also
 *   `checkpoint-malformed`, `model-feature-unsupported`
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  if (await isGguf(folder)) return createTokenizer(ggufTokenizerFiles(readGguf(folder)));
  const file = path.join(folder, TOKENIZER_FILE);
  if (!existsSync(file)) {
    throw new LmError('tokenizer-missing', `loadTokenizer: expected ${TOKENIZER_FILE} in ${folder}`);
  }
  const tokenizerJson = await readJson(file);
  const configFile = path.join(folder, CONFIG_FILE);
  let tokenizerConfig = existsSync(configFile) ? await readJson(configFile) : {};
  const templateFile = path.join(folder, TEMPLATE_FILE);
  if (existsSync(templateFile)) {
    tokenizerConfig = { ...tokenizerConfig, chat_template: await readText(templateFile) };
  }
  return createTokenizer({ tokenizerJson, tokenizerConfig });
}

/**
 * A tokenizer from parsed files: the direct one for vocabularies of single characters, else the library's.
 * @throws LmError `tokenizer-malformed`, `chat-template-failed`
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  checkVocabulary(files.tokenizerJson);
  return isCharacterTokenizer(files) ? openCharacterTokenizer(files) : createLibraryTokenizer(files);
}

/** Writes the two files. @throws LmError `checkpoint-write-failed` */
export async function saveTokenizer({ tokenizerJson, tokenizerConfig }: TokenizerFiles, folder: string): Promise<void> {
  await writeTextFile(path.join(folder, TOKENIZER_FILE), `${JSON.stringify(tokenizerJson, null, 1)}\n`);
  await writeTextFile(path.join(folder, CONFIG_FILE), `${JSON.stringify(tokenizerConfig, null, 2)}\n`);
}

async function readJson(file: string): Promise<Json> {
  let json: unknown;
  try {
    json = JSON.parse(await readText(file));
  } catch (cause) {
    if (cause instanceof LmError) throw cause;
    throw new LmError('tokenizer-malformed', `${file}: expected JSON, got ${(cause as Error).message}`, { cause });
  }
  if (!isJsonObject(json)) throw new LmError('tokenizer-malformed', `${file}: expected a JSON object`);
  return json;
}

async function readText(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size > MAX_FILE_BYTES) {
    throw new LmError('tokenizer-malformed', `${file}: expected at most ${MAX_FILE_BYTES} bytes, got ${size}`);
  }
  return readFile(file, 'utf8');
}
