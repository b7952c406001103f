/** Poems by the name a recipe gives: the full corpus in the cache, the starter that ships, or a JSON lines file. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { findCorpus, loadCorpus, loadPoems, loadStarter, type Poem } from '@tuiqiao/corpus';
import type { RunControls } from '@tuiqiao/schema';
import { RecipesError } from './errors.ts';
import type { ManifestData } from './run-manifest.ts';

export interface OpenedCorpus {
  readonly name: string;
  readonly poems: readonly Poem[];
  /** For manifest.json: which data, how much, its hash. */
  readonly manifestEntry: ManifestData;
}

/** Built-in names; anything else is a file. */
export const CORPUS_NAMES = ['starter', 'full', 'tang-jinti', 'song-jinti'] as const;

export function isCorpusName(name: string): boolean {
  return (CORPUS_NAMES as readonly string[]).includes(name);
}

function isRegulatedOf(dynasty: string): (poem: Poem) => boolean {
  return ({ dynasty: own, labels }) => own === dynasty && labels.start !== null;
}

/** Hash of what was read, so that a manifest names data, not a file's compression. */
function hashOf(poems: readonly Poem[]): string {
  const hash = createHash('sha256');
  for (const { id, text } of poems) hash.update(`${id}\t${text}\n`);
  return hash.digest('hex');
}

/**
 * @throws RecipesError `dataset-not-found` when `full` has not been pulled or the file is not there
 */
export async function openCorpus(name: string, controls: RunControls = {}): Promise<OpenedCorpus> {
  controls.signal?.throwIfAborted();
  if (name === 'starter') {
    const poems = await loadStarter();
    return { name, poems, manifestEntry: { name, sha256: hashOf(poems), samples: poems.length } };
  }
  if (isCorpusName(name)) {
    const corpus = await findCorpus();
    if (corpus === null) {
      throw new RecipesError('dataset-not-found', `${name}: the full corpus is not on this machine yet`, {
        hint: 'Run `tuiqiao corpus pull` once, or use the starter corpus.',
      });
    }
    const all = await loadCorpus();
    const poems = name === 'full' ? all : all.filter(isRegulatedOf(name === 'tang-jinti' ? '唐' : '宋'));
    return {
      name,
      poems,
      manifestEntry: { name, sha256: Object.values(corpus.files)[0]?.contentSha256 ?? '', samples: poems.length },
    };
  }
  if (!existsSync(name)) {
    throw new RecipesError('dataset-not-found', `${name}: neither a built-in corpus nor a file`, {
      hint: `Built in are ${CORPUS_NAMES.join(', ')}.`,
    });
  }
  const poems = await loadPoems(name);
  return { name, poems, manifestEntry: { name: path.basename(name), sha256: hashOf(poems), samples: poems.length } };
}
