// The large tables that not every caller needs. `index.ts` provides all of them; `lazy.ts`, for pages, fetches each when
// it is asked for. The checker stays synchronous either way.

import { ProsodyError } from './errors.ts';

/** Tables by the name a caller knows them by. */
export interface LazyTables {
  readonly cilin: typeof import('./tables/cilin.ts');
  readonly xinyun: typeof import('./tables/xinyun.ts');
  readonly tongyun: typeof import('./tables/tongyun.ts');
  /** Patterns of the ci tunes. */
  readonly tunes: typeof import('./tables/cipu.ts');
  /** What faces what in parallel couplets: scores of 对仗, and characters to suggest. */
  readonly pairs: typeof import('./tables/parallelism.ts');
}

export type LazyTableName = keyof LazyTables;

const provided: { -readonly [Name in LazyTableName]?: LazyTables[Name] } = {};

export function provideTable<Name extends LazyTableName>(name: Name, table: LazyTables[Name]): void {
  provided[name] = table;
}

export function hasTable(name: LazyTableName): boolean {
  return provided[name] !== undefined;
}

/** @throws ProsodyError PROSODY_NOT_LOADED when nobody has provided the table. */
export function useTable<Name extends LazyTableName>(name: Name): LazyTables[Name] {
  const table = provided[name];
  if (table === undefined) {
    throw new ProsodyError(
      'PROSODY_NOT_LOADED',
      `prosody: expected the table "${name}" to be loaded, got none`,
      `await loadTables('${name}') first`,
    );
  }
  return table as LazyTables[Name];
}
