/** `write`: poems on request, judged and looked up. With constraints a poem that breaks its form is never returned. */
import { randomInt } from 'node:crypto';
import { toSimplified } from '@tuiqiao/corpus';
import { check, type Verdict } from '@tuiqiao/prosody';
import type { RunControls, WriteOptions } from '@tuiqiao/schema';
import { type Novelty, type WritingRequest, type WrittenPoem, writePoems } from '@tuiqiao/verse';
import { openKernels } from './compute.ts';
import { openLineIndexes } from './line-indexes.ts';
import { type OpenedModel, openModel } from './models.ts';
import { toWritingRequest } from './write-request.ts';

/** One poem as `write --json` prints it. */
export interface PoemRecord {
  readonly text: string;
  readonly title?: string;
  readonly form?: string;
  readonly tune?: string;
  readonly request: WritingRequest;
  readonly verdict: Verdict;
  readonly novelty: Novelty;
  /** Of the whole text under the model's own distribution, nats. */
  readonly logprob: number;
  readonly model: string;
  readonly adapter?: string;
  readonly seed: number;
  readonly attempts: number;
}

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
    adapters: options.adapter,
  });
  return writeRecords(opened, Array<WritingRequest>(options.count).fill(request), options, controls);
}

/** The same for any list of requests on a model that is open already. */
export async function writeRecords(
  opened: OpenedModel,
  requests: readonly WritingRequest[],
  options: Omit<WriteOptions, 'count'>,
  controls: RunControls = {},
): Promise<WriteResult> {
  const seed = options.seed ?? randomInt(MAX_SEED);
  const lineIndexes = await openLineIndexes(opened.folder);
  const written = await writePoems({
    model: opened.model,
    tokenizer: opened.tokenizer,
    requests: requests.flatMap((request) => Array<WritingRequest>(options.bestOf).fill(request)),
    isConstrained: options.constraints,
    seed,
    sampling: {
      temperature: options.temperature,
      topP: options.topP,
      topK: options.topK,
      repetitionPenalty: options.repetitionPenalty,
    },
    maxNewTokens: options.maxNewTokens,
    attempts: options.attempts,
    slots: options.batchSize,
    lineIndexes,
    rejectsCopies: !options.allowCopies,
    ...(controls.signal === undefined ? {} : { signal: controls.signal }),
    onProgress: (done, total) => controls.onEvent?.({ type: 'progress', label: 'writing', done, total, unit: 'poems' }),
  });
  const poems: PoemRecord[] = [];
  for (let i = 0; i < requests.length; i++) {
    const best = chooseBest(written.slice(i * options.bestOf, (i + 1) * options.bestOf));
    if (best.isAccepted || !options.constraints) poems.push(toRecord(best, opened, options));
  }
  return { poems, givenUp: requests.length - poems.length };
}

/** Rules kept, then novelty, then likelihood per token. */
function chooseBest(candidates: readonly WrittenPoem[]): WrittenPoem {
  const rank = (poem: WrittenPoem): readonly number[] => [
    Number(poem.isAccepted) + Number(poem.verdict.strict.all),
    -(poem.novelty?.copiedLines.length ?? 0),
    poem.logProb / Math.max(1, poem.tokens),
  ];
  return candidates.reduce((best, poem) => {
    const [a, b] = [rank(poem), rank(best)];
    const place = a.findIndex((value, i) => value !== b[i]);
    return place >= 0 && a[place]! > b[place]! ? poem : best;
  });
}

function toRecord(poem: WrittenPoem, opened: OpenedModel, options: Omit<WriteOptions, 'count'>): PoemRecord {
  const { request, text, verdict } = poem;
  const isSimplified = options.script === 'simplified';
  const shown = isSimplified ? toSimplified(text) : text;
  const title = request.title;
  return {
    text: shown,
    ...(title === undefined ? {} : { title: isSimplified ? toSimplified(title) : title }),
    ...(request.tune === undefined ? { form: request.form! } : { tune: request.tune }),
    request,
    // Told of the text that is shown: the tones are the same, the characters are those the reader sees.
    verdict: isSimplified
      ? check({
          text: shown,
          form: request.form!,
          ...(request.tune === undefined ? {} : { tune: request.tune }),
          ...(request.book === undefined ? {} : { book: request.book }),
        })
      : verdict,
    novelty: poem.novelty!,
    logprob: poem.logProb,
    model: opened.folder,
    ...(options.adapter.length === 0 ? {} : { adapter: options.adapter.join(',') }),
    seed: poem.seed,
    attempts: poem.attempts,
  };
}
