/**
 * The 256 numbers of bitsandbytes' dynamic 8-bit type (Dettmers 2022, "8-bit Optimizers via Block-wise Quantization"):
 * seven decades, each cut into twice as many steps as the one below it, with 0 and 1. Not uniform, because optimizer
 * state is not.
 */

const EXPONENTS = 7;

/** Ascending, f32. Signed: −1 … 1, for first moments; unsigned: 0 … 1, for squares. */
export function createDynamicMap(isSigned: boolean): Float32Array {
  const numbers: number[] = [0, 1];
  for (let i = 0; i < EXPONENTS; i++) {
    const borders = 2 ** (isSigned ? i : i + 1) + 1;
    const factor = Math.fround(10 ** (i - EXPONENTS + 1));
    // f32 with one rounding a number, counted from the nearer end, as torch.linspace does: the map is compared bit for bit.
    const [first, step] = [Math.fround(0.1), Math.fround((1 - Math.fround(0.1)) / (borders - 1))];
    const at = (index: number): number =>
      index < borders / 2 ? Math.fround(first + step * index) : Math.fround(1 - step * (borders - 1 - index));
    for (let k = 0; k + 1 < borders; k++) {
      const mean = Math.fround(Math.fround(at(k) + at(k + 1)) / 2);
      numbers.push(factor * mean);
      if (isSigned) numbers.push(-factor * mean);
    }
  }
  while (numbers.length < 256) numbers.push(0);
  return Float32Array.from(numbers).sort();
}
