import { describe, expect, it } from 'vitest';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { createTextStream } from './text-stream.ts';

/** Token i is byte i of UTF-8 text: the hardest vocabulary to stream. */
const bytes = {
  decode: (ids: Iterable<number>) => new TextDecoder().decode(Uint8Array.from(ids)),
} as unknown as Tokenizer;
const encode = (text: string) => [...new TextEncoder().encode(text)];

function stream(text: string, stops: readonly string[] = []): { pieces: string[]; hasStopped: boolean } {
  const texts = createTextStream(bytes, stops);
  const pieces = encode(text).map((id) => texts.push(id));
  return { pieces: [...pieces, texts.end()], hasStopped: texts.hasStopped };
}

describe('a text stream', () => {
  it('hands out whole characters only, each as soon as it is whole', () => {
    expect(stream('月a明').pieces).toEqual(['', '', '月', 'a', '', '', '明', '']);
  });

  it('tells the bytes of a broken character at the end rather than nothing', () => {
    const texts = createTextStream(bytes);
    for (const id of encode('月').slice(0, 2)) expect(texts.push(id)).toBe('');
    expect(texts.end()).toBe('\ufffd');
  });

  it('never tells any of a stop string, though it comes in pieces, and says nothing after it', () => {
    const { pieces, hasStopped } = stream('aaENDb', ['END']);
    expect(pieces.join('')).toBe('aa');
    expect(hasStopped).toBe(true);
    expect(stream('明月。光', ['。']).pieces.join('')).toBe('明月');
  });

  it('tells what only began like a stop string once that is certain', () => {
    expect(stream('aENxEN', ['END']).pieces).toEqual(['a', '', '', 'ENx', '', '', 'EN']);
  });

  it('stops at the string that begins first', () => {
    expect(stream('abcd', ['bcd', 'c']).pieces.join('')).toBe('ab');
    expect(stream('abcd', ['cd', 'bc']).pieces.join('')).toBe('a');
  });
});
