/**
 * `@tuiqiao/prosody/lazy`: the same library for pages. 平水韵 and 廣韻 come with it; the other books, the ci tunes and the
 * pairs of parallel couplets are files of their own, fetched by `loadTables`.
 */
import { hasTable, type LazyTableName, provideTable } from './table-store.ts';

export * from './core.ts';
export type { LazyTableName } from './table-store.ts';

async function loadTable(name: LazyTableName): Promise<void> {
  if (hasTable(name)) return;
  switch (name) {
    case 'cilin':
      return provideTable(name, await import('./tables/cilin.ts'));
    case 'xinyun':
      return provideTable(name, await import('./tables/xinyun.ts'));
    case 'tongyun':
      return provideTable(name, await import('./tables/tongyun.ts'));
    case 'tunes':
      return provideTable(name, await import('./tables/cipu.ts'));
    case 'pairs':
      return provideTable(name, await import('./tables/parallelism.ts'));
    default:
      return name satisfies never;
  }
}

/**
 * Fetches tables; those that are there already cost nothing. Without `tunes` an unlabelled text is never recognised as
 * ci; without `pairs` findings suggest no characters. Ci are judged by 词林正韵: load `tunes` and `cilin` together.
 *
 * @throws what the import of a file throws, e.g. without a network.
 */
export async function loadTables(...names: readonly LazyTableName[]): Promise<void> {
  await Promise.all(names.map(loadTable));
}
