/** How a written poem scores against the form it was asked for: length, rhyme, meter, all; strict and lenient. */
import { check, type Score, type Verdict } from '@tuiqiao/prosody';

export interface FormScore {
  readonly strict: Score;
  readonly lenient: Score;
  /** null when the text has not even the shape of a poem. */
  readonly verdict: Verdict | null;
}

export interface AskedForm {
  readonly form: string;
  readonly tune?: string;
}

const NOTHING: Score = { length: false, rhyme: false, meter: false, all: false };

/** A text longer than this is not one of the forms; checking it would only cost time. */
const LONGEST_TEXT = 2000;

/**
 * The checker alone decides, told which form was asked for; it knows nothing of how the text came about. A poem of
 * another shape fails every rule: its rhyme and meter have no meaning for the form asked for.
 */
export function scoreForm(text: string, asked: AskedForm): FormScore {
  if (text.length === 0 || text.length > LONGEST_TEXT) return { strict: NOTHING, lenient: NOTHING, verdict: null };
  const verdict = check({ text, form: asked.form, ...(asked.tune === undefined ? {} : { tune: asked.tune }) });
  if (!verdict.strict.length) return { strict: NOTHING, lenient: NOTHING, verdict };
  return { strict: verdict.strict, lenient: verdict.lenient, verdict };
}
