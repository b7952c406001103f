// Where `tuiqiao corpus pull` keeps the npm package `chinese-poetry`.

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

/** A folder of the pulled package, or undefined when it is not there. */
export function findPoemFolder(/** @type {string} */ name) {
  const { TUIQIAO_CACHE, XDG_CACHE_HOME } = process.env;
  return [
    TUIQIAO_CACHE,
    XDG_CACHE_HOME && path.join(XDG_CACHE_HOME, 'tuiqiao'),
    path.join(homedir(), 'Library', 'Caches', 'tuiqiao'),
    path.join(homedir(), '.cache', 'tuiqiao'),
  ]
    .filter(Boolean)
    .map((folder) => path.join(folder, 'chinese-poetry-2.0.1', name))
    .find((folder) => existsSync(folder));
}
