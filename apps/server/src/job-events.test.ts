import { describe, expect, it } from 'vitest';
import { startJob } from './job-events.ts';

describe('the events of a job', () => {
  it('come in order, whenever they are read, and then the result', async () => {
    const job = startJob<number, string>(async (onEvent) => {
      onEvent(1);
      await Promise.resolve();
      onEvent(2);
      return 'done';
    });
    await job.begin();
    const seen: number[] = [];
    for await (const event of job) seen.push(event);
    expect(seen).toEqual([1, 2]);
    expect(await job.result).toBe('done');
  });

  it('an error before the first of them comes out of `begin`, a later one out of the reading', async () => {
    const early = startJob<number, string>(async () => {
      throw new Error('early');
    });
    await expect(early.begin()).rejects.toThrow('early');
    const late = startJob<number, string>(async (onEvent) => {
      onEvent(1);
      throw new Error('late');
    });
    await late.begin();
    const read = async () => {
      for await (const event of late) expect(event).toBe(1);
    };
    await expect(read()).rejects.toThrow('late');
  });
});
