import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { LmError } from '../errors.ts';

/**
 * Writes a small text file under a temporary name, then renames it.
 * @throws LmError `checkpoint-write-failed`
 */
export async function writeTextFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new LmError('checkpoint-write-failed', `write: could not write ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
