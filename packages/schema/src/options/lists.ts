/** Types several concerns share. */
import * as z from 'zod';

/** One name, several, or names separated by commas: always a list inside. */
export const nameList = z
  .union([z.string(), z.array(z.string())])
  .transform((value) =>
    (typeof value === 'string' ? value.split(/[,，]/u) : value)
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );

/** One number, several, or numbers separated by commas: always a list inside. What is no number is refused. */
export const numberList = z
  .union([z.number(), z.string(), z.array(z.number())])
  .transform((value) =>
    typeof value === 'string'
      ? value.split(/[,，]/u).map((text) => (text.trim() === '' ? Number.NaN : Number(text)))
      : [value].flat(),
  )
  .pipe(z.array(z.number()));

/** Largest seed: seeds are 32-bit so that every generator in the house can take them. */
const MAX_SEED = 0xffff_ffff;

export const seed = z.int().min(0).max(MAX_SEED);

/** Numbers by pattern: a map, or text such as `q_proj=4,layers.0=8`. Always a map inside; what is no number is refused. */
export function patternMap(number: z.ZodNumber) {
  return z
    .union([z.record(z.string(), z.number()), z.string()])
    .transform((value) =>
      typeof value === 'string'
        ? Object.fromEntries(
            value
              .split(/[,，]/u)
              .filter((entry) => entry.trim() !== '')
              .map((entry) => {
                const at = entry.lastIndexOf('=');
                return [entry.slice(0, Math.max(at, 0)).trim(), Number(entry.slice(at + 1))];
              }),
          )
        : value,
    )
    .pipe(z.record(z.string().min(1), number));
}
