// checker(t→s(poem)) never finds more 疵 than checker(poem): over every poem of the pulled corpus, else over the starter one.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findPoemFolder } from '../../../tools/prosody/poem-folder.mjs';
import { loadStarter } from '../../corpus/src/index.ts';
import { check } from '../src/check.ts';
import { simplifyCharacter } from '../src/scripts.ts';

const folder = findPoemFolder('quantangshi');

function countFaults(text: string): number {
  return check(text).findings.reduce((count, { verdict }) => count + (verdict === '疵' ? 1 : 0), 0);
}

function findWorse(texts: Iterable<string>): { count: number; worse: string[] } {
  const worse: string[] = [];
  let count = 0;
  for (const text of texts) {
    count++;
    const simplified = Array.from(text, simplifyCharacter).join('');
    if (countFaults(simplified) > countFaults(text)) worse.push(text);
  }
  return { count, worse };
}

function* readTexts(): Iterable<string> {
  for (const file of readdirSync(folder!)) {
    if (!/^poet\.(tang|song)\.\d+\.json$/.test(file)) continue;
    const poems: { paragraphs: string[] }[] = JSON.parse(readFileSync(path.join(folder!, file), 'utf8'));
    for (const { paragraphs } of poems) yield paragraphs.join('');
  }
}

describe('simplifying a text', () => {
  it.skipIf(folder === undefined)('never adds a 疵, in any poem of the corpus', () => {
    const { count, worse } = findWorse(readTexts());
    expect(count).toBeGreaterThan(311_000);
    expect(worse).toEqual([]);
  });

  it('never adds a 疵, in any poem of the starter corpus', async () => {
    const poems = await loadStarter();
    const { count, worse } = findWorse(poems.filter(({ source }) => source.startsWith('shi')).map(({ text }) => text));
    expect(count).toBeGreaterThan(500);
    expect(worse).toEqual([]);
  });
});
