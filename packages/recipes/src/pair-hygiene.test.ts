import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { loadTokenizer, type Tokenizer } from '@tuiqiao/lm';
import { type DpoRecipe, parseRecipe, type RunWarning } from '@tuiqiao/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { runDpo } from './dpo.ts';
import { loadHeldOut, screenPairs } from './pair-hygiene.ts';
import { plainRequest } from './poet/requests.ts';
import { tokenizePair } from './preference-pairs.ts';

let folder = '';
let poet: TinyPoet;
let tokenizer: Tokenizer;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-hygiene-'));
  poet = await createTinyPoet(folder);
  tokenizer = await loadTokenizer(poet.model);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const pairOf = (index: number, chosen: string, rejected: string, request = plainRequest(poet.poems[index]!)) =>
  tokenizePair({ request, chosen, rejected, brokenRules: [] }, index, tokenizer);
const textOf = (index: number): string => poet.poems[index]!.text;

describe('screenPairs', () => {
  it('leaves out pairs that prefer nothing, stand there twice or leak, and counts each', () => {
    const heldOut = poet.poems.filter(({ labels }) => labels.split !== 'train');
    const leaked = heldOut[0]!;
    const [first, second] = leaked.text.split('。');
    const half = `${first}。${textOf(2).split('。')[1]}。`;
    expect(second).not.toBe('');
    const good = [pairOf(0, textOf(0), textOf(1)), pairOf(1, textOf(1), textOf(0))];
    const { pairs, excluded } = screenPairs(
      [
        ...good,
        pairOf(0, textOf(0), textOf(1)),
        pairOf(3, textOf(3), textOf(3)),
        pairOf(4, leaked.text, textOf(4)),
        pairOf(4, textOf(4), half),
        pairOf(5, textOf(5), textOf(6), plainRequest(leaked)),
      ],
      heldOut,
      tokenizer,
    );
    expect(pairs).toEqual(good);
    expect(excluded).toEqual({ identical: 1, duplicate: 1, heldOutPoem: 2, heldOutRequest: 1 });
  });

  it('knows validation and test poems of the starter whatever the data', async () => {
    const heldOut = await loadHeldOut([poet.poems]);
    expect(heldOut.length).toBeGreaterThan(100);
    expect(heldOut.every(({ labels }) => labels.split !== 'train')).toBe(true);
    const test = heldOut.find(({ labels }) => labels.split === 'test')!;
    expect(screenPairs([pairOf(0, textOf(0), textOf(1))], [test], tokenizer).pairs).toHaveLength(1);
  });
});

describe('a preference run', () => {
  const recipe = (rows: readonly object[], name: string) => async () => {
    const file = path.join(folder, `${name}.jsonl`);
    await writeFile(file, rows.map((row) => JSON.stringify(row)).join('\n'));
    const { recipe: parsed } = parseRecipe({
      stage: 'dpo',
      model: poet.model,
      dataset: [file],
      kernels: 'reference',
      computeType: 'f32',
      lora: { rank: 2 },
      maxSteps: 1,
      outputDir: path.join(folder, name),
    });
    const warnings: RunWarning[] = [];
    await runDpo(parsed as DpoRecipe, { onEvent: (event) => event.type === 'run-warning' && warnings.push(event) });
    return warnings;
  };
  const row = (index: number, chosen: string, rejected: string) => ({
    prompt: `題${index}`,
    chosen,
    rejected,
  });

  it('warns of what it left out and writes a data card', async () => {
    const warnings = await recipe(
      [
        row(1, textOf(0), textOf(1)),
        row(1, textOf(0), textOf(1)),
        row(2, textOf(2), textOf(2)),
        row(3, textOf(3), '春'),
      ],
      'card',
    )();
    expect(warnings.map(({ message }) => message)).toContain(
      'pairs left out: 1 whose chosen and rejected are the same; 1 that stand there twice',
    );
    const card = JSON.parse(await readFile(path.join(folder, 'card', 'data-card.json'), 'utf8'));
    expect(card).toMatchObject({
      training: 2,
      validation: 0,
      excluded: { identical: 1, duplicate: 1, heldOutPoem: 0, heldOutRequest: 0 },
      longer: { chosen: 1, rejected: 0, neither: 1 },
    });
    expect(card.tokens.rejected.min).toBeLessThan(card.tokens.chosen.min);
    const text = await readFile(path.join(folder, 'card', 'data-card.md'), 'utf8');
    expect(text).toMatch(/2 pairs to learn from, 0 held out.*left out: 1 whose chosen.*\| chosen \| 2\d\.\d/s);
  });

  it('stops when no pair prefers anything', async () => {
    await expect(recipe([row(1, textOf(0), textOf(0)), row(2, textOf(1), textOf(1))], 'same')()).rejects.toMatchObject({
      code: 'dpo-pairs',
    });
  });
});
