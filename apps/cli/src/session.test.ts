import { describe, expect, it } from 'vitest';
import { wantsColour } from './session.ts';

describe('wantsColour', () => {
  const terminal = { isTTY: true };
  it.each([
    [terminal, true, {}, true],
    [{}, true, {}, false],
    [terminal, false, {}, false],
    [terminal, true, { NO_COLOR: '1' }, false],
    [terminal, true, { NO_COLOR: '' }, true],
    [terminal, true, { TERM: 'dumb' }, false],
    [{}, true, { FORCE_COLOR: '1' }, true],
    [{}, true, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
    [{}, true, { FORCE_COLOR: '0' }, false],
  ] as const)('%j, flag %s, %j → %s', (stream, flag, environment, expected) => {
    expect(wantsColour(stream, flag, environment)).toBe(expected);
  });
});
