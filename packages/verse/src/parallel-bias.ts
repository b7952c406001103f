/**
 * 对仗 wanted, not forced: in the lower line of a middle couplet every token's logit is moved by how readily poets set
 * its characters against those above them (pointwise mutual information, see prosody's pair table).
 */
import { loadPairs, simplifyCharacter } from '@tuiqiao/prosody';
import type { PoemConstraint } from './constraint.ts';
import type { WritingRequest } from './request-plan.ts';
import type { TokenInventory } from './token-inventory.ts';

/** Pairs say no more than this either way, or the commonest pair would be the only one. */
const LIMIT = 2.5;
/** A character against itself is no parallel. */
const REPEATED = -LIMIT;

/**
 * Lower lines (from 1) of the couplets that are parallel in 律诗 and 排律: all but the first and the last. Of 联 the whole
 * lower line, clause by clause.
 */
export function parallelLines(form: string | undefined, lineCount: number): ReadonlySet<number> {
  const lines = new Set<number>();
  if (form === '联') for (let line = lineCount / 2 + 1; line <= lineCount; line++) lines.add(line);
  if (form === undefined || !/[律排]$/u.test(form)) return lines;
  for (let line = 4; line < lineCount - 1; line += 2) lines.add(line);
  return lines;
}

export interface ParallelBias {
  /** What to add to the logits [V] of the next token; null where no parallel is wanted. */
  at(constraint: PoemConstraint, mask: Uint32Array): Float32Array | null;
}

/** Scores are kept by the character above: poems of a batch share them. */
export function createParallelBias(
  tokens: TokenInventory,
  request: WritingRequest,
  lineCount: number,
): ParallelBias | null {
  const weight = request.parallelism ?? 0;
  const lines = parallelLines(request.form, lineCount);
  if (weight === 0 || lines.size === 0) return null;
  const pairs = createPairScores();
  const distance = request.form === '联' ? lineCount / 2 : 1;
  return {
    at(constraint, mask) {
      const number = constraint.lines.length;
      if (!lines.has(number)) return null;
      const upper = [...constraint.lines[number - 1 - distance]!];
      const lower = [...constraint.lines[number - 1]!];
      const facing = upper.slice(lower.length);
      if (facing.length === 0) return null;
      const bias = new Float32Array(tokens.words * 32);
      for (let word = 0; word < mask.length; word++) {
        for (let bits = mask[word]!; bits !== 0; bits &= bits - 1) {
          const id = word * 32 + 31 - Math.clz32(bits & -bits);
          const characters = tokens.charactersOf(id);
          let score = 0;
          for (let i = 0; i < characters.length && i < facing.length; i++) score += pairs(facing[i]!, characters[i]!);
          bias[id] = weight * score;
        }
      }
      return bias;
    },
  };
}

function createPairScores(): (upper: string, lower: string) => number {
  const known = new Map<string, Map<string, number>>();
  const { score } = loadPairs();
  return (upper, lower) => {
    let own = known.get(upper);
    if (own === undefined) {
      own = new Map();
      known.set(upper, own);
    }
    let value = own.get(lower);
    if (value === undefined) {
      value =
        upper === lower
          ? REPEATED
          : Math.max(-LIMIT, Math.min(LIMIT, score(simplifyCharacter(upper), simplifyCharacter(lower))));
      own.set(lower, value);
    }
    return value;
  };
}
