/** What a report is made of. Everything but the title and the date may be missing: the page leaves such a part out. */
import type { Verdict } from '@tuiqiao/prosody';
import type { LadderReport } from '../ladder-report.ts';
import type { LineTrace } from '../scorers/copying.ts';

export type ReportLanguage = 'zh' | 'en';

/** A line of `trainer_log.jsonl`, as far as the curves need it. */
export interface ReportLogEntry {
  readonly current_steps: number;
  readonly loss?: number;
  readonly eval_loss?: number;
  /** Learning rate. */
  readonly lr?: number;
  readonly [key: string]: number | string | undefined;
}

/** One training run, in the order it was done. */
export interface ReportRun {
  /** As shown, e.g. `sft`. */
  readonly name: string;
  /** `pretrain`, `sft`, `dpo`, … */
  readonly stage: string;
  readonly log: readonly ReportLogEntry[];
  /** Sentences said before step 1: what is trained, what the reference is. */
  readonly notes?: readonly string[];
}

/** A poem written on request. */
export interface ReportPoem {
  /** What was asked, in words. */
  readonly request: string;
  readonly title?: string;
  readonly text: string;
  readonly verdict: Verdict;
  readonly novelty: {
    readonly copiedLines: readonly {
      readonly line: string;
      readonly source: { readonly title: string; readonly author: string };
    }[];
    /** Characters. */
    readonly longestSharedNgram: number;
  } | null;
  /** Line by line, from `traceLines`; without it the page has `novelty` only. */
  readonly trace?: readonly LineTrace[];
  readonly model?: string;
  readonly seed?: number;
  readonly attempts?: number;
}

export interface ReportInput {
  readonly title: string;
  /** One sentence under the title. */
  readonly subtitle?: string;
  /** Language of headings and labels; Chinese by default. Findings come in the language of their verdicts. */
  readonly lang?: ReportLanguage;
  /** When the work was done, ISO 8601. */
  readonly date: string;
  /** Processor, cores, memory, kernels: one line. */
  readonly machine?: string;
  readonly versions?: Readonly<Record<string, string>>;
  readonly seeds?: Readonly<Record<string, number>>;
  /** Further facts of the header: models, data, hashes. */
  readonly facts?: readonly { readonly label: string; readonly value: string }[];
  readonly runs?: readonly ReportRun[];
  readonly ladder?: LadderReport | null;
  readonly poems?: readonly ReportPoem[];
  /** Sentences a reader should know: what was and was not measured. */
  readonly notes?: readonly string[];
}
