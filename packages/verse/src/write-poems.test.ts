import { buildLineIndex, type Poem } from '@tuiqiao/corpus';
import { createReferenceKernels } from '@tuiqiao/kernels';
import type { LanguageModel, Tokenizer } from '@tuiqiao/lm';
import { splitText } from '@tuiqiao/prosody';
import { beforeAll, describe, expect, it } from 'vitest';
import { polishPoem } from './polish/polish-poem.ts';
import type { WritingRequest } from './request-plan.ts';
import { createPoetTokenizer, createTinyModel } from './verse-model.case.ts';
import { type WritePoemsOptions, writePoems, writePoemsStream } from './write-poems.ts';

let model: LanguageModel;
let tokenizer: Tokenizer;
let poems: Poem[];

beforeAll(async () => {
  ({ tokenizer, poems } = await createPoetTokenizer());
  model = createTinyModel(createReferenceKernels(), tokenizer.vocabSize, tokenizer.eosTokenId!);
}, 60_000);

const write = (requests: readonly WritingRequest[], more: Partial<WritePoemsOptions> = {}) =>
  writePoems({ model, tokenizer, requests, isConstrained: true, seed: 5, ...more });
const linesOf = (text: string): string[] => splitText(text).lines.map(({ text: line }) => line);

describe('writing under a request', () => {
  it('gives the same poems whatever the batch, and every poem depends on its own place only', async () => {
    const requests: WritingRequest[] = [
      { form: '五绝' },
      { form: '词', tune: '如梦令' },
      { form: '七绝', embedded: ['山'] },
    ];
    const texts = (await write(requests)).map(({ text }) => text);
    expect((await write(requests, { slots: 1 })).map(({ text }) => text)).toEqual(texts);
    expect((await write(requests.slice(0, 2), { slots: 2 })).map(({ text }) => text)).toEqual(texts.slice(0, 2));
    expect((await write(requests, { seed: 6 })).map(({ text }) => text)).not.toEqual(texts);
  });

  it('tells lines as they are written, then the poem', async () => {
    const heard: string[] = [];
    for await (const event of writePoemsStream({
      model,
      tokenizer,
      requests: [{ form: '五绝' }],
      isConstrained: true,
      seed: 3,
    })) {
      if (event.type === 'line') heard.push(event.text);
      else expect(linesOf(event.poem.text)).toEqual(heard);
    }
    expect(heard).toHaveLength(4);
  });

  it('keeps what is fixed: acrostic, last characters, a line, single characters; and embeds the rest', async () => {
    const fixed = [
      { line: 1, position: 1, character: '春' },
      { line: 2, position: 1, character: '江' },
      { line: 2, position: 5, character: '秋' },
      { line: 3, position: 3, character: '月' },
    ];
    const [poem, other] = await write(Array(2).fill({ form: '五绝', fixed, embedded: ['風', '夜'] }));
    for (const { text, isAccepted } of [poem!, other!]) {
      const lines = linesOf(text);
      expect(isAccepted).toBe(true);
      for (const { line, position, character } of fixed) expect([...lines[line - 1]!][position - 1]).toBe(character);
      expect(text).toContain('風');
      expect(text).toContain('夜');
    }
  });

  it('writes 排律 of any even length, in no more rhymes than it needs', async () => {
    for (const lineCount of [10, 16, 30]) {
      const [poem] = await write([{ form: '五排', lineCount }]);
      expect(poem!.isAccepted).toBe(true);
      expect(linesOf(poem!.text)).toHaveLength(lineCount);
    }
  });

  it('repeats no character but directly, when told so', async () => {
    for (const poem of await write(Array(6).fill({ form: '七律', noRepeatedCharacters: true, allowsDoubling: true }))) {
      const characters = [...poem.text].filter((character) => !'，。'.includes(character));
      const again = characters.filter(
        (character, i) => characters.indexOf(character) < i && characters[i - 1] !== character,
      );
      expect(again, poem.text).toEqual([]);
    }
  });

  it('writes no line of an index, though given lines may be anybody’s', async () => {
    const free = await write(Array(8).fill({ form: '五绝' }));
    // The poems it would write, forbidden: every one must come out otherwise.
    const index = buildLineIndex(free.map(({ text }) => ({ author: '', title: '', text })));
    const others = await write(Array(8).fill({ form: '五绝' }), { lineIndexes: [index], rejectsCopies: true });
    for (const poem of others) {
      expect(poem.isAccepted).toBe(true);
      expect(poem.attempts).toBe(1);
      expect(poem.novelty!.copiedLines).toEqual([]);
    }
    const line = linesOf(free[0]!.text)[0]!;
    const given = [...line].map((character, i) => ({ line: 1, position: i + 1, character }));
    const [kept] = await write([{ form: '五绝', fixed: given }], { lineIndexes: [index], rejectsCopies: true });
    expect(linesOf(kept!.text)[0]).toBe(line);
    expect(index.find(line)).not.toBeNull();
    expect(kept!.novelty!.copiedLines).toEqual([]);
    expect(kept!.score.copies).toBe(0);
    const [answer] = await write([{ form: '联', couplet: line }], { lineIndexes: [index], rejectsCopies: true });
    expect(answer!.novelty!.copiedLines).toEqual([]);
  });

  it('speaks of the poem in the language asked for, and scores it alike', async () => {
    const requests: WritingRequest[] = Array(4).fill({ form: '七律' });
    const [chinese, english] = [await write(requests), await write(requests, { language: 'en' })];
    const messages = english.flatMap(({ verdict }) => verdict.findings.map(({ message }) => message));
    expect(messages.length).toBeGreaterThan(0);
    for (const message of messages) expect(message).toMatch(/[a-z]{3} [a-z]/u);
    expect(english.map(({ score }) => score)).toEqual(chinese.map(({ score }) => score));
  });

  it('writes no run of characters of an index, though given ones may be anybody’s', async () => {
    const free = await write(Array(8).fill({ form: '五绝' }));
    const index = buildLineIndex(free.map(({ text }) => ({ author: '', title: '', text })));
    const options = { lineIndexes: [index], forbiddenNgram: 3 };
    for (const poem of await write(Array(8).fill({ form: '五绝' }), options)) {
      expect(poem.isAccepted).toBe(true);
      expect(poem.novelty!.longestSharedNgram).toBeLessThan(3);
    }
    const line = linesOf(free[0]!.text)[0]!;
    const given = [...line].map((character, i) => ({ line: 1, position: i + 1, character }));
    const [kept] = await write([{ form: '五绝', fixed: given }], options);
    expect(kept!.isAccepted).toBe(true);
    expect(linesOf(kept!.text)[0]).toBe(line);
  });

  it('draws middle couplets towards 对仗', async () => {
    const mean = async (parallelism: number): Promise<number> => {
      const written = await write(Array(6).fill({ form: '五律', parallelism }));
      return written.reduce((sum, poem) => sum + poem.score.parallelism!, 0) / written.length;
    };
    expect(await mean(2)).toBeGreaterThan((await mean(0)) + 0.5);
  });

  it.each([
    [{ form: '五绝', fixed: [{ line: 2, position: 5, character: '月' }] }, /wants 平 and 月 is 仄/u, /应平而“月”是仄/u],
    [{ form: '五绝', rhyme: '沒有' }, /no rhyme group/u, undefined],
    [{ form: '五绝', embedded: ['龘'] }, /fits nowhere|inventory/u, undefined],
    [{ form: '五排', lineCount: 200 }, /512 positions/u, /512/u],
    [{ form: '五排', lineCount: 11 }, /even lineCount/u, /偶数/u],
    [{ form: '词', tune: '無此調' }, /no tune/u, /词牌/u],
  ])('refuses %j at once, with the reason in both languages', async (request, english, chinese) => {
    const refusal = write([request as WritingRequest]);
    await expect(refusal).rejects.toMatchObject({ code: 'verse-request', message: expect.stringMatching(english) });
    if (chinese !== undefined) {
      await expect(refusal).rejects.toMatchObject({ zh: { message: expect.stringMatching(chinese) } });
    }
  });
});

