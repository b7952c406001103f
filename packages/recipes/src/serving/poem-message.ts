/** What a person types to a poet: a theme, with a form or a tune before it where one is meant. */
import { findTune } from '@tuiqiao/prosody';
import { VERSE_FORMS } from '@tuiqiao/schema';

export interface PoemMessage {
  readonly form?: string;
  readonly tune?: string;
  /** Empty when there is only a form. */
  readonly theme: string;
}

/** `七律 秋夜`, `浣溪沙·春愁`, `七绝：登高`, `秋夜` → form or tune, and theme. */
export function readPoemMessage(text: string): PoemMessage {
  const whole = text.trim();
  const match = /^(\p{Script=Han}{2,6})(?:[\s·・:：,，]+(.*))?$/su.exec(whole);
  if (match === null) return { theme: whole };
  const [, first, rest = ''] = match;
  const form = VERSE_FORMS[first!];
  if (form !== undefined) return { form, theme: rest.trim() };
  // A tune's name alone may as well be a theme; with something after it, it is the tune.
  const tune = rest === '' ? undefined : findTune(first!)?.name;
  return tune === undefined ? { theme: whole } : { tune, theme: rest.trim() };
}
