// How poets used the characters that may be level or oblique: counts from 201,320 regulated poems, where the form fixes
// the tone. Evidence for choosing a reading where the slot leaves it open; never a rule.

import { type Script, standardForm, traditionalForms } from './scripts.ts';
import { TONE_USAGE_CHARACTERS, TONE_USAGE_COUNTS } from './tables/tone-usage.ts';

export interface ToneUsage {
  /** Times in a slot that must be level (平). */
  readonly level: number;
  /** Times in a slot that must be oblique (仄). */
  readonly oblique: number;
}

let cachedUsage: ReadonlyMap<string, ToneUsage> | undefined;

function loadUsage(): ReadonlyMap<string, ToneUsage> {
  if (cachedUsage) return cachedUsage;
  const counts = TONE_USAGE_COUNTS.split(' ');
  const usage = new Map<string, ToneUsage>();
  let index = 0;
  for (const char of TONE_USAGE_CHARACTERS) {
    const pair = counts[index++]!;
    const comma = pair.indexOf(',');
    usage.set(char, {
      level: Number.parseInt(pair.slice(0, comma), 36),
      oblique: Number.parseInt(pair.slice(comma + 1), 36),
    });
  }
  cachedUsage = usage;
  return usage;
}

/**
 * How often a character stands in fixed level and in fixed oblique slots of regulated verse; undefined when never.
 * Characters that verse does not use, and every character of simplified text, count through their traditional forms.
 */
export function toneUsage(char: string, script: Script = 'traditional'): ToneUsage | undefined {
  const usage = loadUsage();
  const own = usage.get(char);
  if (own && script === 'traditional') return own;
  const standard = standardForm(char);
  const forms = [char, ...traditionalForms(char), ...(standard ? [standard] : [])];
  let level = 0;
  let oblique = 0;
  for (const form of forms) {
    const counts = usage.get(form);
    level += counts?.level ?? 0;
    oblique += counts?.oblique ?? 0;
  }
  return level + oblique > 0 ? { level, oblique } : undefined;
}

/** How often a character as it stands is used in fixed slots, its other forms left out. */
export function ownUses(char: string): number {
  const own = loadUsage().get(char);
  return own === undefined ? 0 : own.level + own.oblique;
}

/** Beyond the last CJK extension. */
const CODE_POINT_LIMIT = 0x34000;
/** A reading that poets choose less often than this decides nothing by itself. */
const RARE_SHARE = 0.03;
const IS_COMPUTED = 8;
const USUALLY_OBLIQUE = 4;

/** By code point, filled on demand: bits 1 and 2 the likely tones, bit 4 usually oblique, bit 8 computed. */
const usageBits: Readonly<Record<Script, Uint8Array>> = {
  traditional: new Uint8Array(CODE_POINT_LIMIT),
  simplified: new Uint8Array(CODE_POINT_LIMIT),
};

function bitsOf(char: string, script: Script): number {
  const code = char.codePointAt(0) ?? CODE_POINT_LIMIT;
  const cache = usageBits[script];
  const known = cache[code];
  if (known) return known;
  const usage = toneUsage(char, script);
  let bits = IS_COMPUTED | 3;
  if (usage) {
    const rare = RARE_SHARE * (usage.level + usage.oblique);
    if (usage.level < rare) bits &= ~1;
    if (usage.oblique < rare) bits &= ~2;
    if (usage.oblique > usage.level) bits |= USUALLY_OBLIQUE;
  }
  if (code < CODE_POINT_LIMIT) cache[code] = bits;
  return bits;
}

/**
 * The mask of a character without a tone that poets hardly ever give it (夢 平: 20 of 8,526): bit 1 = 平, bit 2 = 仄; as it is
 * where nothing is known.
 */
export function likelyMask(mask: number, char: string, script: Script): number {
  return mask === 3 ? bitsOf(char, script) & 3 : mask;
}

/** The tone that poets give a character oftener, 1 = 平, 2 = 仄; 平 where nothing is known. */
export function usualTone(char: string, script: Script): 1 | 2 {
  return (bitsOf(char, script) & USUALLY_OBLIQUE) === 0 ? 1 : 2;
}