describe('推敲', () => {
  const poem = '鳥宿池邊樹，僧推月下門。過橋分野色，移石動雲根。';

  it('rewrites one character, ranked, and leaves the rest alone', async () => {
    const target = { kind: 'character', line: 2, position: 2 } as const;
    const result = await polishPoem({ model, tokenizer, text: poem, target, count: 8, seed: 1 });
    expect(result.suggestions).toHaveLength(8);
    for (const { text, changes, verdict, logProb, gain } of result.suggestions) {
      expect(changes).toEqual([{ line: 2, position: 2, from: '推', to: [...text][7] }]);
      expect(verdict.strict.all).toBe(true);
      expect(gain).toBeCloseTo(logProb - result.logProb, 6);
    }
    const ranks = result.suggestions.map(({ logProb }) => logProb);
    expect(ranks).toEqual([...ranks].sort((a, b) => b - a));
  });

  it.each([
    [{ kind: 'line', line: 3 } as const, [3]],
    [{ kind: 'couplet', couplet: 2 } as const, [3, 4]],
  ])('rewrites %j', async (target, lines) => {
    const { suggestions } = await polishPoem({ model, tokenizer, text: poem, target, candidates: 12, seed: 1 });
    expect(suggestions.length).toBeGreaterThan(0);
    for (const { text, changes, verdict } of suggestions) {
      expect(verdict.strict.all).toBe(true);
      expect(changes.every(({ line }) => (lines as number[]).includes(line))).toBe(true);
      expect(linesOf(text).filter((_, i) => !(lines as number[]).includes(i + 1))).toEqual(
        linesOf(poem).filter((_, i) => !(lines as number[]).includes(i + 1)),
      );
    }
  });

  it('mends what breaks a rule when nothing is asked for, and keeps marks and breaks as they were typed', async () => {
    // 台 is in no group with 流.
    const text = '白日依山盡，黃河入海流！\n欲窮千里目，更上一層臺？';
    const { target, suggestions } = await polishPoem({
      model,
      tokenizer,
      text,
      request: { form: '五绝' },
      candidates: 8,
      seed: 2,
    });
    expect(target).toEqual({ kind: 'faults' });
    expect(suggestions.length).toBeGreaterThan(0);
    for (const suggestion of suggestions) {
      expect(suggestion.verdict.strict.all).toBe(true);
      expect(suggestion.text.replace(/[^，！\n？]/gu, '')).toBe('，！\n，？');
    }
  });

  it('chooses the weakest line of a poem without faults, and polishes ci over stanzas', async () => {
    const ci = poems.find(({ labels }) => labels.tune === '浣溪沙' && labels.isFlawless)!;
    const { target, suggestions } = await polishPoem({
      model,
      tokenizer,
      text: ci.text,
      request: { tune: '浣溪沙' },
      candidates: 6,
      seed: 2,
    });
    expect(target.kind).toBe('line');
    expect(suggestions.length).toBeGreaterThan(0);
    for (const { verdict } of suggestions) expect(verdict.strict.all).toBe(true);
  });

  it('leaves faults elsewhere as they are, and refuses what has no form', async () => {
    const faulty = '白日依山盡，黃河入海流。欲窮千里目，更上一層臺。';
    const target = { kind: 'character', line: 3, position: 1 } as const;
    const request = { form: '五绝' };
    const { suggestions } = await polishPoem({ model, tokenizer, text: faulty, request, target, seed: 1 });
    expect(suggestions.length).toBeGreaterThan(0);
    expect(suggestions.every(({ text }) => text.endsWith('臺。'))).toBe(true);
    const free = { model, tokenizer, text: '大江東去，浪淘盡。', seed: 1 };
    await expect(polishPoem(free)).rejects.toMatchObject({ code: 'verse-request' });
    await expect(polishPoem({ ...free, text: '白日依山盡，黃河入海流。', request })).rejects.toThrow(/20 characters/u);
  });
});
