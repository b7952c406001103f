import { createReferenceKernels } from '@tuiqiao/kernels';
import type { LanguageModel, Tokenizer } from '@tuiqiao/lm';
import { loadBook, splitText } from '@tuiqiao/prosody';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileRequest, type WritingRequest } from './request-plan.ts';
import { loadTokenInventory } from './token-inventory.ts';
import { createPoetTokenizer, createTinyModel } from './verse-model.case.ts';
import { type WritePoemsOptions, writePoems } from './write-poems.ts';

let model: LanguageModel;
let tokenizer: Tokenizer;

beforeAll(async () => {
  ({ tokenizer } = await createPoetTokenizer());
  model = createTinyModel(createReferenceKernels(), tokenizer.vocabSize, tokenizer.eosTokenId!);
}, 60_000);

const write = (requests: readonly WritingRequest[], more: Partial<WritePoemsOptions> = {}) =>
  writePoems({ model, tokenizer, requests, isConstrained: true, seed: 5, ...more });

describe('poems by beam search', () => {
  it('keep every rule, differ, and stand best first; the seed changes nothing', async () => {
    const requests: WritingRequest[] = [
      ...Array(4).fill({ form: '五绝', rhyme: '東' }),
      { form: '词', tune: '如梦令' },
    ];
    const beams = { numBeams: 4 };
    const poems = await write(requests, { beams });
    expect(poems.map(({ isAccepted }) => isAccepted)).toEqual(Array(5).fill(true));
    const [first, ...others] = poems.slice(0, 4);
    expect(new Set(poems.map(({ text }) => text)).size).toBe(5);
    expect(others.every(({ logProb }) => logProb <= first!.logProb + 1e-4)).toBe(true);
    expect((await write(requests, { beams, seed: 6 })).map(({ text }) => text)).toEqual(poems.map(({ text }) => text));
  });

  it('in groups begin otherwise where the likeliest begin alike', async () => {
    const requests = Array<WritingRequest>(4).fill({ form: '五绝' });
    const alike = await write(requests, { beams: { numBeams: 4 } });
    const diverse = await write(requests, { beams: { numBeams: 4, numBeamGroups: 4, diversityPenalty: 100 } });
    const begins = (poems: typeof alike) => new Set(poems.map(({ text }) => [...text][0])).size;
    expect(begins(diverse)).toBe(4);
    expect(begins(alike)).toBeLessThan(4);
    expect(diverse.every(({ isAccepted }) => isAccepted)).toBe(true);
  });

  it('are no more than there are beams', async () => {
    await expect(write(Array(3).fill({ form: '五绝' }), { beams: { numBeams: 2 } })).rejects.toMatchObject({
      code: 'verse-request',
    });
  });
});

describe('the answer to a line', () => {
  it('has its length and the opposite tones, rhymes as asked, and repeats none of its characters', async () => {
    const couplet = '白日依山盡';
    const asked = { form: '联', couplet, noRepeatedCharacters: true, parallelism: 0.5 };
    const poems = await write([...Array(8).fill(asked), ...Array(4).fill({ ...asked, rhyme: '尤' })]);
    for (const [i, { text, isAccepted, score, verdict }] of poems.entries()) {
      const [upper, lower] = splitText(text).lines;
      expect(isAccepted).toBe(true);
      expect(upper!.text).toBe(couplet);
      expect(lower!.chars).toHaveLength(5);
      expect(lower!.chars.some((char) => couplet.includes(char))).toBe(false);
      expect(verdict.lines[1]!.tones).toMatch(/^.平.仄平$/u);
      expect(score.parallelism).toBe(verdict.parallelism!.couplets[0]!.score);
      const groups = loadBook('pingshui')
        .readings(lower!.chars[4]!)
        .map(({ group }) => group);
      if (i >= 8) expect(groups).toContain(loadBook('pingshui').findGroup('尤')!.id);
    }
    const free = await write(Array(8).fill({ ...asked, parallelism: 0 }));
    const mean = (own: typeof poems) => own.reduce((sum, { score }) => sum + score.parallelism!, 0) / own.length;
    expect(mean(poems.slice(0, 8))).toBeGreaterThan(mean(free));
  });

  it('counts the lower line only, and keeps an upper line of two clauses', async () => {
    const [poem] = await write([{ form: '联', couplet: '風聲雨聲讀書聲，聲聲入耳' }]);
    expect(poem!.text.startsWith('風聲雨聲讀書聲，聲聲入耳，')).toBe(true);
    expect(splitText(poem!.text).lines.map(({ chars }) => chars.length)).toEqual([7, 4, 7, 4]);
    expect(poem!.logProb).toBeLessThan(0);
    await expect(write([{ form: '联', couplet: '白日依山', rhyme: '東' }])).rejects.toMatchObject({
      code: 'verse-request',
      hint: expect.stringContaining('tuiqiao write --couplet 白日依山'),
    });
  });
});

describe('what a server keeps', () => {
  it('is the vocabulary of a tokenizer and the automaton of a form, whatever the title', () => {
    const tokens = loadTokenInventory(tokenizer);
    expect(loadTokenInventory(tokenizer)).toBe(tokens);
    const automaton = compileRequest({ form: '七律', title: '秋夜' }, tokens);
    expect(compileRequest({ form: '七律', title: '春日', author: '李白' }, tokens)).toBe(automaton);
    expect(compileRequest({ form: '七律', rhyme: '東' }, tokens)).not.toBe(automaton);
    for (let i = 0; i < 100; i++) compileRequest({ form: '五绝', embedded: [String(i)] }, tokens);
    expect(compileRequest({ form: '七律' }, tokens)).not.toBe(automaton);
  });
});
