/** The engine in this thread: a base and its adapters, opened once, switched between jobs. */
import type { PoemOptions, ServeOptions } from '@tuiqiao/schema';
import {
  createTokenBytes,
  createTokenInventory,
  promptIdsFor,
  promptStyleOf,
  type TokenInventory,
} from '@tuiqiao/verse';
import { describeKernels, openKernels } from '../compute.ts';
import { RecipesError } from '../errors.ts';
import { openLineIndexes } from '../line-indexes.ts';
import { openModel } from '../models.ts';
import { writeRecords } from '../write.ts';
import { toWritingRequest } from '../write-request.ts';
import { type CompletionHost, completeJob } from './complete.ts';
import type { Engine, PoemsResult } from './engine.ts';
import { loadServedAdapters, switchTo } from './served-models.ts';
import { SharedBatch } from './shared-batch.ts';
import { Turns } from './turns.ts';

export type EngineOptions = Pick<
  ServeOptions,
  'model' | 'adapter' | 'contextLength' | 'parallel' | 'kernels' | 'threads' | 'computeType'
>;

/** Poems written at the same time within one request. */
const POEM_SLOTS = 64;

/** @throws errors of `openModel` and of the adapters' files */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const kernels = openKernels(options);
  const opened = await openModel(options.model, { kernels, computeType: options.computeType });
  const { base, adapters } = await loadServedAdapters(opened, options.adapter);
  const models = [base, ...adapters.map(({ id, root, parent }) => ({ id, root, parent }))];
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
  let inventory: TokenInventory | null = null;
  const tokensOf = (words: PoemOptions): { tokens?: TokenInventory } => {
    if (!words.constraints) return {};
    inventory ??= createTokenInventory(tokenizer);
    return { tokens: inventory };
  };
  const isPoet = promptStyleOf(tokenizer) === 'control';
  // A poet will be asked for poems: what their lines are looked up in is unpacked before the first of them.
  if (isPoet) openLineIndexes(opened.folder).catch(() => undefined);
  const requireModel = (id: string): void => {
    if (models.some((served) => served.id === id)) return;
    throw new RecipesError(
      'served-model-unknown',
      `model: there is no ${id}; served are ${models.map((each) => each.id).join(', ')}`,
    );
  };
  const write = async (
    id: string,
    words: PoemOptions,
    controls: Parameters<Engine['write']>[1],
  ): Promise<PoemsResult> => {
    const requests = Array(words.count).fill(toWritingRequest(words));
    const { poems, givenUp } = await writeRecords(
      opened,
      requests,
      {
        ...words,
        ...tokensOf(words),
        batchSize: POEM_SLOTS,
        score: 'default',
        computeType: options.computeType,
        adapter: id === base.id ? [] : [id],
        named: base.id,
      },
      controls,
    );
    return {
      poems,
      givenUp,
      promptTokens: poems.reduce((sum, { request }) => sum + promptIdsFor(tokenizer, request).length, 0),
      completionTokens: poems.reduce((sum, { tokens }) => sum + tokens, 0),
    };
  };
  return {
    facts: {
      models,
      contextLength: host.contextLength,
      isPoet,
      hasChatTemplate: tokenizer.hasChatTemplate,
      kernels: describeKernels(kernels),
    },
    complete: async (job, controls = {}) => {
      requireModel(job.model);
      return turns.take(job.model, controls.signal, () => completeJob(host, job, controls));
    },
    write: async (job, controls = {}) => {
      requireModel(job.model);
      return turns.take(job.model, controls.signal, () => write(job.model, job.options, controls));
    },
    close: async () => undefined,
  };
}
