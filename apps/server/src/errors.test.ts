import { TuiqiaoError } from '@tuiqiao/schema';
import { describe, expect, it } from 'vitest';
import { isOwnFault, ServerError, toHttpFailure } from './errors.ts';

describe('an error over HTTP', () => {
  it('nobody foresaw is 500 and keeps its inner words to the log', () => {
    const error = new Error('secret path');
    expect(isOwnFault(error)).toBe(true);
    expect(JSON.stringify(toHttpFailure(error))).not.toContain('secret');
    expect(isOwnFault(new TuiqiaoError('tensor.shape', 'x'))).toBe(true);
  });

  it('of a client that is gone is nobody’s fault', () => {
    const aborted = AbortSignal.abort().reason;
    expect(isOwnFault(aborted)).toBe(false);
    expect(toHttpFailure(aborted)).toMatchObject({ status: 503, body: { error: { code: 'given-up' } } });
  });

  it('of a full queue says when to come back', () => {
    const full = new ServerError('queue-full', 'full', { retryAfter: 3 });
    expect(toHttpFailure(full)).toMatchObject({ status: 429, headers: { 'Retry-After': '3' } });
  });
});
