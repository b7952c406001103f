/** How one option is written down: its type with meaning (English and Chinese) and unit. Defaults live in the type. */
import type * as z from 'zod';

/** What `describeOptions` finds beside the type. */
export interface OptionMeta {
  readonly description: string;
  readonly zh: string;
  /** steps, tokens, characters …; absent for names, choices and plain ratios. */
  readonly unit?: string;
  /** Not shown in `--help`; still accepted. */
  readonly isAdvanced?: boolean;
}

/** Attaches meaning to a type. Call it last: `.default()` and `.optional()` would drop the note. */
export function option<T extends z.ZodType>(
  type: T,
  english: string,
  chinese: string,
  more: { unit?: string; isAdvanced?: boolean } = {},
): T {
  const meta: OptionMeta = { description: english, zh: chinese, ...more };
  return type.meta({ ...meta });
}
