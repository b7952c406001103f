/**
 * One thing that moves towards its end: a bar with rate and remaining time on a terminal, a plain line now and then where
 * stderr is a file or a pipe.
 */
import cliProgress from 'cli-progress';
import { formatCount, formatDuration } from './numbers.ts';

/** A pipe gets a line this often: enough to see that it lives, few enough to read. */
const PLAIN_INTERVAL_MS = 10_000;
/** Redraws of a bar a second. */
const FRAMES_PER_SECOND = 8;

export interface Meter {
  readonly label: string;
  /** `detail` stands at the end of the line: loss, rate. `remainingSeconds` when the caller knows better. */
  update(done: number, total: number, detail?: string, remainingSeconds?: number): void;
  /** Prints a line without tearing the bar. */
  note(line: string): void;
  /** Leaves the last state on the screen. */
  stop(): void;
}

export interface MeterOptions {
  readonly label: string;
  readonly unit: string;
  readonly isTerminal: boolean;
  /** Word before the remaining time. */
  readonly remaining: string;
  readonly write?: (text: string) => void;
  /** Milliseconds; for tests. */
  readonly now?: () => number;
}

function estimateRemaining(startedAt: number, startDone: number, now: number, done: number, total: number): number {
  const seconds = (now - startedAt) / 1000;
  return done > startDone ? (seconds / (done - startDone)) * (total - done) : Number.NaN;
}

function formatRate(perSecond: number, unit: string): string {
  if (!Number.isFinite(perSecond) || perSecond <= 0) return '';
  if (unit === 'bytes') return `${(perSecond / 1e6).toFixed(1)} MB/s`;
  return `${perSecond >= 10 ? formatCount(perSecond) : perSecond.toFixed(2)} ${unit}/s`;
}

function formatPart(done: number, total: number, unit: string): string {
  if (unit === 'bytes') return `${(done / 1e6).toFixed(0)}/${(total / 1e6).toFixed(0)} MB`;
  return `${formatCount(done)}/${formatCount(total)} ${unit}`;
}

export function createMeter(options: MeterOptions): Meter {
  const { label, unit, isTerminal, remaining } = options;
  const now = options.now ?? (() => performance.now());
  const write = options.write ?? ((text: string) => process.stderr.write(text));
  let startedAt: number | undefined;
  let startDone = 0;
  let last = { done: 0, total: 0, tail: '' };
  let shownAt = Number.NEGATIVE_INFINITY;
  let shown = '';
  let bar: cliProgress.SingleBar | undefined;

  const tailOf = (done: number, total: number, detail: string | undefined, remainingSeconds: number | undefined) => {
    const time = now();
    startedAt ??= time;
    const left = remainingSeconds ?? estimateRemaining(startedAt, startDone, time, done, total);
    const rate = detail ?? formatRate((1000 * (done - startDone)) / (time - startedAt), unit);
    const parts = [rate, Number.isFinite(left) && done < total ? `${remaining} ${formatDuration(left)}` : ''];
    return parts.filter((part) => part !== '').join(' · ');
  };
  const plainLine = (): string => {
    const percentage = last.total > 0 ? `${Math.floor((100 * last.done) / last.total)} %` : '';
    return [label, percentage, formatPart(last.done, last.total, unit), last.tail]
      .filter((part) => part !== '')
      .join(' · ');
  };
  const showPlain = (): void => {
    const line = plainLine();
    if (line === shown) return;
    shown = line;
    shownAt = now();
    write(`${line}\n`);
  };

  return {
    label,
    update: (done, total, detail, remainingSeconds) => {
      if (startedAt === undefined) {
        startDone = done;
        startedAt = now();
      }
      last = { done, total, tail: tailOf(done, total, detail, remainingSeconds) };
      if (!isTerminal) {
        if (now() - shownAt >= PLAIN_INTERVAL_MS || (done >= total && shownAt > Number.NEGATIVE_INFINITY)) showPlain();
        return;
      }
      const payload = { part: formatPart(done, total, unit), tail: last.tail };
      if (bar === undefined) {
        bar = new cliProgress.SingleBar({
          format: `${label} {bar} {percentage} % · {part} · {tail}`,
          barCompleteChar: '━',
          barIncompleteChar: '─',
          barsize: 24,
          fps: FRAMES_PER_SECOND,
          hideCursor: true,
          linewrap: false,
          stopOnComplete: false,
          // A note has pushed the bar away: draw it again though its text is the same.
          forceRedraw: true,
          // Without it the library swallows Ctrl-C to show the cursor again.
          gracefulExit: false,
        });
        bar.start(total, done, payload);
      } else {
        bar.setTotal(total);
        bar.update(done, payload);
      }
    },
    note: (line) => write(bar === undefined ? `${line}\n` : `\r\u001b[2K${line}\n`),
    stop: () => {
      if (bar !== undefined) bar.stop();
      else if (last.total > 0) showPlain();
    },
  };
}
