#!/usr/bin/env node
// The command itself is compiled TypeScript; this file only says where it is, and what to do when it has not been compiled yet.
import { existsSync, statSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
/** `check` alone, put together by set-up from what is compiled: it starts in two thirds of the time. */
const bundle = new URL('../dist/bundle/main.mjs', import.meta.url);
/** What a compilation touches, of the packages the bundle is made from. Not there where the package is installed. */
const STAMPS = ['../dist', '../../../packages/schema/dist', '../../../packages/prosody/dist'].map(
  (folder) => new URL(`${folder}/.tsbuildinfo`, import.meta.url),
);

/** When a file was written; 0 where there is none. */
function timeOf(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** A bundle older than the compiled packages would run yesterday's code. */
function isFresh() {
  const made = timeOf(bundle);
  return made > 0 && STAMPS.every((stamp) => timeOf(stamp) <= made);
}

if (!existsSync(main)) {
  process.stderr.write('tuiqiao: not built yet; run `npm run setup` in the repository first.\n');
  process.exit(3);
}
await import(process.argv[2] === 'check' && isFresh() ? bundle.href : main.href);
