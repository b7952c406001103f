import { describe, expect, it } from 'vitest';
import { fromBf16Bits, HostBuffer, hostArray, toBf16Bits } from './host-buffer.ts';

describe('bf16 bits', () => {
  it('every bf16 value survives the round trip, NaN stays NaN', () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromBf16Bits(bits);
      if (Number.isNaN(value)) expect(Number.isNaN(fromBf16Bits(toBf16Bits(value)))).toBe(true);
      else expect(toBf16Bits(value)).toBe(bits);
    }
  });

  it('rounds to nearest, ties to even', () => {
    const step = 2 ** -7;
    expect(fromBf16Bits(toBf16Bits(1 + step / 2))).toBe(1);
    expect(fromBf16Bits(toBf16Bits(1 + (3 * step) / 2))).toBe(1 + 2 * step);
    expect(fromBf16Bits(toBf16Bits(1 + step * 0.51))).toBe(1 + step);
    expect(fromBf16Bits(toBf16Bits(3.4e38))).toBe(Number.POSITIVE_INFINITY);
    expect(fromBf16Bits(toBf16Bits(-1e-42))).toBeCloseTo(0);
  });
});

describe('HostBuffer', () => {
  it('views share memory and refuse to leave it', () => {
    const buffer = new HostBuffer('f32', hostArray('f32', new ArrayBuffer(32), 0, 8));
    const view = buffer.view(2, 4).view(1, 2);
    view.array[0] = 7;
    expect(buffer.array[3]).toBe(7);
    expect(() => buffer.view(6, 3)).toThrow(RangeError);
  });
});
