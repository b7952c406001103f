/** The door of the server: a body → a request, or one sentence that says what is wrong with it. */
import type * as z from 'zod';
import { toOptionError } from '../parse-options.ts';

/** @throws OptionError about the first thing that is wrong; its `key` is the field */
export function parseRequest<T extends z.ZodType>(name: string, schema: T, body: unknown): z.output<T> {
  const result = schema.safeParse(body);
  if (!result.success) throw toOptionError(name, result.error.issues[0]!, body);
  return result.data;
}
