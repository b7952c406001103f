/** A reward that can be had without a poem is a defect: texts made to please the rules score below ordinary poems. */
import { buildLineIndex, loadStarter, type Poem, splitLines } from '@tuiqiao/corpus';
import { loadBook } from '@tuiqiao/prosody';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ComposedReward, composeReward } from './compose-reward.ts';
import { namedReward, REWARD_NAMES } from './named-rewards.ts';
import type { RewardExample } from './poem-reward.ts';

const FORMS = ['五绝', '七绝', '五律', '七律'] as const;
const book = loadBook('pingshui');

let known: Poem[];
let heldOut: Poem[];
let reward: ComposedReward<RewardExample>;
/** Characters that hardly a poem uses, of one known tone. */
let rare: string[];

beforeAll(async () => {
  const poems = await loadStarter();
  known = poems.filter(({ labels }) => labels.split !== 'test');
  heldOut = poems.filter(({ labels }) => labels.split === 'test');
  const texts = known.map(({ text }) => text);
  const materials = { lineIndexes: [buildLineIndex(known)], texts };
  reward = composeReward(REWARD_NAMES.map((name) => namedReward(name, materials)));
  const counts = new Map<string, number>();
  for (const text of texts) for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  rare = [...counts].filter(([, count]) => count <= 2).map(([char]) => char);
});

const exampleOf = ({ labels }: Poem): RewardExample => ({
  request: {
    ...(labels.tune === null ? { form: labels.form! } : { form: '词', tune: labels.tune }),
    ...(labels.rhyme === null ? {} : { rhyme: labels.rhyme }),
  },
});

/** Totals of held-out poems of the form as they are, faults and all, for the requests they answer. */
function ordinary(form: string): number[] {
  return heldOut
    .filter(({ labels }) => labels.form === form)
    .map((poem) => reward.score(poem.text, exampleOf(poem)))
    .sort((a, b) => a - b);
}

/** Lays lines out as shi. */
const layOut = (lines: readonly string[]): string =>
  lines.map((line, i) => line + (i % 2 === 0 ? '，' : '。')).join('');

/** The poem with every character replaced: same punctuation, a choice for each place. */
function replaceAll(text: string, choose: (char: string, isRhyme: boolean, place: number) => string): string {
  const characters = [...text];
  return characters
    .map((char, i) => ('，。、\n'.includes(char) ? char : choose(char, characters[i + 1] === '。', i)))
    .join('');
}

/** By name: a text that pleases some rules of the poem's request without being a poem. */
const CHEATS: Readonly<Record<string, (poem: Poem) => string>> = {
  'one character': ({ text }) => replaceAll(text, () => '春'),
  'two characters in perfect tones': ({ text }) =>
    replaceAll(text, (char, isRhyme) => (isRhyme ? char : book.toneMask(char) === 2 ? '月' : '山')),
  'four characters in perfect tones': ({ text }) =>
    replaceAll(text, (char, isRhyme, i) =>
      isRhyme ? char : book.toneMask(char) === 2 ? '月水'[i % 2]! : '山風'[(i >> 1) % 2]!,
    ),
  'one line over and over': ({ text }) => layOut(splitLines(text).map((_, __, lines) => lines[0]!)),
  'one couplet over and over': ({ text }) => layOut(splitLines(text).map((_, i, lines) => lines[i % 2]!)),
  'the rhyming line over and over': ({ text }) => layOut(splitLines(text).map((_, __, lines) => lines[1]!)),
  '叠字 throughout': ({ text }) =>
    layOut(splitLines(text).map((line) => [...line].map((_, i, own) => own[i - (i % 2)]!).join(''))),
  'a copied poem': (poem) => otherOf(poem).text,
  'a copied poem with a new rhyme word a line': (poem) =>
    layOut(
      splitLines(otherOf(poem).text).map((line, i) => `${[...line].slice(0, -1).join('')}${'雲春塵身秋流愁舟'[i]}`),
    ),
  'a copied poem with a new character in every line': (poem) =>
    layOut(splitLines(otherOf(poem).text).map((line) => [...line].map((char, i) => (i === 1 ? '雲' : char)).join(''))),
  'one copied couplet in a new poem': (poem) =>
    layOut([...splitLines(otherOf(poem).text).slice(0, 2), ...splitLines(poem.text).slice(2)]),
  'lines of many poems': (poem) =>
    layOut(
      splitLines(poem.text).map((line, i) => {
        const others = known.filter(({ labels }) => labels.form === poem.labels.form);
        return splitLines(others[(37 * i) % others.length]!.text)[i] ?? line;
      }),
    ),
  'rare characters in perfect tones and rhyme': ({ text }) => {
    const unused = new Set(rare);
    return replaceAll(text, (char, isRhyme) => {
      const groups = new Set(book.readings(char).map(({ group }) => group));
      const fits = (other: string): boolean =>
        book.toneMask(other) === book.toneMask(char) &&
        (!isRhyme || book.readings(other).some(({ group }) => groups.has(group)));
      const found = [...unused].find(fits);
      if (found !== undefined) unused.delete(found);
      return found ?? char;
    });
  },
  'characters no book knows': ({ text }) => replaceAll(text, (_c, _r, i) => String.fromCodePoint(0x20000 + i)),
  nothing: () => '',
  'marks only': ({ text }) => text.replace(/[^，。]/gu, ''),
  'empty lines': () => '\n\n\n\n',
  blanks: () => '　　　　　，　　　　　。',
  letters: ({ text }) => replaceAll(text, (_c, _r, i) => String.fromCharCode(97 + (i % 26))),
  'a mark after every character': ({ text }) => [...text.replace(/[，。]/gu, '')].map((char) => `${char}，`).join(''),
  'the poem twice': ({ text }) => text + text,
  'the poem and chatter': ({ text }) => `好的，以下是一首詩：${text}希望您喜歡。`,
  'the poem without its last line': ({ text }) => layOut(splitLines(text).slice(0, -1)),
};

