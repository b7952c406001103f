/** `samples.jsonl`: what the model wrote while it was trained, one JSON object a line: `step`, `prompt`, `text`. */
import { appendFileSync, existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import type { OnEvent, RunSample } from '@tuiqiao/schema';
import writeFileAtomic from 'write-file-atomic';
import { explainDiskError } from './errors.ts';

/**
 * Opens the file for the samples of a run; samples after the step it goes on from are dropped, as they are written again.
 * @returns to be given every event
 */
export async function openRunSamples(file: string, resumedFromStep: number): Promise<OnEvent> {
  if (resumedFromStep === 0) await rm(file, { force: true });
  else if (existsSync(file)) {
    const kept = (await readFile(file, 'utf8')).split('\n').filter((line) => stepOf(line) <= resumedFromStep);
    await writeFileAtomic(file, kept.map((line) => `${line}\n`).join(''));
  }
  return (event) => {
    if (event.type !== 'sample') return;
    const { step, prompt, text } = event;
    try {
      // Some lines in a whole run: not worth a queue of their own.
      appendFileSync(file, `${JSON.stringify({ step, prompt, text } satisfies RunSample)}\n`);
    } catch (error) {
      throw explainDiskError(error, `writing ${file}`);
    }
  };
}

/** Infinite for a line that is none. */
function stepOf(line: string): number {
  try {
    return Number((JSON.parse(line) as RunSample).step);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
