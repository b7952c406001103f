import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { PoemRequest } from '@tuiqiao/corpus';
import { loadTokenizer, type Tokenizer } from '@tuiqiao/lm';
import { check } from '@tuiqiao/prosody';
import { type DpoRecipe, parseRecipe } from '@tuiqiao/schema';
import { readTrainerLog } from '@tuiqiao/tune';
import { promptIdsFor, type WrittenPoem } from '@tuiqiao/verse';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { type CharacterPairs, characterPairs } from './character-pairs.ts';
import { runDpo } from './dpo.ts';
import { plainRequest } from './poet/requests.ts';

let folder = '';
let poet: TinyPoet;
let tokenizer: Tokenizer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-characters-'));
  poet = await createTinyPoet(folder);
  tokenizer = await loadTokenizer(poet.model);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A real poem as if the policy had written it, with what was refused and how much was taken away at one place. */
function written(place: number, refused: string, removed: number): WrittenPoem & { request: PoemRequest } {
  const poem = poet.poems[0]!;
  const ids = tokenizer.encode(poem.text.replaceAll('\n', ''), { addSpecialTokens: false });
  const masses = Array<number>(ids.length + 1).fill(1);
  const none = Array<number | null>(ids.length + 1).fill(null);
  return {
    request: plainRequest(poem),
    text: poem.text,
    ids,
    allowedMass: masses.with(place, 1 - removed),
    refused: none.with(place, tokenizer.tokenToId(refused)),
  } as unknown as WrittenPoem & { request: PoemRequest };
}

describe('characterPairs', () => {
  it('sets what was written against what was refused, after the same beginning', () => {
    const poem = written(5, '。', 1);
    const pairs = characterPairs(poem, 'own:7', tokenizer, 1);
    expect(pairs).toHaveLength(1);
    const [pair] = pairs;
    expect(pair).toMatchObject({ id: 'own:7 5', promptIds: promptIdsFor(tokenizer, poem.request) });
    expect(pair!.chosenIds).toEqual(poem.ids.slice(0, 6));
    expect(pair!.rejectedIds).toEqual([...poem.ids.slice(0, 5), tokenizer.tokenToId('。')]);
  });

  it('names the rules the refused character would break', () => {
    const early = characterPairs(written(2, '，', 1), 'own:0', tokenizer, 1);
    expect(early[0]!.tags).toContain('zishu');
    const rhyme = [...poet.poems[0]!.text].findIndex((_, i, text) => text[i + 1] === '。');
    const again = characterPairs(written(24 - 2, [...poet.poems[0]!.text][rhyme]!, 1), 'own:0', tokenizer, 1);
    expect(again[0]!.tags).toContain('chongyun');
  });

  it('knows the end, which comes after the last character', () => {
    const poem = written(24, '山', 1);
    const [pair] = characterPairs(poem, 'own:0', tokenizer, 1);
    expect(pair!.chosenIds).toEqual([...poem.ids, tokenizer.eosTokenId]);
    expect(pair!.rejectedIds.length).toBe(pair!.chosenIds.length);
    expect(pair!.tags).toContain('zishu');
  });

  it('takes a place as often as the rules took its character away', () => {
    let taken = 0;
    for (let i = 0; i < 2000; i++) taken += characterPairs(written(3, '山', 0.3), `own:${i}`, tokenizer, 1).length;
    // Binomial: 600 ± 4 standard deviations.
    expect(Math.abs(taken - 600)).toBeLessThan(4 * Math.sqrt(2000 * 0.3 * 0.7));
    expect(characterPairs(written(3, '山', 0), 'own:0', tokenizer, 1)).toEqual([]);
  });
});

describe('runDpo on pairs of characters', () => {
  it('prefers what the rules allow, on poems that keep them all', async () => {
    const outputDir = path.join(folder, 'run');
    const notes: string[] = [];
    const { recipe } = parseRecipe({
      stage: 'dpo',
      model: poet.model,
      dataset: [poet.corpus],
      kernels: 'reference',
      computeType: 'f32',
      lora: { rank: 4 },
      pairs: { source: 'characters', prompts: 8, samplesPerPrompt: 1 },
      dpo: { beta: 1, sftWeight: 1 },
      batchSize: 32,
      maxSteps: 6,
      learningRate: 0.02,
      loggingSteps: 1,
      outputDir,
    });
    const result = await runDpo(recipe as DpoRecipe, {
      onEvent: (event) => event.type === 'run-start' && notes.push(...event.notes),
    });
    expect(result).toMatchObject({ outcome: 'done', step: 6 });
    expect(notes.join('\n')).toMatch(/Pairs: \d+ characters of 8 poems of the policy, where the rules took away/);
    const { characters } = JSON.parse(await readFile(path.join(outputDir, 'pairs.json'), 'utf8')) as {
      characters: CharacterPairs;
    };
    expect(characters.pairs.length).toBeGreaterThan(32);
    const longest = new Map<string, string>();
    for (const { id, promptIds, chosenIds, rejectedIds } of characters.pairs) {
      expect(chosenIds.length).toBe(rejectedIds.length);
      expect(Array.from(chosenIds).slice(0, -1)).toEqual(Array.from(rejectedIds).slice(0, -1));
      expect(Array.from(promptIds).length).toBeGreaterThan(1);
      longest.set(id.split(' ')[0]!, tokenizer.decode(Array.from(chosenIds), { skipSpecialTokens: true }));
    }
    const whole = [...longest.values()].filter((text) => text.length === 24);
    expect(whole.length).toBeGreaterThan(0);
    for (const text of whole) expect(check({ text, form: '五绝' }).strict.all, text).toBe(true);
    const log = await readTrainerLog(path.join(outputDir, 'trainer_log.jsonl'));
    // Policy and reference begin as one: the preference costs log 2, the likelihood term comes on top.
    expect(Number(log[0]!['rewards/margins'])).toBeCloseTo(0, 5);
    expect(Number(log.at(-1)!['rewards/margins'])).toBeGreaterThan(0.1);
    expect(Number(log.at(-1)!['rewards/accuracies'])).toBeGreaterThan(0.6);
  });
});
