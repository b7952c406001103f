/** The engine in this thread: a base and its adapters, opened once, switched between jobs. */
import type { RunControls, ServeOptions } from '@tuiqiao/schema';
import { createTokenBytes, promptIdsFor, promptStyleOf } from '@tuiqiao/verse';
import { describeKernels, openKernels } from '../compute.ts';
import { RecipesError } from '../errors.ts';
import { openLineIndexes } from '../line-indexes.ts';
import { openModel, samplingQuantization } from '../models.ts';
import { polishRecord } from '../polish.ts';
import { writeRecords } from '../write.ts';
import { toWritingRequest } from '../write-request.ts';
import { type CompletionHost, completeJob } from './complete.ts';
import type { Engine, PoemJob, PoemsResult, ServedModel } from './engine.ts';
import { changeServedAdapters, loadServedAdapters, switchTo } from './served-models.ts';
import { SharedBatch } from './shared-batch.ts';
import { Turns } from './turns.ts';

export type EngineOptions = Pick<
  ServeOptions,
  'model' | 'adapter' | 'contextLength' | 'parallel' | 'kernels' | 'threads' | 'computeType'
> &
  Partial<Pick<ServeOptions, 'quantization'>>;

/** Poems written at the same time within one request. */
const POEM_SLOTS = 64;

/** @throws errors of `openModel` and of the adapters' files */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const kernels = openKernels(options);
  const opened = await openModel(options.model, {
    kernels,
    computeType: options.computeType,
    quantization: samplingQuantization(options.quantization ?? 'none'),
  });
  const { base, adapters: first } = await loadServedAdapters(opened, options.adapter);
  let adapters = first;
  const modelsNow = (): ServedModel[] => [
    base,
    ...adapters.map(({ id, root, parent, scale }) => ({ id, root, parent, scale })),
  ];
  const { tokenizer, model } = opened;
  const bytes = createTokenBytes(tokenizer);
  const host: CompletionHost = {
    opened,
    batch: new SharedBatch(model, options.parallel),
    contextLength: Math.min(options.contextLength, model.config.maxPositions),
    bytesOf: (id) => {
      const text = bytes(id);
      return text === null ? null : Array.from(text, (character) => character.charCodeAt(0));
    },
  };
  const turns = new Turns(options.parallel, (id) => {
    switchTo(adapters, id);
    host.batch.forgetCache();
  });
  const isPoet = promptStyleOf(tokenizer) === 'control';
  // A poet will be asked for poems: what their lines are looked up in is unpacked before the first of them.
  if (isPoet) openLineIndexes(opened.folder).catch(() => undefined);
  const requireModel = (id: string): void => {
    const served = modelsNow().map((each) => each.id);
    if (served.includes(id)) return;
    throw new RecipesError('served-model-unknown', `model: there is no ${id}; served are ${served.join(', ')}`);
  };
  /** Asked before it waits, and again when its turn has come: adapters may be gone by then. */
  const take = async <T>(id: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> => {
    requireModel(id);
    return turns.take(id, signal, async () => {
      requireModel(id);
      return work();
    });
  };
  const write = async (
    { model: id, options: words, language }: PoemJob,
    controls: RunControls,
  ): Promise<PoemsResult> => {
    const requests = Array(words.count).fill(toWritingRequest(words));
    const { poems, givenUp } = await writeRecords(
      opened,
      requests,
      {
        ...words,
        batchSize: POEM_SLOTS,
        score: 'default',
        computeType: options.computeType,
        adapter: id === base.id ? [] : [id],
        named: base.id,
      },
      { ...controls, ...(language === undefined ? {} : { language }) },
    );
    return {
      poems,
      givenUp,
      promptTokens: poems.reduce((sum, { request }) => sum + promptIdsFor(tokenizer, request).length, 0),
      completionTokens: poems.reduce((sum, { tokens }) => sum + tokens, 0),
    };
  };
  const facts = {
    contextLength: host.contextLength,
    isPoet,
    hasChatTemplate: tokenizer.hasChatTemplate,
    kernels: `${describeKernels(kernels)}${options.quantization === 'q8_0' ? ' Weights in q8_0: an approximation.' : ''}`,
  };
  return {
    get facts() {
      return { ...facts, models: modelsNow() };
    },
    complete: (job, controls = {}) => take(job.model, controls.signal, () => completeJob(host, job, controls)),
    write: (job, controls = {}) => take(job.model, controls.signal, () => write(job, controls)),
    polish: (job, controls = {}) =>
      take(job.model, controls.signal, () =>
        polishRecord(opened, job.poem, { ...job.options, batchSize: POEM_SLOTS }, { ...controls, named: job.model }),
      ),
    changeAdapters: (changes) =>
      turns.alone(async () => {
        for (const change of changes) adapters = await changeServedAdapters(opened, base, adapters, change);
      }),
    close: async () => undefined,
  };
}
