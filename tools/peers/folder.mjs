// Where what the comparison needs is kept: `peers` in the user's cache folder.
//
//   node tools/peers/folder.mjs [NAME]     prints the folder, or the path of NAME in it
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultCacheFolder } from '@tuiqiao/corpus';

export function peersFolder(...names) {
  return path.join(defaultCacheFolder(), 'peers', ...names);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.stdout.write(`${peersFolder(...process.argv.slice(2))}\n`);
}
