/** Schedules against the rates transformers' `get_scheduler` gives, step by step. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  createSchedule,
  type RampType,
  SCHEDULE_NAMES,
  type ScheduleName,
  type ScheduleOptions,
} from '../src/schedules.ts';

const repoRoot = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const file = path.resolve(repoRoot, '../shared/golden/schedules/transformers/case.json');

interface RecordedSchedule {
  name: ScheduleName;
  parameters: Record<string, number | string>;
  warmup: string;
  num_warmup_steps: number;
  lr: number[];
  lr_after_last_step: number;
}

interface RecordedCase {
  base_lr: number;
  total_steps: number;
  tolerance: { abs: number; rel: number };
  schedules: RecordedSchedule[];
}

function toOptions(recorded: RecordedSchedule, { base_lr, total_steps }: RecordedCase): ScheduleOptions {
  const names: Record<string, keyof ScheduleOptions> = {
    num_cycles: 'cycles',
    min_lr: 'minLearningRate',
    min_lr_rate: 'minLearningRateRatio',
    min_lr_ratio: 'minLearningRateRatio',
    warmup_lr_rate: 'warmupLearningRateRatio',
    lr_end: 'endLearningRate',
    power: 'power',
    timescale: 'timescale',
    num_decay_steps: 'decaySteps',
    warmup_type: 'warmupType',
    decay_type: 'decayType',
  };
  const options: Record<string, number | RampType> = {
    learningRate: base_lr,
    totalSteps: total_steps,
    warmupSteps: recorded.num_warmup_steps,
  };
  for (const [key, value] of Object.entries(recorded.parameters)) {
    const name = names[key];
    if (name === undefined) throw new Error(`expected a known schedule parameter, got ${key}`);
    options[name] = value as number | RampType;
  }
  return options as unknown as ScheduleOptions;
}

describe('schedules', () => {
  const isMissing = !existsSync(file);
  it.skipIf(isMissing)('equal the recorded rates (needs ../shared/golden)', () => {
    const recorded = JSON.parse(readFileSync(file, 'utf8')) as RecordedCase;
    const { abs, rel } = recorded.tolerance;
    const seen = new Set<string>();
    for (const entry of recorded.schedules) {
      const schedule = createSchedule(entry.name, toOptions(entry, recorded));
      seen.add(entry.name);
      for (const [step, expected] of [...entry.lr, entry.lr_after_last_step].entries()) {
        const difference = Math.abs(schedule(step) - expected);
        const label = `${entry.name} ${JSON.stringify(entry.parameters)} ${entry.warmup} step ${step}`;
        expect(difference, label).toBeLessThanOrEqual(abs + rel * Math.abs(expected));
      }
    }
    expect([...seen].sort()).toEqual([...SCHEDULE_NAMES].sort());
  });
});
