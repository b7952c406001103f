/** `write`: poems on request, judged and looked up. With constraints a poem that breaks its form is never returned. */
import { randomInt } from 'node:crypto';
import { toSimplified } from '@tuiqiao/corpus';
import type { Verdict } from '@tuiqiao/prosody';
import type { RunControls, WriteOptions } from '@tuiqiao/schema';
import {
  messageFor,
  type Novelty,
  type PoemScore,
  verdictOn,
  type WritePoemsOptions,
  type WritingRequest,
  type WrittenPoem,
  writePoemsStream,
} from '@tuiqiao/verse';
import { openKernels } from './compute.ts';
import { rankAnswers } from './couplet-answers.ts';
import { openLineIndexes } from './line-indexes.ts';
import { type OpenedModel, openModel, samplingQuantization } from './models.ts';
import { openRewardModels, type RewardModel } from './reward-models.ts';
import { toWritingRequest } from './write-request.ts';

/** One poem as `write --json` prints it. */
export interface PoemRecord {
  readonly text: string;
  readonly title?: string;
  readonly form?: string;
  readonly tune?: string;
  readonly request: WritingRequest;
  /** The request in the words of the model: what a preference dataset has as its prompt. */
  readonly prompt: string;
  readonly verdict: Verdict;
  readonly novelty: Novelty;
  /** Of the whole text under the model's own distribution, nats. */
  readonly logprob: number;
  /** What `bestOf` chooses by. */
  readonly score: PoemScore;
  /** What the reward model said, from 0 to 1, where one was asked; `bestOf` then chooses by it. */
  readonly reward?: number;
  readonly model: string;
  readonly adapter?: string;
  readonly seed: number;
  readonly attempts: number;
  /** Tokens drawn, the end among them. */
  readonly tokens: number;
}

/** What `writeRecords` needs of the options. */
type RecordOptions = Omit<
  WriteOptions,
  'count' | 'model' | 'quantization' | 'kernels' | 'threads' | 'numBeams' | 'numBeamGroups' | 'diversityPenalty'
> &
  Partial<Pick<WriteOptions, 'numBeams' | 'numBeamGroups' | 'diversityPenalty'>> & {
    /** What the records call the model; absent: its folder. */
    readonly named?: string;
  };

export interface WriteResult {
  readonly poems: readonly PoemRecord[];
  /** Poems that no attempt brought into their form; they are not among `poems`. */
  readonly givenUp: number;
}

const MAX_SEED = 2 ** 31;

export async function runWrite(options: WriteOptions, controls: RunControls = {}): Promise<WriteResult> {
  const request = toWritingRequest(options);
  const opened = await openModel(options.model, {
    kernels: openKernels(options),
    computeType: options.computeType,
    quantization: samplingQuantization(options.quantization),
    adapters: options.adapter,
  });
  return writeRecords(opened, Array<WritingRequest>(options.count).fill(request), options, controls);
}

/** The same for any list of requests on a model that is open already; answers to one upper line come ranked. */
export async function writeRecords(
  opened: OpenedModel,
  requests: readonly WritingRequest[],
  options: RecordOptions,
  controls: RunControls = {},
): Promise<WriteResult> {
  const [request] = requests;
  if (request?.couplet === undefined || requests.some((other) => other !== request)) {
    return writeInOrder(opened, requests, options, controls);
  }
  const own = { ...options, bestOf: 1 };
  const isSearched = (options.numBeams ?? 1) > 1;
  const candidates = isSearched ? Math.max(options.numBeams!, requests.length) : undefined;
  return rankAnswers(
    request,
    requests.length,
    (all, inner) => writeInOrder(opened, all, own, inner),
    controls,
    candidates ?? (options.bestOf > 1 ? options.bestOf * requests.length : undefined),
  );
}

