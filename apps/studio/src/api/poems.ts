/** Poems as the server tells them: the part of `write --json` and `polish --json` that this page reads. */
import type { Verdict } from '@tuiqiao/prosody';

export interface WrittenPoem {
  readonly text: string;
  readonly title?: string;
  readonly prompt: string;
  readonly verdict: Verdict;
  readonly novelty: {
    readonly copiedLines: readonly {
      readonly line: string;
      readonly source: { readonly title: string; readonly author: string };
    }[];
    readonly longestSharedNgram: number;
  };
  readonly model: string;
  readonly adapter?: string;
  readonly seed: number;
}

/** Of `POST /api/write`. A line that comes again belongs to a new attempt. */
export type PoemEvent =
  | { readonly type: 'line'; readonly index: number; readonly line: number; readonly text: string }
  | { readonly type: 'poem'; readonly index: number; readonly poem: WrittenPoem }
  | { readonly type: 'end'; readonly given_up: number };

export interface Rewrite {
  readonly text: string;
  readonly changes: readonly {
    readonly line: number;
    readonly position: number;
    readonly from: string;
    readonly to: string;
  }[];
  /** Nats; above 0 the model likes it better than what stood there. */
  readonly gain: number;
  readonly verdict: Verdict;
}

export interface PolishReply {
  readonly suggestions: readonly Rewrite[];
}
