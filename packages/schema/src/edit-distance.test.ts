import { describe, expect, it } from 'vitest';
import { editDistance, findNearest } from './edit-distance.ts';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['kitten', 'sitting', 3],
    ['rank', 'rnak', 1],
    ['七绝', '七律', 1],
    ['abc', '', 3],
  ])('%s → %s is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });
});

describe('findNearest', () => {
  it('finds a slip of the finger across naming styles', () => {
    expect(findNearest('leraning_rate', ['learningRate', 'lrScheduler'])).toBe('learningRate');
  });
  it('does not guess when nothing is near', () => {
    expect(findNearest('banana', ['learningRate', 'lora.rank'])).toBeUndefined();
  });
});
