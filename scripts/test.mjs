// `npm test`: the fast project; `npm test -- --slow`: the slow one as well. Other arguments go to vitest unchanged.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const given = process.argv.slice(2);
const projects = given.includes('--slow') ? ['--project', 'fast', '--project', 'slow'] : ['--project', 'fast'];
const rest = given.filter((argument) => argument !== '--slow');
const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
const result = spawnSync(process.execPath, [vitest, 'run', ...projects, ...rest], { cwd: root, stdio: 'inherit' });
process.exit(result.status ?? 1);
