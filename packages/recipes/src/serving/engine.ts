/** What serves a model: the contract that the server and the terminal chat speak to, in this thread or from another. */

import type { SamplingOptions } from '@tuiqiao/lm';
import type { PoemOptions, RunControls } from '@tuiqiao/schema';
import type { PoemToPolish, PolishRecord, PolishWords } from '../polish.ts';
import type { PoemRecord } from '../write.ts';

/** The base, or one adapter on it. */
export interface ServedModel {
  readonly id: string;
  /** Folder, as it was given. */
  readonly root: string;
  /** The base's id; null for the base itself. */
  readonly parent: string | null;
  /** Of an adapter: 1 is as trained. Absent for the base. */
  readonly scale?: number;
}

export interface EngineFacts {
  /** The base first. */
  readonly models: readonly ServedModel[];
  /** Tokens of prompt and answer together at most. */
  readonly contextLength: number;
  /** True for models asked in control tokens: what a person types to them is a theme, not a message. */
  readonly isPoet: boolean;
  readonly hasChatTemplate: boolean;
  /** One sentence about the kernels. */
  readonly kernels: string;
}

export interface ChatTurn {
  readonly role: string;
  readonly content: string;
  /** Whatever else the template reads. */
  readonly [key: string]: unknown;
}

/** What is to be continued: a conversation, texts, or token ids. */
export type CompletionInput =
  | { readonly messages: readonly ChatTurn[]; readonly variables?: Readonly<Record<string, unknown>> }
  | { readonly prompts: readonly (string | readonly number[])[] };

export interface CompletionJob {
  readonly model: string;
  readonly input: CompletionInput;
  /** Answers to each prompt. */
  readonly count: number;
  readonly sampling: SamplingOptions;
  readonly maxNewTokens: number;
  readonly stop: readonly string[];
  /** Absent: drawn anew. */
  readonly seed?: number;
  /** How many likely tokens to tell at every place, 0 for the token's own probability alone. Absent: none. */
  readonly topLogProbs?: number;
  /** Added to the logits of these token ids. */
  readonly logitBias?: Readonly<Record<string, number>>;
}

export interface SaidToken {
  readonly text: string;
  /** UTF-8; null for a token that writes no text. */
  readonly bytes: readonly number[] | null;
  readonly logProb: number;
}

export type CompletionEvent =
  /** The next piece of answer `index`; the text may lag behind the tokens. */
  | {
      readonly type: 'text';
      readonly index: number;
      readonly text: string;
      readonly tokens?: readonly (SaidToken & { readonly top: readonly SaidToken[] })[];
    }
  | { readonly type: 'end'; readonly index: number; readonly finish: 'stop' | 'length' };

export interface CompletionResult {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface CompletionControls {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: CompletionEvent) => void;
}

export interface PoemJob {
  readonly model: string;
  readonly options: PoemOptions;
  /** Of the verdicts' sentences. Default Chinese. */
  readonly language?: 'zh' | 'en';
}

export interface PoemsResult extends CompletionResult {
  readonly poems: readonly PoemRecord[];
  readonly givenUp: number;
}

export interface PolishJob {
  readonly model: string;
  readonly poem: PoemToPolish;
  readonly options: PolishWords;
}

/** What may change while others are served; it waits until nobody is being answered. */
export type AdapterChange =
  | {
      readonly type: 'load';
      readonly id: string;
      /** A PEFT folder. */
      readonly folder: string;
      readonly scale: number;
      /** Takes the place of the adapter that has this id. */
      readonly isReplacing: boolean;
    }
  | { readonly type: 'unload'; readonly id: string }
  | { readonly type: 'scale'; readonly id: string; readonly scale: number };

export interface Engine {
  /** As they are now: `changeAdapters` changes the models. */
  readonly facts: EngineFacts;
  /** @throws RecipesError `served-model-unknown`, `prompt-too-long`; errors of `lm`; the signal's reason when aborted */
  complete(job: CompletionJob, controls?: CompletionControls): Promise<CompletionResult>;
  /** Poems under the rules. @throws as `complete`, and RecipesError `write-request`, VerseError for what cannot be */
  write(job: PoemJob, controls?: RunControls): Promise<PoemsResult>;
  /** 推敲. @throws as `write`, and RecipesError `polish-target` */
  polish(job: PolishJob, controls?: RunControls): Promise<PolishRecord>;
  /**
   * All of the changes or, where one cannot be, those before it.
   * @throws RecipesError `served-name-twice`, `served-model-unknown`, `template-mismatch`; errors of the adapter's files
   */
  changeAdapters(changes: readonly AdapterChange[]): Promise<void>;
  close(): Promise<void>;
}
