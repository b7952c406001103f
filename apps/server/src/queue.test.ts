import { describe, expect, it } from 'vitest';
import { RequestQueue } from './queue.ts';

describe('the queue', () => {
  it('lets in as many as run and wait, sends the next away with a time, and has room again when one leaves', () => {
    const queue = new RequestQueue(2, 1);
    const leave = [queue.enter(), queue.enter(), queue.enter()];
    expect([queue.running, queue.waiting]).toEqual([2, 1]);
    expect(() => queue.enter()).toThrow(expect.objectContaining({ code: 'queue-full', retryAfter: 1 }));
    leave[0]!();
    leave[0]!();
    expect([queue.running, queue.waiting]).toEqual([2, 0]);
    queue.enter();
    expect(() => queue.enter()).toThrow();
  });

  it('lets nobody in once it closes', () => {
    const queue = new RequestQueue(2, 1);
    queue.close();
    expect(() => queue.enter()).toThrow(expect.objectContaining({ code: 'server-closing' }));
  });
});
