import { describe, expect, it } from 'vitest';
import { makeReview, type Vote } from './review.ts';
import { renderReviewPage } from './review-page.ts';
import { readSheet, SheetError, writeSheet } from './sheet.ts';
import { pairsFromVotes, tallyVotes } from './tally.ts';

const answers = Array.from({ length: 20 }, (_, i) => ({
  form: '五绝',
  title: `題${i}`,
  prompt: `请写第${i}首`,
  a: `甲甲甲甲甲，甲甲甲甲${i}。`,
  b: `乙乙乙乙乙，乙乙乙乙${i}。`,
}));
const review = makeReview(answers, { a: 'dpo', b: 'base' }, 7);

/** Votes as a reader gives them who likes model a on all but the first `misses` items. */
function votesOf(reader: string, misses: number): Vote[] {
  return review.items.map(({ id, left }, i) => {
    const isLeftA = left.startsWith('甲');
    const prefersA = i >= misses;
    return {
      reader,
      id,
      preference: prefersA === isLeftA ? 'left' : 'right',
      scores: { fluency: isLeftA ? { left: 4, right: 3 } : { left: 3, right: 4 } },
    };
  });
}

describe('makeReview', () => {
  it('hides the order by a seed, each model on each side in half of the items', () => {
    expect(makeReview(answers, { a: 'dpo', b: 'base' }, 7)).toEqual(review);
    expect(makeReview(answers, { a: 'dpo', b: 'base' }, 8).items).not.toEqual(review.items);
    expect(Object.values(review.key.items).filter(({ a }) => a === 'left')).toHaveLength(10);
    for (const { id, left } of review.items) {
      expect(review.key.items[id]!.a).toBe(left.startsWith('甲') ? 'left' : 'right');
    }
  });
  it('leaves out prompts that both answered alike', () => {
    const same = [...answers, { ...answers[0]!, b: answers[0]!.a }];
    expect(makeReview(same, { a: 'x', b: 'y' }, 1).items).toHaveLength(20);
  });
});

describe('sheets', () => {
  it('come back as votes, in the words people use', () => {
    const lines = writeSheet(review.items, '陳').trimEnd().split('\r\n');
    const fill = (line: string, preference: string, score: string): string => {
      const cells = line.split(',');
      cells[5] = score;
      cells[cells.length - 2] = preference;
      return cells.join(',');
    };
    const text = [lines[0], fill(lines[1]!, '左', '5'), fill(lines[2]!, 'tie', ''), lines[3]].join('\r\n');
    const votes = readSheet(text, 'sheet.csv');
    expect(votes.map(({ reader, preference }) => [reader, preference])).toEqual([
      ['陳', 'left'],
      ['陳', 'tie'],
    ]);
    expect(votes[0]!.scores).toEqual({ fluency: { left: 5 } });
  });
  it('say which cell cannot be meant', () => {
    expect(() => readSheet('id,preference\n1,maybe', 'a.csv')).toThrow(/a\.csv, row 2: expected left, right or tie/);
    expect(() => readSheet('id,preference,left_fluency\n1,left,9', 'a.csv')).toThrow(/left_fluency from 1 to 5, got 9/);
    expect(() => readSheet('a,b\n1,2', 'a.csv')).toThrow(SheetError);
  });
  it('keep formulas from running', () => {
    expect(writeSheet([{ id: '1', form: '五绝', title: '=1+1', left: 'x', right: 'y' }])).toContain("'=1+1");
  });
});

describe('tallyVotes', () => {
  it('gives the win rate with its interval, by item', () => {
    const tally = tallyVotes([...votesOf('甲', 4), ...votesOf('乙', 4)], review.key);
    expect(tally.winRate.mean).toBe(0.8);
    expect([tally.wins.a, tally.wins.b, tally.votes, tally.items]).toEqual([32, 8, 40, 20]);
    expect(tally.winRate.ci[0]).toBeLessThan(0.7);
    expect(tally.winRate.ci[1]).toBeLessThanOrEqual(1);
    expect(tally.criteria.fluency!.difference.mean).toBe(1);
    expect(tally.criteria.meaning).toBeUndefined();
  });
  it("knows how far readers agree, by Cohen's kappa", () => {
    expect(tallyVotes([...votesOf('甲', 4), ...votesOf('乙', 4)], review.key).agreement[0]).toMatchObject({
      n: 20,
      kappa: 1,
    });
    const apart = tallyVotes([...votesOf('甲', 4), ...votesOf('乙', 10)], review.key).agreement[0]!;
    // 4 both b, 6 apart, 10 both a: observed 0.7, by chance 0.2·0.5 + 0.8·0.5 = 0.5.
    expect(apart.kappa).toBeCloseTo(0.4, 12);
    expect(apart.scoreKappa).toBeCloseTo(1, 12);
  });
  it('counts the last of several votes of a reader, and refuses strangers', () => {
    const [first] = review.items;
    const vote = (preference: Vote['preference']): Vote => ({ reader: 'r', id: first!.id, preference, scores: {} });
    expect(tallyVotes([vote('left'), vote('tie')], review.key).wins.tie).toBe(1);
    expect(() => tallyVotes([{ ...vote('left'), id: '999' }], review.key)).toThrow(/expected items of the key/);
    expect(() => tallyVotes([], review.key)).toThrow(/expected votes/);
  });
});

describe('pairsFromVotes', () => {
  it('prefers what more readers preferred, and leaves ties out', () => {
    const votes = [...votesOf('甲', 4), ...votesOf('乙', 10)];
    const pairs = pairsFromVotes(votes, review.items, review.key);
    expect(pairs).toHaveLength(14);
    expect(pairs.filter(({ chosen }) => chosen.startsWith('甲'))).toHaveLength(10);
    expect(pairs[0]).toMatchObject({ margin: 2, votes: 2, prompt: expect.stringContaining('请写') });
  });
});

describe('renderReviewPage', () => {
  it('holds every poem and not the names of the models', () => {
    const page = renderReviewPage(review.items, 'x');
    for (const { left } of review.items) expect(page).toContain(left.at(-2)!);
    expect(page).not.toMatch(/dpo|>base</);
  });
  it('shows hostile text as text', () => {
    const hostile = '<img src=x onerror=alert(1)></script>';
    const page = renderReviewPage([{ id: '1', form: '五绝', title: hostile, left: hostile, right: 'y' }], 'x');
    expect(page).not.toContain('<img');
  });
});
