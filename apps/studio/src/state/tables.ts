/** Tables of the prosody engine, fetched from this server when they are needed; a verdict is then made anew. */
import { type LazyTableName, loadTables } from '@tuiqiao/prosody/lazy';
import { useEffect, useState } from 'react';

const loaded = new Set<LazyTableName>();

/** True when all of them are there. */
export function useTables(...names: readonly LazyTableName[]): boolean {
  const [, setCount] = useState(loaded.size);
  const wanted = names.join(' ');
  useEffect(() => {
    const missing = (wanted.split(' ').filter((name) => name !== '') as LazyTableName[]).filter(
      (name) => !loaded.has(name),
    );
    if (missing.length === 0) return;
    let isCurrent = true;
    loadTables(...missing).then(
      () => {
        for (const name of missing) loaded.add(name);
        if (isCurrent) setCount(loaded.size);
      },
      // The server is gone: what needs no table still works.
      () => undefined,
    );
    return () => {
      isCurrent = false;
    };
  }, [wanted]);
  return names.every((name) => loaded.has(name));
}
