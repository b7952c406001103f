import { describe, expect, it } from 'vitest';
import { readPoemMessage } from './poem-message.ts';

describe('what a person types to a poet', () => {
  it.each([
    ['秋夜', { theme: '秋夜' }],
    ['七律 秋夜', { form: '七律', theme: '秋夜' }],
    ['五言绝句：登高', { form: '五绝', theme: '登高' }],
    ['七绝', { form: '七绝', theme: '' }],
    ['浣溪沙·春愁', { tune: '浣溪沙', theme: '春愁' }],
    ['浣溪沙', { theme: '浣溪沙' }],
    ['送友人 兼寄', { theme: '送友人 兼寄' }],
    [' 秋夜\n', { theme: '秋夜' }],
  ])('%j', (text, expected) => {
    expect(readPoemMessage(text)).toEqual(expected);
  });
});
