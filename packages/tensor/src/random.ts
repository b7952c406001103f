/**
 * Random numbers with a state that fits in four integers: xoshiro128** 1.1 (Blackman, Vigna 2018), seeded through
 * splitmix32. The same seed gives the same numbers on every machine; a saved state continues where it stopped.
 */

/** Four unsigned 32-bit words, not all zero. */
export type RandomState = readonly [number, number, number, number];

export interface Random {
  /** 32 random bits, as an unsigned integer. */
  bits(): number;
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, bound). */
  integer(bound: number): number;
  /** Standard normal (Box–Muller; one value a call, so that the state stays four words). */
  normal(): number;
  /** Shuffles in place (Fisher–Yates) and returns the array. */
  shuffle<T extends unknown[] | Int32Array>(values: T): T;
  /** An independent generator for a named purpose; does not advance this one. */
  fork(label: string): Random;
  /** To be passed to `createRandom` later. */
  state(): RandomState;
}

/** A generator from a seed (any integer) or from a saved state. */
export function createRandom(seed: number | RandomState): Random {
  let [s0, s1, s2, s3] = typeof seed === 'number' ? expandSeed(seed) : seed;

  function bits(): number {
    const result = Math.imul(rotateLeft(Math.imul(s1, 5), 7), 9) >>> 0;
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotateLeft(s3, 11);
    return result;
  }

  function uniform(): number {
    const high = bits() >>> 5;
    const low = bits() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  function state(): RandomState {
    return [s0 >>> 0, s1 >>> 0, s2 >>> 0, s3 >>> 0];
  }

  return {
    bits,
    uniform,
    state,
    integer: (bound) => Math.floor(uniform() * bound),
    normal: () => {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      return radius * Math.cos(2 * Math.PI * uniform());
    },
    shuffle: (values) => {
      for (let i = values.length - 1; i > 0; i--) {
        const j = Math.floor(uniform() * (i + 1));
        const kept = values[i];
        values[i] = values[j]!;
        values[j] = kept!;
      }
      return values;
    },
    fork: (label) => {
      // FNV-1a over the state and the label, spread to four words again.
      let hash = 0x811c9dc5;
      const absorb = (word: number) => {
        hash = Math.imul(hash ^ word, 0x01000193);
      };
      for (const word of state()) for (let shift = 0; shift < 32; shift += 8) absorb((word >>> shift) & 0xff);
      for (let i = 0; i < label.length; i++) absorb(label.charCodeAt(i));
      return createRandom(hash >>> 0);
    },
  };
}

function rotateLeft(x: number, count: number): number {
  return (x << count) | (x >>> (32 - count));
}

/** Four words from one number by splitmix32; the upper half of large seeds counts too. */
function expandSeed(seed: number): [number, number, number, number] {
  let x = (seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32) >>> 0, 0x9e3779b9);
  const next = () => {
    x = (x + 0x9e3779b9) | 0;
    let z = x;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return [next(), next(), next(), next()];
}
