/**
 * 8-bit blockwise quantisation with bitsandbytes' dynamic map: optimizer states, and the maxima of 4-bit weights.
 * x ≈ map[code] · max|x| of the block. Source: Dettmers et al., "8-bit Optimizers via Block-wise Quantization" (2022).
 */

export interface BlockwiseCodes {
  /** Indices into `dynamicMap`, one a value. */
  readonly codes: Uint8Array;
  /** f32, one a block. */
  readonly maxima: Float32Array;
  readonly blockSize: number;
}

const EXPONENT_BITS = 7;
const signedMap = createDynamicMap(true);
let unsignedMap: Float32Array | null = null;

/**
 * 256 values in ascending order, from −0.99… (0 when unsigned) to 1: for each decade 10⁻⁶ … 1 twice as many equal steps
 * as for the one below.
 */
export function dynamicMap(isSigned = true): Float32Array {
  if (isSigned) return signedMap;
  unsignedMap ??= createDynamicMap(false);
  return unsignedMap;
}

export interface BlockwiseOptions {
  /** The signed map, or the unsigned one (second moments). Default true. */
  readonly isSigned?: boolean;
  /**
   * `nearest`: the entry nearest to the value, as bitsandbytes' GPU kernels choose it. `table`: its CPU kernel's choice,
   * which first rounds the value to one of 65,536 points of −1 … 1; small values, zero among them, come out up to 2·10⁻⁵
   * of the maximum off. Default `nearest`.
   */
  readonly rounding?: 'nearest' | 'table';
}

/** Each value becomes an entry of the map (see `rounding`); a block of zeros has maximum 0. */
export function quantizeBlockwise(
  values: Float32Array,
  blockSize: number,
  { isSigned = true, rounding = 'nearest' }: BlockwiseOptions = {},
): BlockwiseCodes {
  const map = dynamicMap(isSigned);
  const entryOf =
    rounding === 'nearest' ? (x: number) => nearestEntry(map, x) : (x: number) => nearestEntry(map, tablePoint(x));
  const blocks = Math.ceil(values.length / blockSize);
  const codes = new Uint8Array(values.length);
  const maxima = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const begin = block * blockSize;
    const end = Math.min(begin + blockSize, values.length);
    let largest = 0;
    for (let i = begin; i < end; i++) largest = Math.max(largest, Math.abs(values[i]!));
    maxima[block] = largest;
    for (let i = begin; i < end; i++) {
      codes[i] = entryOf(largest === 0 ? 0 : Math.fround(values[i]! / largest));
    }
  }
  return { codes, maxima, blockSize };
}

/** The values, f32. */
export function dequantizeBlockwise({ codes, maxima, blockSize }: BlockwiseCodes, isSigned = true): Float32Array {
  const map = dynamicMap(isSigned);
  const values = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) values[i] = map[codes[i]!]! * maxima[Math.floor(i / blockSize)]!;
  return values;
}

/** The point of the table of 65,536 that x is rounded to. */
function tablePoint(x: number): number {
  const index = Math.floor(Math.fround(Math.fround(Math.fround(x + 1) * 0.5) * 65535) + 0.5);
  return Math.fround(Math.fround((2 * index) / 65535) - 1);
}

/** Index of the entry nearest to x, by halving. */
function nearestEntry(map: Float32Array, x: number): number {
  let low = 0;
  let high = map.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (map[middle]! <= x) low = middle;
    else high = middle;
  }
  return Math.abs(map[high]! - x) < Math.abs(x - map[low]!) ? high : low;
}

function createDynamicMap(isSigned: boolean): Float32Array {
  const entries: number[] = [0, 1];
  for (let i = 0; i < EXPONENT_BITS; i++) {
    const steps = 2 ** (isSigned ? i : i + 1);
    const decade = 10 ** (i - EXPONENT_BITS + 1);
    for (let step = 0; step < steps; step++) {
      const mean = Math.fround(Math.fround(boundary(step, steps) + boundary(step + 1, steps)) / 2);
      const entry = Math.fround(Math.fround(decade) * mean);
      entries.push(entry);
      if (isSigned) entries.push(-entry);
    }
  }
  return Float32Array.from(entries).sort();
}

/** Point `index` of `steps` + 1 from 0.1 to 1, rounded as torch.linspace does in f32: from the nearer end. */
function boundary(index: number, steps: number): number {
  const start = Math.fround(0.1);
  const step = Math.fround(Math.fround(1 - start) / steps);
  return index < (steps + 1) / 2 ? Math.fround(start + step * index) : Math.fround(1 - step * (steps - index));
}
