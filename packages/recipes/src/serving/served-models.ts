/** The base and its adapters, each under an id: `DIR`, `DIR:scale` or `NAME=DIR[:scale]`; the id is the folder's name. */
import path from 'node:path';
import { type Adapter, detachAdapter, loadAdapter, setAdapterScale } from '@tuiqiao/tune';
import { RecipesError } from '../errors.ts';
import { type OpenedModel, parseAdapter, resolveModelFolder } from '../models.ts';
import { checkPromptFormat } from '../prompt-format.ts';
import type { AdapterChange, ServedModel } from './engine.ts';

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
  for (const text of texts) adapters.push(await loadServed(opened, base, adapters, parseServedAdapter(text)));
  return { base, adapters };
}

/** Names inside the model: a replacement and what it replaces are there at the same time. */
let loads = 0;

async function loadServed(
  opened: OpenedModel,
  base: ServedModel,
  others: readonly ServedAdapter[],
  { id, folder, scale }: { readonly id: string; readonly folder: string; readonly scale: number },
): Promise<ServedAdapter> {
  if (id === base.id || others.some((other) => other.id === id)) {
    throw new RecipesError('served-name-twice', `adapter: two served models are called ${id}`, {
      hint: `Name one of them yourself: --adapter other=${folder}`,
    });
  }
  await checkPromptFormat(opened.tokenizer, folder);
  const adapter = await loadAdapter(opened.model, folder, { name: `${id} (${++loads})` });
  setAdapterScale(adapter, 0);
  return { id, root: folder, parent: base.id, adapter, scale };
}

/**
 * The adapters after a change. Nobody may be decoding meanwhile.
 * @throws RecipesError `served-name-twice`, `served-model-unknown`, `template-mismatch`; errors of the adapter's files
 */
export async function changeServedAdapters(
  opened: OpenedModel,
  base: ServedModel,
  adapters: readonly ServedAdapter[],
  change: AdapterChange,
): Promise<ServedAdapter[]> {
  switch (change.type) {
    case 'load': {
      const others = change.isReplacing ? adapters.filter(({ id }) => id !== change.id) : adapters;
      const folder = resolveModelFolder(change.folder);
      const added = await loadServed(opened, base, others, { ...change, folder });
      for (const old of adapters) if (!others.includes(old)) detachAdapter(opened.model, old.adapter);
      return [...others, added];
    }
    case 'unload': {
      const gone = requireAdapter(adapters, change.id);
      detachAdapter(opened.model, gone.adapter);
      return adapters.filter((each) => each !== gone);
    }
    case 'scale': {
      const chosen = requireAdapter(adapters, change.id);
      return adapters.map((each) => (each === chosen ? { ...each, scale: change.scale } : each));
    }
    default:
      return change satisfies never;
  }
}

function requireAdapter(adapters: readonly ServedAdapter[], id: string): ServedAdapter {
  const found = adapters.find((each) => each.id === id);
  if (found !== undefined) return found;
  const known = adapters.length === 0 ? 'none are loaded' : `loaded are ${adapters.map((each) => each.id).join(', ')}`;
  throw new RecipesError('served-model-unknown', `adapter: there is no ${id}; ${known}`);
}

/** Off first, then on: modules that adapters hold in full have one place. */
export function switchTo(adapters: readonly ServedAdapter[], id: string): void {
  for (const { adapter } of adapters) setAdapterScale(adapter, 0);
  const chosen = adapters.find((served) => served.id === id);
  if (chosen !== undefined) setAdapterScale(chosen.adapter, chosen.scale);
}
