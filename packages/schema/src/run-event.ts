/**
 * Contract 6: what a running recipe says. One typed stream with four readers: the terminal, `trainer_log.jsonl`, the
 * server's SSE and the charts. Names are noun-action. A recipe prints nothing; it only emits these.
 */
import type { Metrics } from './metrics.ts';

export interface RunStart {
  readonly type: 'run-start';
  readonly name: string;
  readonly stage: string;
  /** ISO 8601. */
  readonly time: string;
  readonly totalSteps: number;
  /** What is trained, what the reference is, which kernels answer: sentences shown before step 1. */
  readonly notes: readonly string[];
  readonly resumedFromStep?: number;
}

/** A part of a stage that has no optimizer steps: cleaning, sampling, scoring. */
export interface Progress {
  readonly type: 'progress';
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

export interface StepEnd {
  readonly type: 'step-end';
  readonly step: number;
  readonly totalSteps: number;
  readonly epoch: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
  /** Real (non-pad) tokens of this step. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
  readonly elapsedSeconds: number;
  readonly remainingSeconds: number;
  /** TRL's names: `rewards/chosen`, `mean_token_accuracy`, … */
  readonly metrics: Metrics;
}

export interface EvalEnd {
  readonly type: 'eval-end';
  readonly step: number;
  readonly metrics: Metrics;
}

export interface CheckpointSave {
  readonly type: 'checkpoint-save';
  readonly step: number;
  readonly path: string;
}

export interface Sample {
  readonly type: 'sample';
  readonly step: number;
  readonly prompt: string;
  readonly text: string;
  readonly metrics: Metrics;
}

/** A line of a poem as soon as it is written. */
export interface PoemLineWritten {
  readonly type: 'poem-line';
  /** Which of the poems asked for, from 0. */
  readonly index: number;
  /** From 1. */
  readonly line: number;
  readonly text: string;
}

/** A poem that is done. */
export interface PoemWritten {
  readonly type: 'poem';
  /** Which of the poems asked for, from 0; they come in this order. */
  readonly index: number;
  /** As `write --json` prints it. */
  readonly record: unknown;
}

/** Something a person should know that does not stop the run. */
export interface RunWarning {
  readonly type: 'run-warning';
  readonly code: string;
  readonly message: string;
}

export interface RunEnd {
  readonly type: 'run-end';
  readonly name: string;
  readonly outcome: 'done' | 'aborted';
  readonly outputDir: string;
  readonly metrics: Metrics;
}

export interface RunFailure {
  readonly type: 'run-error';
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

export type RunEvent =
  | RunStart
  | Progress
  | StepEnd
  | EvalEnd
  | CheckpointSave
  | Sample
  | PoemLineWritten
  | PoemWritten
  | RunWarning
  | RunEnd
  | RunFailure;

export type OnEvent = (event: RunEvent) => void;

/** What every recipe takes beside its options. */
export interface RunControls {
  readonly signal?: AbortSignal;
  readonly onEvent?: OnEvent;
  /** Of the sentences in what is returned, e.g. a verdict's findings. Default Chinese. */
  readonly language?: 'zh' | 'en';
}
