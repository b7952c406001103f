import { describe, expect, it } from 'vitest';
import type { Reward } from '../reward.ts';
import { composeReward, type RewardPart } from './compose-reward.ts';
import { diversityReward } from './diversity.ts';
import { fluencyCentres } from './fluency.ts';
import { createNoveltyReward } from './novelty.ts';
import type { RewardExample } from './poem-reward.ts';
import { repetitionReward } from './repetition.ts';
import { rhymeReward } from './rhyme.ts';
import { shapeReward } from './shape.ts';
import { tonesReward } from './tones.ts';

const CLIMB = '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。';
const asked = (request: RewardExample['request']): RewardExample => ({ request });
const jueju = asked({ form: '五绝', rhyme: '尤' });

describe('shape', () => {
  const score = (text: string, example = asked({ form: '五绝' })) => shapeReward.score(text, example);

  it('is 1 for the form asked for, and rises as a text comes nearer', () => {
    expect(score(CLIMB)).toBe(1);
    const steps = ['白日。', '白日依山盡，黃河入海流。', '白日依山盡，黃河入海流。欲窮千里目，更上一樓。'].map((text) =>
      score(text),
    );
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect(new Set(steps).size).toBe(3);
    expect(steps.at(-1)).toBeLessThanOrEqual(0.8);
    expect(score(CLIMB, asked({ form: '七绝' }))).toBeLessThan(0.8);
  });

  it('knows tunes with their pauses and stanzas', () => {
    const dream = '昨夜雨疏風驟，濃睡不消殘酒。試問卷簾人，卻道海棠依舊。知否，知否，應是綠肥紅瘦。';
    expect(score(dream, asked({ form: '词', tune: '如梦令' }))).toBe(1);
    const short = score(dream.replace('知否，知否，', '知否，'), asked({ form: '词', tune: '如梦令' }));
    expect(short).toBeGreaterThan(0.4);
    expect(short).toBeLessThanOrEqual(0.8);
  });

  it('halves a text with stray marks or without an end', () => {
    for (const stray of [CLIMB.replace('，', '，，'), `${CLIMB}\n`, CLIMB.replace('，', ','), ` ${CLIMB}`]) {
      expect(score(stray)).toBe(0.5);
    }
    expect(shapeReward.score(CLIMB, { ...jueju, isFinished: false })).toBe(0.5);
  });
});

describe('rhyme and tones', () => {
  it('are 1 where the checker finds nothing, in the rhyme asked for', () => {
    expect(rhymeReward.score(CLIMB, jueju)).toBe(1);
    expect(tonesReward.score(CLIMB, jueju)).toBe(1);
    expect(rhymeReward.score(CLIMB, asked({ form: '五绝', rhyme: '東' }))).toBe(0.5);
    expect(rhymeReward.score(CLIMB, asked({ form: '五绝' }))).toBe(1);
  });

  it('fall with every line off and every place out', () => {
    expect(rhymeReward.score(CLIMB.replace('樓', '山'), jueju)).toBe(0.45);
    expect(rhymeReward.score(CLIMB.replace('樓', '流'), jueju)).toBe(0.45);
    const one = tonesReward.score(CLIMB.replace('里', '門'), jueju);
    const two = tonesReward.score(CLIMB.replace('里', '門').replace('日', '雲'), jueju);
    expect(one).toBeLessThan(0.9);
    expect(two).toBeLessThan(one);
  });
});

it('novelty: −1 for a copied line, less for long shared runs', () => {
  const index = {
    find: (line: string) => (line === '白日依山盡' ? { title: '登鸛雀樓', author: '王之渙' } : null),
    longestSharedNgram: (line: string) => (line.startsWith('白日依山') ? 4 : 0),
  };
  const { score } = createNoveltyReward([index]);
  expect(score(CLIMB, jueju)).toBe(-1);
  expect(score('白日依山落，黃河入海流。欲窮千里目，更上一層樓。', jueju)).toBeCloseTo(1 - (2 * (2 / 3)) / 4 / 0.5, 12);
  expect(score('青雲依水落，黃河入海流。', jueju)).toBe(1);
});

it('repetition lets one 叠字 in two lines pass, and measures the rest', () => {
  const score = (text: string) => repetitionReward.score(text, jueju);
  expect(score(CLIMB)).toBe(1);
  expect(score('悠悠依山盡，黃河入海流。')).toBe(1);
  expect(score('悠悠山山盡，黃河入海流。')).toBeLessThan(1);
  expect(score('白日依山盡，白日依山盡。')).toBe(0);
});

it('diversity compares with the other poems of the group only', () => {
  const score = (texts: string[], place = 0) =>
    diversityReward.score(texts[place]!, { request: {}, group: { texts, place } });
  expect(score([CLIMB, CLIMB])).toBe(0);
  expect(score([CLIMB, '春眠不覺曉，處處聞啼鳥。'])).toBe(1);
  expect(score([CLIMB, '白日依山盡，處處聞啼鳥。'])).toBeCloseTo(1 - 4 / 8, 12);
  expect(score([CLIMB])).toBeNaN();
});

it('fluency centres: by form where there are enough poems, else of all', () => {
  const poems = Array.from({ length: 10 }, (_, i) => ({ form: i < 8 ? '七绝' : '五绝', meanLogProb: -4 - i / 10 }));
  const centres = fluencyCentres(poems);
  expect([...centres.keys()]).toEqual(['', '七绝']);
  expect(centres.get('')!.mean).toBeCloseTo(-4.45, 12);
  expect(centres.get('七绝')!.deviation).toBeCloseTo(Math.sqrt(0.06), 9);
});

describe('composeReward', () => {
  const fixed = (name: string, score: number, range: readonly [number, number] = [0, 1]): Reward<null> => ({
    name,
    range,
    score: () => score,
  });
  const parts = (shape: number): RewardPart<null>[] => [
    { reward: fixed('shape', shape), weight: 2, gate: 1 },
    { reward: fixed('rhyme', 0.5, [-1, 1]), weight: 3 },
    { reward: fixed('other', Number.NaN), weight: 5 },
  ];

  it('adds weighted scores, and behind a shut gate the lowest ones', () => {
    const open = composeReward(parts(1));
    expect(open.explain('', null)).toEqual({
      total: 3.5,
      scores: { shape: 1, rhyme: 0.5, other: Number.NaN },
      shutBy: null,
    });
    expect(open.range).toEqual([-3, 10]);
    expect(composeReward(parts(0.8)).explain('', null)).toMatchObject({ total: 1.6 - 3, shutBy: 'shape' });
  });

  it.each<[RewardPart<null>[], RegExp]>([
    [[], /at least one, got none/],
    [[...parts(1), { reward: fixed('shape', 1), weight: 1 }], /shape twice/],
    [[{ reward: fixed('a b', 1), weight: 1 }], /names of letters/],
    [[{ reward: fixed('a', 1, [1, 1]), weight: 1 }], /a range/],
    [[{ reward: fixed('a', 1), weight: -1 }], /a weight ≥ 0 of a, got -1/],
  ])('refuses %#', (list, message) => {
    expect(() => composeReward(list)).toThrow(message);
  });

  it('refuses a score outside its range', () => {
    const reward = composeReward([{ reward: fixed('mine', 7), weight: 1 }]);
    expect(() => reward.score('', null)).toThrow(/reward mine: expected a number from 0 to 1, got 7/);
  });
});
