/** Types several concerns share. */
import { z } from 'zod';

/** One name, several, or names separated by commas: always a list inside. */
export const nameList = z
  .union([z.string(), z.array(z.string())])
  .transform((value) =>
    (typeof value === 'string' ? value.split(/[,，]/u) : value)
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );

/** Largest seed: seeds are 32-bit so that every generator in the house can take them. */
const MAX_SEED = 0xffff_ffff;

export const seed = z.int().min(0).max(MAX_SEED);
