/** The base and its adapters, each under an id: `DIR`, `DIR:scale` or `NAME=DIR[:scale]`; the id is the folder's name. */
import path from 'node:path';
import { type Adapter, loadAdapter, setAdapterScale } from '@tuiqiao/tune';
import { RecipesError } from '../errors.ts';
import { type OpenedModel, parseAdapter, resolveModelFolder } from '../models.ts';
import { checkPromptFormat } from '../prompt-format.ts';
import type { ServedModel } from './engine.ts';

export interface ServedAdapter extends ServedModel {
  readonly adapter: Adapter;
  readonly scale: number;
}

function folderName(folder: string): string {
  return path.basename(path.resolve(folder));
}

/** `mine=runs/sft:0.8` → id, folder, scale. */
export function parseServedAdapter(text: string): { id: string; folder: string; scale: number } {
  const match = /^([^=/\\]+)=(.+)$/u.exec(text);
  const { folder, scale } = parseAdapter(match?.[2] ?? text);
  return { id: match?.[1] ?? folderName(folder), folder: resolveModelFolder(folder), scale };
}

/**
 * Puts the adapters on the model, all switched off.
 * @throws RecipesError `served-name-twice`, `template-mismatch`; errors of `tune` for an adapter that does not fit
 */
export async function loadServedAdapters(
  opened: OpenedModel,
  texts: readonly string[],
): Promise<{ base: ServedModel; adapters: ServedAdapter[] }> {
  const base: ServedModel = { id: folderName(opened.folder), root: opened.folder, parent: null };
  const adapters: ServedAdapter[] = [];
  for (const text of texts) {
    const { id, folder, scale } = parseServedAdapter(text);
    if (id === base.id || adapters.some((other) => other.id === id)) {
      throw new RecipesError('served-name-twice', `adapter: two served models are called ${id}`, {
        hint: `Name one of them yourself: --adapter other=${folder}`,
      });
    }
    await checkPromptFormat(opened.tokenizer, folder);
    const adapter = await loadAdapter(opened.model, folder, { name: id });
    setAdapterScale(adapter, 0);
    adapters.push({ id, root: folder, parent: base.id, adapter, scale });
  }
  return { base, adapters };
}

/** Off first, then on: modules that adapters hold in full have one place. */
export function switchTo(adapters: readonly ServedAdapter[], id: string): void {
  for (const { adapter } of adapters) setAdapterScale(adapter, 0);
  const chosen = adapters.find((served) => served.id === id);
  if (chosen !== undefined) setAdapterScale(chosen.adapter, chosen.scale);
}
