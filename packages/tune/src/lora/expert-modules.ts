/** Adapters on routed experts: one product serves all experts of a layer, so what sits on them is alike and plain. */
import type { LanguageModel } from '@tuiqiao/lm';
import { TuneError } from '../errors.ts';
import type { AdapterConfig } from './adapter.ts';
import { patternValue } from './target-modules.ts';

/** The projection an expert's module is one of (`model.layers.0.mlp.experts.*.up_proj`); null for other modules. */
export function expertProjection({ config }: LanguageModel, path: string): string | null {
  const { experts } = config.architecture;
  if (experts === null) return null;
  const [before, after] = experts.expert(0).split('0') as [string, string];
  const at = path.lastIndexOf(`.${before}`);
  const match = at < 0 ? null : /^(\d+)(.*)$/u.exec(path.slice(at + 1 + before.length));
  return match?.[2]?.startsWith(after) ? `${path.slice(0, at + 1)}${before}*${match[2]}` : null;
}

/**
 * DoRA, and ranks and alphas that differ between the experts of a projection, are refused; dropout too where it is to be
 * trained (PEFT has none of it on experts either).
 * @throws TuneError `lora-options`
 */
export function checkExperts(
  model: LanguageModel,
  config: AdapterConfig,
  ranks: ReadonlyMap<string, number>,
  isTrainable: boolean,
): void {
  const kinds = new Map<string, string>();
  for (const [path, rank] of ranks) {
    const projection = expertProjection(model, path);
    if (projection === null) continue;
    if (config.useDora) throw refused('no DoRA', `useDora with ${path}`);
    if (isTrainable && config.dropout > 0) throw refused('dropout 0', `${config.dropout} with ${path}`);
    const kind = `rank ${rank}, alpha ${patternValue(config.alphaPattern, path, config.alpha)}`;
    const known = kinds.get(projection) ?? kind;
    if (known !== kind) throw refused('one rank and alpha', `${known} and ${kind} on ${projection}`);
    kinds.set(projection, kind);
  }
}

function refused(expected: string, got: string): TuneError {
  return new TuneError('lora-options', `adapter: expected ${expected} on routed experts, got ${got}`, {
    hint: 'leave the experts out, with modules such as q_proj,k_proj,v_proj,o_proj; or drop that option',
  });
}
