#!/usr/bin/env node
// The command itself is compiled TypeScript; this file only says what to do when it has not been compiled yet.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/main.js', import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  process.stderr.write('tuiqiao: not built yet; run `npm run setup` in the repository first.\n');
  process.exit(3);
}
await import(main.href);
