/** Recorded reference values, read from beside the repository or from the folder that TUIQIAO_GOLDEN names. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

const root = process.env.TUIQIAO_GOLDEN ?? path.resolve(import.meta.dirname, '../../../../shared/golden');

export const hasGolden = existsSync(root);

export function readCase<T>(name: string): T {
  return JSON.parse(readFileSync(path.join(root, name, 'case.json'), 'utf8')) as T;
}
