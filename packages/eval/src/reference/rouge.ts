/**
 * ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004) in the arithmetic of rouge-chinese 1.0: distinct n-grams, the longest common
 * subsequence over token counts, f = 2rp / (r + p + 1e-8).
 */

export interface RougeScore {
  /** Recall, precision, F1; 0–1. */
  readonly r: number;
  readonly p: number;
  readonly f: number;
}

export interface RougeScores {
  readonly rouge1: RougeScore;
  readonly rouge2: RougeScore;
  readonly rougeL: RougeScore;
}

const SMALL = 1e-8;

function scoreOf(matches: number, hypothesis: number, reference: number): RougeScore {
  const r = reference === 0 ? 0 : matches / reference;
  const p = hypothesis === 0 ? 0 : matches / hypothesis;
  return { r, p, f: (2 * p * r) / (p + r + SMALL) };
}

function distinctNgrams(tokens: readonly string[], n: number): Set<string> {
  return new Set(
    Array.from({ length: Math.max(0, tokens.length - n + 1) }, (_, i) => tokens.slice(i, i + n).join(' ')),
  );
}

function ngramScore(hypothesis: readonly string[], reference: readonly string[], n: number): RougeScore {
  const own = distinctNgrams(hypothesis, n);
  const other = distinctNgrams(reference, n);
  let matches = 0;
  for (const gram of own) if (other.has(gram)) matches++;
  return scoreOf(matches, own.size, other.size);
}

/** Length of the longest common subsequence, in time and memory of the product and of one side. */
function commonSubsequence(a: readonly string[], b: readonly string[]): number {
  let row = new Uint32Array(b.length + 1);
  for (const token of a) {
    const next = new Uint32Array(b.length + 1);
    for (let j = 1; j <= b.length; j++) {
      next[j] = token === b[j - 1] ? row[j - 1]! + 1 : Math.max(row[j]!, next[j - 1]!);
    }
    row = next;
  }
  return row[b.length]!;
}

/** Characters as tokens, white space left out. */
export function rougeTokens(text: string): string[] {
  return [...text.replaceAll(/\s/gu, '')];
}

/** An empty hypothesis scores 0 (rouge-chinese refuses it). */
export function rouge(hypothesis: readonly string[], reference: readonly string[]): RougeScores {
  return {
    rouge1: ngramScore(hypothesis, reference, 1),
    rouge2: ngramScore(hypothesis, reference, 2),
    rougeL: scoreOf(commonSubsequence(hypothesis, reference), hypothesis.length, reference.length),
  };
}
