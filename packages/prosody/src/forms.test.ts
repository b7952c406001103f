import { describe, expect, it } from 'vitest';
import { findForm, formOfShape, listSchemes, slotMask } from './forms.ts';

const draw = (lineCount: number, lineLength: 5 | 7, index: number): string =>
  listSchemes(lineCount, lineLength)
    [index]!.types.map((type) =>
      slotMask(type, lineLength)
        .map((slot) => '平仄中'[slot - 1])
        .join(''),
    )
    .join(' ');

describe('forms', () => {
  it('lists four schemes for each shape', () => {
    const titles = listSchemes(4, 7).map(
      (scheme) => `${scheme.start} ${scheme.firstLineRhymes} ${scheme.types.join('')}`,
    );
    expect(titles).toEqual(['平起 false ABCD', '平起 true DBCD', '仄起 false CDAB', '仄起 true BDAB']);
    expect(listSchemes(8, 5).map((scheme) => scheme.types.join(''))).toEqual([
      'CDABCDAB',
      'BDABCDAB',
      'ABCDABCD',
      'DBCDABCD',
    ]);
  });

  it('draws the patterns of the handbooks', () => {
    expect(draw(4, 5, 2)).toBe('中仄平平仄 平平中仄平 中平平仄仄 中仄仄平平');
    expect(draw(4, 7, 1)).toBe('中平中仄仄平平 中仄平平中仄平 中仄中平平仄仄 中平中仄仄平平');
  });

  it('goes on for 排律', () => {
    expect(listSchemes(12, 5)[2]!.types.join('')).toBe('ABCDABCDABCD');
    expect(formOfShape(12, 5)).toBe('五排');
    expect(formOfShape(11, 5)).toBeNull();
    expect(formOfShape(6, 7)).toBeNull();
    expect(formOfShape(4, 6)).toBeNull();
  });

  it('knows forms by their names in either script', () => {
    for (const name of ['七绝', '七絕', '七言绝句', '七言絕句', ' 七绝 ']) expect(findForm(name)).toBe('七绝');
    expect(findForm('十四行')).toBeUndefined();
  });
});
