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
    const [level, oblique] = counts[index++]!.split(',');
    usage.set(char, { level: Number.parseInt(level!, 36), oblique: Number.parseInt(oblique!, 36) });
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
