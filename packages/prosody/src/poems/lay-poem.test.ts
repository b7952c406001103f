import { describe, expect, it } from 'vitest';
import { check } from '../index.ts';
import { layPoem } from './lay-poem.ts';

const lay = (text: string, asked: { form?: string; tune?: string }) => layPoem(text, check({ text, ...asked }));

describe('layPoem', () => {
  it('keeps the punctuation and gives every character its tone, rhyme words marked', () => {
    const [stanza] = lay('白日依山盡，黃河入海流。欲窮千里目，更上一層樓。', { form: '五绝' })!;
    expect(stanza!.map((sentence) => sentence.map((line) => line.tones))).toEqual([
      ['仄仄平平仄', '平平仄仄平'],
      ['仄平平仄仄', '仄仄仄平平'],
    ]);
    const characters = stanza!.flat().flatMap((line) => line.characters);
    expect(characters.map(({ char, mark }) => char + mark).join('')).toBe(
      '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。',
    );
    expect(characters.filter((character) => character.isRhyme).map(({ char }) => char)).toEqual(['流', '樓']);
  });
  it('marks the character a finding names', () => {
    const [stanza] = lay('明月光前疑是霜，舉頭望月月如鄉。不知何處秋風起，吹落黃花滿地看。', { form: '七绝' })!;
    const faulty = stanza!.flat().flatMap((line) => line.characters.filter((character) => character.fault !== null));
    expect(faulty.map(({ char, fault, isRhyme }) => [char, fault, isRhyme])).toContainEqual(['看', '疵', true]);
  });
  it('keeps the stanzas of a ci apart', () => {
    const text = '一曲新詞酒一杯，去年天氣舊亭臺。夕陽西下幾時回？\n無可奈何花落去，似曾相識燕歸來。小園香徑獨徘徊。';
    const stanzas = lay(text, { tune: '浣溪沙' })!;
    expect(stanzas.map((stanza) => stanza.map((sentence) => sentence.length))).toEqual([
      [2, 1],
      [2, 1],
    ]);
  });
  it('sets a poem written line under line as one stanza', () => {
    const stanzas = lay('白日依山盡\n黃河入海流\n欲窮千里目\n更上一層樓', { form: '五绝' })!;
    expect(stanzas.map((stanza) => stanza.map((sentence) => sentence.map((line) => line.tones)))).toEqual([
      [['仄仄平平仄'], ['平平仄仄平'], ['仄平平仄仄'], ['仄仄仄平平']],
    ]);
  });
  it('leaves a text alone that has parts no line of verse holds, and one that is empty', () => {
    expect(layPoem('白日依山盡（一作近），黃河入海流。', null)).toBeNull();
    expect(layPoem('', null)).toBeNull();
    expect(layPoem(' \n', null)).toBeNull();
  });
});
