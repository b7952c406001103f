/**
 * Texts as tokens for BLEU, the way sacreBLEU 2 does it: `zh` sets every Chinese character apart and treats the rest by
 * the rules of mteval-v13a, `13a` does only the latter, `char` takes every character, `none` splits at white space.
 */

export const BLEU_TOKENIZERS = ['zh', 'char', '13a', 'none'] as const;
export type BleuTokenizer = (typeof BLEU_TOKENIZERS)[number];

/**
 * What sacreBLEU takes for Chinese: ideographs, full-width forms, CJK punctuation and radicals. Two of its ranges are
 * misspelt there (U+20000 and U+2F800 as four digits and a letter, compared as strings) and take in U+2001–U+2A6D and
 * U+2F81–U+2FA1 instead of the supplementary planes; the same here, so that scores agree with published ones.
 */
const CHINESE =
  /[\u2001-\u2a6d\u2e80-\u2eff\u2f00-\u2fdf\u2ff0-\u2fff\u3000-\u303f\u3100-\u312f\u31a0-\u31bf\u31c0-\u31ef\u3200-\u33ff\u3400-\u4db5\u4e00-\u9fbb\uf900-\ufa2d\ufa30-\ufa6a\ufa70-\ufad9\ufe10-\ufe1f\ufe30-\ufe4f\uff00-\uffef]/gu;

const ENTITIES: readonly (readonly [RegExp, string])[] = [
  [/&quot;/gu, '"'],
  [/&amp;/gu, '&'],
  [/&lt;/gu, '<'],
  [/&gt;/gu, '>'],
];

const words = (text: string): string[] => text.split(/\s+/u).filter((word) => word !== '');

/** Punctuation apart, but not inside numbers. */
function splitPunctuation(text: string): string[] {
  return words(
    ` ${text} `
      .replaceAll(/([{-~[-` -&(-+:-@/])/gu, ' $1 ')
      .replaceAll(/([^0-9])([.,])/gu, '$1 $2 ')
      .replaceAll(/([.,])([0-9])/gu, ' $1 $2')
      .replaceAll(/([0-9])(-)/gu, '$1 $2 '),
  );
}

export function tokenizeForBleu(text: string, tokenizer: BleuTokenizer): string[] {
  switch (tokenizer) {
    case 'none':
      return words(text);
    case 'char':
      return [...text].filter((char) => !/\s/u.test(char));
    case 'zh':
      return splitPunctuation(text.trim().replaceAll(CHINESE, ' $& '));
    case '13a': {
      const plain = text.replaceAll('<skipped>', '').replaceAll('-\n', '').replaceAll('\n', ' ');
      return splitPunctuation(ENTITIES.reduce((line, [entity, char]) => line.replace(entity, char), plain));
    }
    default:
      return tokenizer satisfies never;
  }
}
