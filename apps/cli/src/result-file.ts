/** Where a command's result goes: standard output, or a file that appears whole or not at all. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import { CliError } from './errors.ts';
import type { Session } from './session.ts';

export interface ResultTarget {
  /** Waits for a slow reader. */
  write(text: string): Promise<void>;
  /** The result is complete. */
  finish(): Promise<void>;
  /** It never will be: nothing half-written stays. */
  abandon(): Promise<void>;
}

function toStdout(session: Session): ResultTarget {
  return { write: (text) => session.printRaw(text), finish: async () => {}, abandon: async () => {} };
}

function toFile(file: string): ResultTarget {
  const temporary = `${file}.${process.pid}.tmp`;
  const stream = createWriteStream(temporary);
  let failure: Error | undefined;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    const isMissing = error.code === 'ENOENT' || error.code === 'ENOTDIR';
    failure = isMissing
      ? new CliError('input-not-found', `--output: expected a folder that is there, got ${path.dirname(file)}`, {
          cause: error,
        })
      : error;
  });
  return {
    write: async (text) => {
      if (failure !== undefined) throw failure;
      if (stream.write(text)) return;
      await new Promise<void>((resolve) => {
        stream.once('drain', resolve);
        stream.once('close', resolve);
      });
    },
    finish: async () => {
      if (failure !== undefined) throw failure;
      stream.end();
      await finished(stream);
      await rename(temporary, file);
    },
    abandon: async () => {
      stream.destroy();
      await rm(temporary, { force: true });
    },
  };
}

export function openResult(session: Session, file: string | undefined): ResultTarget {
  return file === undefined ? toStdout(session) : toFile(file);
}
