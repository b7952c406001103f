// What judging a shi is asked with. Types only.

import type { Book } from '../book-types.ts';
import type { Language } from '../messages.ts';
import type { Script } from '../scripts.ts';
import type { PoemText } from '../text.ts';

/** A shi to judge: its lines, and how the reader wants it. */
export interface ShiRequest {
  readonly id: string | undefined;
  readonly text: PoemText;
  readonly script: Script;
  readonly book: Book;
  readonly language: Language;
  readonly parallelism: boolean;
  readonly polyphones: boolean;
}
