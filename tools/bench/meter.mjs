// Repeated timing on a machine that others may use too. Each repetition records how many cores' worth of processor time
// other processes took meanwhile; a rate is the median of the repetitions that nobody disturbed, or, where there are too
// few of them, of all, and is then marked as contended.
import { readFileSync } from 'node:fs';
import os from 'node:os';

/** A repetition in which others took this much of a core does not count where there are undisturbed ones. */
export const CLEAN_CORES = 0.15;
/** Fewer undisturbed repetitions than this say nothing. */
const LEAST_CLEAN = 3;
/** /proc/stat counts in these, as every Linux of the last decades does (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Processor seconds all processes have used since the start of the machine; null where the system does not say. */
function busySeconds() {
  if (os.platform() !== 'linux') return null;
  const fields = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0].trim().split(/\s+/).slice(1).map(Number);
  const [user, nice, system, , , interrupt, softInterrupt, stolen] = fields;
  return (user + nice + system + interrupt + softInterrupt + stolen) / TICKS_PER_SECOND;
}

function ownSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** Wall time and foreign load between `lap` calls. */
export class Stopwatch {
  constructor() {
    this.lap();
  }

  /** `{ seconds, foreignCores }` since the last lap; `foreignCores` null where it is not known. */
  lap() {
    const now = { time: performance.now() / 1000, busy: busySeconds(), own: ownSeconds() };
    const last = this.last ?? now;
    this.last = now;
    const seconds = now.time - last.time;
    if (now.busy === null) return { seconds, foreignCores: null };
    const foreign = Math.max(0, now.busy - last.busy - (now.own - last.own));
    return { seconds, foreignCores: foreign / Math.max(1e-6, seconds) };
  }
}

/** Laps of `count` calls of `run`, after one that does not count. */
export async function timeRepetitions(count, run) {
  await run();
  const watch = new Stopwatch();
  const laps = [];
  for (let i = 0; i < count; i++) {
    watch.lap();
    await run();
    laps.push(watch.lap());
  }
  return laps;
}

/** Peak memory of this process so far; Linux and macOS report kilobytes through libuv. */
export function maxRssMegabytes() {
  return process.resourceUsage().maxRSS / 1024;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Of laps that each did `amount` of something: the rate as median, least and most, and whether others interfered. */
export function summarise(laps, amount) {
  const isClean = ({ foreignCores }) => foreignCores !== null && foreignCores < CLEAN_CORES;
  const clean = laps.filter(isClean);
  const isContended = clean.length < LEAST_CLEAN && laps.some(({ foreignCores }) => foreignCores !== null);
  const used = clean.length < LEAST_CLEAN ? laps : clean;
  const rates = used.map(({ seconds }) => amount / seconds);
  return {
    median: median(rates),
    least: Math.min(...rates),
    most: Math.max(...rates),
    seconds: median(used.map(({ seconds }) => seconds)),
    repetitions: laps.length,
    undisturbed: clean.length,
    isContended,
    foreignCores: laps.map(({ foreignCores }) => (foreignCores === null ? null : Math.round(foreignCores * 100) / 100)),
  };
}
