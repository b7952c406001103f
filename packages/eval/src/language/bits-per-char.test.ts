import { describe, expect, it } from 'vitest';
import { bitsPerChar, hanCharacterCount, kneserNeyBitsPerChar } from './bits-per-char.ts';
import { trainKneserNey } from './kneser-ney.ts';

const half = Math.log(0.5);

describe('bitsPerChar', () => {
  it('spreads the bits of all tokens over Chinese characters, not over tokens', () => {
    // 6 tokens of 1 bit over 5 characters; 12 tokens of 2 bits over 10.
    const {
      bitsPerChar: figure,
      characters,
      poems,
    } = bitsPerChar([Array(6).fill(half), Array(12).fill(2 * half)], ['白日依山盡，', '黃河入海流。更上一層樓。']);
    expect(figure).toBeCloseTo((6 + 24) / 15, 12);
    expect([characters, poems]).toEqual([15, 2]);
  });
  it('has an interval around the figure that closes when all poems cost the same', () => {
    const texts = Array.from({ length: 40 }, () => '白日依山盡');
    const same = bitsPerChar(
      texts.map(() => [5 * half]),
      texts,
    );
    expect(same.ci[0]).toBeCloseTo(1, 12);
    expect(same.ci[1]).toBeCloseTo(1, 12);
    const varied = bitsPerChar(
      texts.map((_, i) => [(5 + (i % 5)) * half]),
      texts,
    );
    expect(varied.ci[0]).toBeLessThan(varied.bitsPerChar);
    expect(varied.ci[1]).toBeGreaterThan(varied.bitsPerChar);
  });
  it('refuses lists that do not match, positive log-probabilities and texts without Chinese', () => {
    expect(() => bitsPerChar([[half]], [])).toThrow('expected one list a text (0), got 1');
    expect(() => bitsPerChar([[0.1]], ['山'])).toThrow('got 0.1 in text 0');
    expect(() => bitsPerChar([[Number.NaN]], ['山'])).toThrow(RangeError);
    expect(() => bitsPerChar([[half]], ['abc'])).toThrow('got none');
  });
});

describe('kneserNeyBitsPerChar', () => {
  it('is the sequence log-probability over characters', () => {
    const sequences = [
      [0, 1, 2, 4],
      [0, 1, 3, 4],
      [1, 1, 2, 4],
    ];
    const model = trainKneserNey(sequences, { order: 3, vocabularySize: 5 });
    const { bitsPerChar: figure } = kneserNeyBitsPerChar(model, [[0, 1, 3, 4]], ['山水月']);
    expect(figure).toBeCloseTo(-model.sequenceLogProbability([0, 1, 3, 4]) / 3, 12);
    expect(() => kneserNeyBitsPerChar(model, [], ['山'])).toThrow(RangeError);
  });
});

describe('hanCharacterCount', () => {
  it('counts code points and leaves punctuation out', () => expect(hanCharacterCount('𠀀山，\nab。')).toBe(2));
});
