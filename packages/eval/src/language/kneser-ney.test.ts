import { describe, expect, it } from 'vitest';
import { trainKneserNey } from './kneser-ney.ts';

const SEQUENCES = [
  [0, 1, 2, 3],
  [0, 1, 2, 2],
  [4, 1, 2, 3],
  [4, 0, 3, 3],
  [1, 1, 0, 2],
];

describe('trainKneserNey', () => {
  for (const order of [1, 2, 3, 4]) {
    it(`gives probabilities that sum to 1 after seen and unseen histories (order ${order})`, () => {
      const model = trainKneserNey(SEQUENCES, { order, vocabularySize: 6 });
      for (const history of [[], [0], [0, 1], [5, 5, 5], [0, 1, 2], [4, 3, 1]]) {
        let sum = 0;
        for (let token = 0; token < 6; token++) sum += 2 ** model.logProbability(history, token);
        expect(sum).toBeCloseTo(1, 12);
      }
    });
  }

  it('scores a sequence as the sum of its conditional log-probabilities', () => {
    const model = trainKneserNey(SEQUENCES, { order: 3, vocabularySize: 6 });
    const sequence = [0, 1, 2, 5, 3];
    let sum = 0;
    for (let i = 0; i < sequence.length; i++) sum += model.logProbability(sequence.slice(0, i), sequence[i]!);
    expect(model.sequenceLogProbability(sequence)).toBeCloseTo(sum, 12);
  });

  it('uses continuation counts below the highest order: a token seen in many contexts beats one repeated in few', () => {
    // 3 follows only 2, but often; 5 follows five different tokens once each.
    const sequences = [
      [2, 3],
      [2, 3],
      [2, 3],
      [2, 3],
      [2, 3],
      [2, 3],
      [0, 5],
      [1, 5],
      [4, 5],
      [6, 5],
      [7, 5],
    ];
    const model = trainKneserNey(sequences, { order: 2, vocabularySize: 9 });
    expect(model.logProbability([8], 5)).toBeGreaterThan(model.logProbability([8], 3));
  });

  it('refuses keys that a double cannot hold', () => {
    expect(() => trainKneserNey(SEQUENCES, { order: 5, vocabularySize: 8192 })).toThrow(/53/);
  });
});
