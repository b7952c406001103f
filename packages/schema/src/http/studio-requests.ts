/** Requests and replies of the studio's addresses under `/api` that no other client has. */
import * as z from 'zod';
import { BOOKS, VERSE_WORDS } from '../options/verse.ts';
import { polishSchema } from '../stages.ts';

/** A long poem has some hundred characters; a request is no book. */
const MAX_POLISHED_CHARACTERS = 2000;
const MAX_SHOWN = 50;
const MAX_TRIED = 512;

/** `POST /api/polish`: a poem and the words of `polish`, without what the server has decided. */
export const polishRequest = polishSchema
  .omit({
    model: true,
    adapter: true,
    batchSize: true,
    computeType: true,
    kernels: true,
    threads: true,
  })
  .extend({
    /** Absent: the base model. */
    model: z.string().min(1).optional(),
    text: z.string().min(1).max(MAX_POLISHED_CHARACTERS),
    book: z.preprocess((value) => VERSE_WORDS[String(value)] ?? value, z.enum(BOOKS)).optional(),
    count: z.int().min(1).max(MAX_SHOWN).default(5),
    candidates: z.int().min(1).max(MAX_TRIED).default(64),
  });

export type PolishRequest = z.output<typeof polishRequest>;

/** `GET /api/models` */
export interface StudioModels {
  readonly models: readonly {
    readonly id: string;
    /** Its folder. */
    readonly root: string;
    /** The base's id; null for the base itself. */
    readonly parent: string | null;
    /** Of adapters: 1 is as trained. */
    readonly scale: number | null;
  }[];
  /** True for models that write under the rules without being told how. */
  readonly is_poet: boolean;
  readonly kernels: string;
  /** Whether `/api/runs` is there. */
  readonly has_runs: boolean;
}

/** How a run stands: `interrupted` says it is running and no process does. */
export type RunOutcome = 'running' | 'done' | 'aborted' | 'failed' | 'interrupted';

/** One run folder of `GET /api/runs`. */
export interface RunSummary {
  /** Below the folder of runs, with slashes: `demo/sft`. */
  readonly path: string;
  readonly stage: string;
  readonly outcome: RunOutcome;
  /** ISO 8601. */
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  readonly step: number;
  readonly totalSteps: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** The folder holds a `report.html`. */
  readonly hasReport: boolean;
  /** The folder holds an adapter that can be loaded. */
  readonly hasAdapter: boolean;
}

export interface RunList {
  /** The folder that was looked through. */
  readonly folder: string;
  /** Newest first. */
  readonly runs: readonly RunSummary[];
}

/** A poem written while training. */
export interface RunSample {
  readonly step: number;
  readonly prompt: string;
  readonly text: string;
}

/** One run of `GET /api/runs/PATH`. */
export interface RunDetail {
  readonly run: RunSummary;
  /** The folder of runs, as the server was given it. */
  readonly folder: string;
  /** recipe.yaml as it stands. */
  readonly recipe: string | null;
}

/** A line of trainer_log.jsonl, with LLaMA-Factory's keys. */
export type RunLogEntry = Readonly<Record<string, number | string>>;

/** Events of `GET /api/runs/PATH/events`. */
export type RunStreamEvent =
  | { readonly type: 'log'; readonly entries: readonly RunLogEntry[] }
  | { readonly type: 'samples'; readonly samples: readonly RunSample[] }
  /** The log began anew: what was told before no longer holds. */
  | { readonly type: 'restart' }
  | { readonly type: 'state'; readonly run: RunSummary };