function otherOf(poem: Poem): Poem {
  return known.find(({ labels }) => labels.form === poem.labels.form && labels.rhyme === poem.labels.rhyme)!;
}

describe('rewards against cheating', () => {
  it.each(Object.keys(CHEATS))('%s', (name) => {
    for (const form of FORMS) {
      const scores = ordinary(form);
      // Nine in ten ordinary poems, faults and all, must do better than any text of the kind.
      const bar = scores[Math.floor(scores.length / 10)]!;
      const poems = heldOut.filter(({ labels }) => labels.form === form && labels.rhyme !== null && labels.isFlawless);
      expect(poems.length).toBeGreaterThan(20);
      for (const poem of poems.slice(0, 20)) {
        const text = CHEATS[name]!(poem);
        expect(text).not.toBe(poem.text);
        const { total, scores: parts } = reward.explain(text, exampleOf(poem));
        expect(total, `${form} ${text} ${JSON.stringify(parts)}`).toBeLessThan(bar);
      }
    }
  });

  it('a poem that was not ended', () => {
    for (const poem of heldOut.filter(({ labels }) => labels.form === '七绝').slice(0, 20)) {
      const example = exampleOf(poem);
      const whole = reward.score(poem.text, example);
      expect(reward.score(poem.text, { ...example, isFinished: false })).toBeLessThan(whole);
    }
  });

  it('the same poem for every sample of a group', () => {
    const poem = heldOut.find(({ labels }) => labels.form === '七绝')!;
    const others = heldOut.filter(({ labels }) => labels.form === '七绝').map(({ text }) => text);
    const among = (texts: string[]) => reward.score(poem.text, { ...exampleOf(poem), group: { texts, place: 0 } });
    expect(among([poem.text, poem.text, others[5]!])).toBeLessThan(among([poem.text, others[4]!, others[5]!]));
  });

  it('a text that the model finds likelier than any poem', () => {
    const materials = { lineIndexes: [], texts: [], centres: new Map([['', { mean: -4, deviation: 0.4 }]]) };
    const { reward: fluency } = namedReward('fluency', materials);
    const score = (meanLogProb: number) => fluency.score('', { request: {}, meanLogProb });
    expect([-4, -4.35, -3.25].map(score)).toEqual([1, 1, 1]);
    expect(score(-0.1)).toBe(0);
    expect(score(-6)).toBe(0);
    expect(score(-4.8)).toBeCloseTo(0.5, 9);
  });
});
