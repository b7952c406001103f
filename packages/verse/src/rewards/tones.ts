/** Tones by the strict checker: slots, facing and adjoining lines, 孤平, 三平尾 and their kin. */
import type { Finding, RuleId } from '@tuiqiao/prosody';
import { clamp, lengthOf, type PoemReward, verdictFor } from './poem-reward.ts';

/** Below this only flawless tones lie. */
const NEAR_MISS = 0.9;
/** A random text breaks about a quarter of its places: it earns nothing. */
const FAULT_WEIGHT = 4;
/** Rules about length and rhyme have rewards of their own; a repeated character is `repetition`'s. */
const OTHER_RULES: readonly RuleId[] = [
  'zishu',
  'jushu',
  'cipai-length',
  'chuyun',
  'chongyun',
  'cipai-rhyme',
  'chongzi',
];

/** 1 for flawless tones, else up to 0.9 by the share of characters out of place. A character no book knows is a fault. */
export const tonesReward: PoemReward = {
  name: 'tones',
  range: [0, 1],
  score: (text, example) => {
    const { strict, findings } = verdictFor(text, example);
    const characters = lengthOf(text);
    if (characters === 0) return 0;
    if (strict.meter) return 1;
    // A remark on a whole line (失对, 失粘) stands for at least two places.
    const faults = findings.filter(isFault).reduce((sum, { position }) => sum + (position === undefined ? 2 : 1), 0);
    return NEAR_MISS * clamp(1 - (FAULT_WEIGHT * faults) / characters, 0, 1);
  },
};

function isFault({ rule, verdict }: Finding): boolean {
  return (verdict === '疵' || verdict === '拗可') && !OTHER_RULES.includes(rule);
}
