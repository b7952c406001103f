/**
 * `trainer_log.jsonl`: one JSON object a line with LLaMA-Factory's keys and TRL's metric names. A reader of the event
 * stream; a resumed run first drops the lines after the step it resumed from, so that no step is told twice.
 */
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir, open, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { EvalEnd, RunEvent, StepEnd } from '@tuiqiao/schema';
import writeFileAtomic from 'write-file-atomic';

const LOG_FILE = 'trainer_log.jsonl';

export interface TrainerLogEntry {
  readonly current_steps: number;
  readonly total_steps: number;
  readonly epoch: number;
  readonly [key: string]: number | string;
}

export interface TrainerLog {
  /** To be given every event; writes those that belong in the log, in order. */
  onEvent(event: RunEvent): void;
  /** Waits for what was written; throws the first write error. */
  close(): Promise<void>;
}

/**
 * Opens the log of a run folder for appending.
 * @param resumedFromStep keep lines up to this step; without it the log starts empty
 */
export async function openTrainerLog(
  directory: string,
  options: { readonly resumedFromStep?: number | null } = {},
): Promise<TrainerLog> {
  await mkdir(directory, { recursive: true });
  const file = path.join(directory, LOG_FILE);
  const kept = (await readTrainerLog(file)).filter((entry) => entry.current_steps <= (options.resumedFromStep ?? 0));
  await writeFileAtomic(file, kept.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
  const handle = await open(file, 'a');
  let lastStep: Pick<StepEnd, 'totalSteps' | 'epoch'> = { totalSteps: 0, epoch: kept.at(-1)?.epoch ?? 0 };
  let writes: Promise<void> = Promise.resolve();
  const append = (entry: TrainerLogEntry): void => {
    writes = writes.then(() => appendLine(handle, entry));
    // Reported by close(); an unhandled rejection would end the process instead.
    writes.catch(() => undefined);
  };
  return {
    onEvent: (event) => {
      if (event.type === 'step-end') {
        lastStep = event;
        append(stepEntry(event));
      } else if (event.type === 'eval-end') {
        append(evalEntry(event, lastStep));
      }
    },
    close: async () => {
      try {
        await writes;
      } finally {
        await handle.close();
      }
    },
  };
}

/** Entries of a log; a last line cut off by a crash is left out. */
export async function readTrainerLog(file: string): Promise<TrainerLogEntry[]> {
  if (!existsSync(file)) return [];
  const entries: TrainerLogEntry[] = [];
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    if (line === '') continue;
    try {
      entries.push(JSON.parse(line));
    } catch {
      // Only a crash in mid-write leaves such a line; its step is logged again after the resume.
    }
  }
  return entries;
}

function stepEntry(event: StepEnd): TrainerLogEntry {
  const { num_tokens: totalTokens, ...metrics } = event.metrics;
  return {
    current_steps: event.step,
    total_steps: event.totalSteps,
    loss: event.loss,
    lr: event.learningRate,
    grad_norm: event.gradNorm,
    epoch: event.epoch,
    percentage: round((100 * event.step) / event.totalSteps, 2),
    elapsed_time: clock(event.elapsedSeconds),
    remaining_time: clock(event.remainingSeconds),
    throughput: round(event.tokensPerSecond, 2),
    ...(totalTokens === undefined ? {} : { total_tokens: totalTokens }),
    ...metrics,
  };
}

function evalEntry(event: EvalEnd, last: Pick<StepEnd, 'totalSteps' | 'epoch'>): TrainerLogEntry {
  return { current_steps: event.step, total_steps: last.totalSteps, epoch: last.epoch, ...event.metrics };
}

async function appendLine(handle: FileHandle, entry: TrainerLogEntry): Promise<void> {
  await handle.appendFile(`${JSON.stringify(entry)}\n`);
}

/** h:mm:ss, as Python's timedelta prints it. */
function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}`;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