async function writeInOrder(
  opened: OpenedModel,
  requests: readonly WritingRequest[],
  options: RecordOptions,
  controls: RunControls,
): Promise<WriteResult> {
  const seed = options.seed ?? randomInt(MAX_SEED);
  const lineIndexes = await openLineIndexes(opened.folder);
  const { bestOf } = options;
  const [judge] =
    options.score === 'default'
      ? []
      : await openRewardModels([options.score], { kernels: opened.model.kernels, computeType: options.computeType });
  const writing: WritePoemsOptions = {
    model: opened.model,
    tokenizer: opened.tokenizer,
    requests: requests.flatMap((request) => Array<WritingRequest>(bestOf).fill(request)),
    isConstrained: options.constraints,
    seed,
    sampling: {
      temperature: options.temperature,
      topP: options.topP,
      topK: options.topK,
      repetitionPenalty: options.repetitionPenalty,
    },
    ...((options.numBeams ?? 1) > 1
      ? {
          beams: {
            numBeams: options.numBeams!,
            numBeamGroups: options.numBeamGroups ?? 1,
            diversityPenalty: (options.numBeamGroups ?? 1) > 1 ? (options.diversityPenalty ?? 0) : 0,
          },
        }
      : {}),
    maxNewTokens: options.maxNewTokens,
    attempts: options.attempts,
    slots: options.batchSize,
    lineIndexes,
    rejectsCopies: !options.allowCopies,
    ...(options.forbidNgram === undefined ? {} : { forbiddenNgram: options.forbidNgram }),
    ...(controls.language === undefined ? {} : { language: controls.language }),
    ...(controls.signal === undefined ? {} : { signal: controls.signal }),
  };
  const candidates: WrittenPoem[][] = requests.map(() => []);
  const poems: PoemRecord[] = [];
  let told = 0;
  let done = 0;
  for await (const event of writePoemsStream(writing)) {
    const place = Math.floor(event.index / bestOf);
    if (event.type === 'line') {
      // Of several candidates nobody can say yet which line will stay.
      if (bestOf === 1) controls.onEvent?.({ type: 'poem-line', index: place, line: event.line, text: event.text });
      continue;
    }
    candidates[place]![event.index % bestOf] = event.poem;
    controls.onEvent?.({
      type: 'progress',
      label: 'writing',
      done: ++done,
      total: writing.requests.length,
      unit: 'poems',
    });
    // In the order of the requests, each as soon as those before it are told.
    for (; told < requests.length && isFull(candidates[told]!, bestOf); told++) {
      const { best, reward } = await chooseBest(candidates[told]!, judge, controls.signal);
      if (!best.isAccepted && options.constraints) continue;
      const record = {
        ...toRecord(best, opened, options, controls.language),
        ...(reward === undefined ? {} : { reward }),
      };
      poems.push(record);
      controls.onEvent?.({ type: 'poem', index: told, record });
    }
  }
  return { poems, givenUp: requests.length - poems.length };
}

function isFull(candidates: readonly (WrittenPoem | undefined)[], bestOf: number): boolean {
  return candidates.length === bestOf && !candidates.includes(undefined);
}

/** Accepted ones first, then by reward where there is a judge, else by score; of equals the earlier. */
async function chooseBest(
  candidates: readonly WrittenPoem[],
  judge: RewardModel | undefined,
  signal: AbortSignal | undefined,
): Promise<{ best: WrittenPoem; reward?: number }> {
  const judged = candidates.map(({ request, text }) => ({ request, text, isFinished: true }));
  const rewards = await judge?.score(judged, signal);
  const worth = (i: number): number => rewards?.[i] ?? candidates[i]!.score.total;
  const place = candidates.reduce((best, poem, i) => {
    if (poem.isAccepted !== candidates[best]!.isAccepted) return poem.isAccepted ? i : best;
    return worth(i) > worth(best) ? i : best;
  }, 0);
  return { best: candidates[place]!, ...(rewards === undefined ? {} : { reward: rewards[place]! }) };
}

function toRecord(
  poem: WrittenPoem,
  opened: OpenedModel,
  options: RecordOptions,
  language: RunControls['language'],
): PoemRecord {
  const { request, text, verdict } = poem;
  const isSimplified = options.script === 'simplified';
  const shown = isSimplified ? toSimplified(text) : text;
  const title = request.title;
  return {
    text: shown,
    ...(title === undefined ? {} : { title: isSimplified ? toSimplified(title) : title }),
    ...(request.tune === undefined ? { form: request.form! } : { tune: request.tune }),
    request,
    prompt: messageFor(opened.tokenizer, request),
    // Told of the text that is shown: the tones are the same, the characters are those the reader sees.
    verdict: isSimplified ? verdictOn(shown, request, language) : verdict,
    novelty: poem.novelty!,
    logprob: poem.logProb,
    score: poem.score,
    model: options.named ?? opened.folder,
    ...(options.adapter.length === 0 ? {} : { adapter: options.adapter.join(',') }),
    seed: poem.seed,
    attempts: poem.attempts,
    tokens: poem.tokens,
  };
}
