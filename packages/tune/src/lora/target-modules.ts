/** Which linear layers an adapter sits on, and with what rank, by PEFT's matching rules. */
import type { LanguageModel } from '@tuiqiao/lm';
import { TuneError } from '../errors.ts';

/**
 * `all-linear` (every linear layer but the head: routers and each routed expert's too, as in PEFT), a list of names (a full module path, or its last part or parts), or
 * one string: such a name, or a regular expression that must match the whole path.
 */
export type TargetModules = 'all-linear' | string | readonly string[];

/**
 * Module paths in the model's order.
 * @throws TuneError `lora-target` when a name matches nothing
 */
export function selectModules(model: LanguageModel, target: TargetModules): string[] {
  const paths = [...model.linears.keys()];
  if (target === 'all-linear') return paths.filter((path) => path !== 'lm_head');
  const names = typeof target === 'string' ? [target] : target;
  const selected = new Set<string>();
  for (const name of names) {
    const expression = typeof target === 'string' ? wholePath(name) : null;
    const found = paths.filter((path) => path === name || path.endsWith(`.${name}`) || expression?.test(path));
    if (found.length === 0) {
      const known = [...new Set(paths.map((path) => path.slice(path.lastIndexOf('.') + 1)))].join(' ');
      throw new TuneError('lora-target', `targetModules: expected names of linear layers (${known}), got ${name}`);
    }
    for (const path of found) selected.add(path);
  }
  if (selected.size === 0) throw new TuneError('lora-target', 'targetModules: expected at least one name, got none');
  return paths.filter((path) => selected.has(path));
}

/**
 * The value of the first pattern that matches the end of the path (PEFT's `rank_pattern`, `alpha_pattern`: regular
 * expressions, anchored at a dot and at the end), or the default.
 */
export function patternValue(patterns: Readonly<Record<string, number>>, path: string, otherwise: number): number {
  for (const [pattern, value] of Object.entries(patterns)) {
    let expression: RegExp;
    try {
      expression = new RegExp(`^(?:.*\\.)?(?:${pattern})$`, 'u');
    } catch (cause) {
      throw new TuneError('lora-options', `pattern: expected a regular expression, got ${pattern}`, { cause });
    }
    if (expression.test(path)) return value;
  }
  return otherwise;
}

function wholePath(pattern: string): RegExp | null {
  try {
    return new RegExp(`^(?:${pattern})$`, 'u');
  } catch {
    return null; // not a regular expression: then only a name
  }
}
