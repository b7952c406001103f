// BLEU and chrF as sacreBLEU computes them, ROUGE as rouge-chinese does.
import { describe, expect, it } from 'vitest';
import { type BleuOptions, corpusBleu, type ReferencePair, sentenceBleu } from '../src/reference/bleu.ts';
import { type ChrfOptions, corpusChrf, sentenceChrf } from '../src/reference/chrf.ts';
import { type RougeScores, rouge, rougeTokens } from '../src/reference/rouge.ts';
import type { BleuTokenizer } from '../src/reference/tokenize.ts';
import { hasGolden, readCase } from './golden.ts';

type Rouge = Record<'rouge-1' | 'rouge-2' | 'rouge-l', { r: number; p: number; f: number }>;

interface TextCase {
  readonly pairs: readonly { hyp: string; ref: string }[];
  readonly bleu: Record<
    BleuTokenizer,
    {
      corpus: {
        score: number;
        precisions: number[];
        counts: number[];
        totals: number[];
        bp: number;
        sys_len: number;
        ref_len: number;
      };
      sentence: (number | null)[];
    }
  >;
  readonly bleu_smoothing: readonly {
    smooth_method: NonNullable<BleuOptions['smoothing']>;
    smooth_value: number | null;
    effective_order: boolean;
    pair_1: number;
    two_references: number;
  }[];
  readonly chrf: Record<
    string,
    {
      parameters: {
        char_order?: number;
        word_order?: number;
        beta?: number;
        whitespace?: boolean;
        eps_smoothing?: boolean;
      };
      corpus: number;
      sentence: (number | null)[];
    }
  >;
  readonly rouge: {
    char: readonly (Rouge | { error: string })[];
    jieba: readonly ((Rouge & { hyp_tokens: string; ref_tokens: string }) | { error: string })[];
  };
}

const SCORES = 6;
const ROUGE = 8;

function expectRouge(actual: RougeScores, expected: Rouge): void {
  const sides = [
    [actual.rouge1, expected['rouge-1']],
    [actual.rouge2, expected['rouge-2']],
    [actual.rougeL, expected['rouge-l']],
  ] as const;
  for (const [own, other] of sides) {
    for (const key of ['r', 'p', 'f'] as const) expect(own[key]).toBeCloseTo(other[key], ROUGE);
  }
}

describe.skipIf(!hasGolden)('text metrics (needs ../shared/golden)', () => {
  const recorded = hasGolden ? readCase<TextCase>('metrics/text') : null;
  const pairs = (recorded?.pairs ?? []).map(({ hyp, ref }): ReferencePair => ({ hypothesis: hyp, references: [ref] }));

  it.each(['zh', 'char', 'none', '13a'] as const)('BLEU, tokenizer %s', (tokenizer) => {
    const { corpus, sentence } = recorded!.bleu[tokenizer];
    const own = corpusBleu(
      pairs.filter(({ references }) => references[0] !== ''),
      { tokenizer },
    );
    expect(own.score).toBeCloseTo(corpus.score, SCORES);
    expect(own.counts).toEqual(corpus.counts);
    expect(own.totals).toEqual(corpus.totals);
    own.precisions.forEach((precision, i) => {
      expect(precision).toBeCloseTo(corpus.precisions[i]!, SCORES);
    });
    expect([own.hypothesisLength, own.referenceLength]).toEqual([corpus.sys_len, corpus.ref_len]);
    expect(own.brevityPenalty).toBeCloseTo(corpus.bp, SCORES);
    sentence.forEach((score, i) => {
      if (score !== null) expect(sentenceBleu(pairs[i]!, { tokenizer }).score, `pair ${i}`).toBeCloseTo(score, SCORES);
    });
  });

  it('BLEU, every smoothing, one and two references', () => {
    const two: ReferencePair = { hypothesis: '鱼戏莲叶', references: ['莲叶何田田', '鱼戏莲叶间'] };
    expect(recorded!.bleu_smoothing.length).toBeGreaterThan(4);
    for (const { smooth_method: smoothing, smooth_value: value, effective_order, pair_1, two_references } of recorded!
      .bleu_smoothing) {
      const options: BleuOptions = {
        tokenizer: 'char',
        smoothing,
        useEffectiveOrder: effective_order,
        ...(value === null ? {} : { smoothingValue: value }),
      };
      expect(sentenceBleu(pairs[1]!, options).score).toBeCloseTo(pair_1, SCORES);
      expect(sentenceBleu(two, options).score).toBeCloseTo(two_references, SCORES);
    }
  });

  it('chrF and chrF++', () => {
    for (const [name, { parameters, corpus, sentence }] of Object.entries(recorded!.chrf)) {
      const options: ChrfOptions = {
        charOrder: parameters.char_order ?? 6,
        wordOrder: parameters.word_order ?? 0,
        beta: parameters.beta ?? 2,
        withWhitespace: parameters.whitespace ?? false,
        useEpsilon: parameters.eps_smoothing ?? false,
      };
      const scored = pairs.filter(({ references }) => references[0] !== '');
      expect(corpusChrf(scored, options), name).toBeCloseTo(corpus, SCORES);
      sentence.forEach((score, i) => {
        if (score !== null) {
          expect(sentenceChrf(pairs[i]!, options), `${name}, pair ${i}`).toBeCloseTo(score, SCORES);
        }
      });
    }
  });

  it('ROUGE over characters and over given words', () => {
    let scored = 0;
    recorded!.rouge.char.forEach((expected, i) => {
      if ('error' in expected) return;
      const { hyp, ref } = recorded!.pairs[i]!;
      expectRouge(rouge(rougeTokens(hyp), rougeTokens(ref)), expected);
      scored++;
    });
    for (const expected of recorded!.rouge.jieba) {
      if ('error' in expected) continue;
      const words = (text: string): string[] => text.split(/\s+/u).filter((word) => word !== '');
      expectRouge(rouge(words(expected.hyp_tokens), words(expected.ref_tokens)), expected);
      scored++;
    }
    expect(scored).toBe(2 * (pairs.length - 1));
  });
});
