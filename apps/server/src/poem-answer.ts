/** Poems as answers of a chat: the words of `write` under `poem`, the last message as the theme where none is given. */
import { type EngineFacts, type PoemRecord, type PoemsResult, readPoemMessage } from '@tuiqiao/recipes';
import {
  type ChatChunk,
  type ChatCompletion,
  type ChatCompletionRequest,
  type PoemOptions,
  parsePoemWords,
  type RunEvent,
} from '@tuiqiao/schema';
import type { Context } from 'hono';
import { createChatFrame } from './chat-frame.ts';
import { ServerError } from './errors.ts';
import { beginJob, type House, sendEvents, usageOf } from './house.ts';

/** What the prompts of models that read control tokens are written in. */
const CONTROL_TOKEN = '<|';

/**
 * With `poem`, always. A model that reads control tokens has no other conversation: a message without any is the theme of
 * a poem to it.
 */
export function wantsPoem({ poem, messages }: ChatCompletionRequest, { isPoet }: EngineFacts): boolean {
  return poem !== undefined || (isPoet && !messages.at(-1)!.content.includes(CONTROL_TOKEN));
}

/** Standard fields mean here what they mean everywhere; what `poem` says itself goes first. */
function wordsOf(request: ChatCompletionRequest): PoemOptions {
  const { poem = {} } = request;
  const said = readPoemMessage(request.messages.at(-1)!.content);
  const hasSubject = ['theme', 'title', 'first_line', 'firstLine', 'continue'].some((key) => poem[key] != null);
  const hasForm = poem.form != null || poem.tune != null;
  return parsePoemWords({
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.top_p === undefined ? {} : { top_p: request.top_p }),
    ...(request.top_k === undefined ? {} : { top_k: Math.max(0, request.top_k) }),
    ...(request.n === undefined ? {} : { count: request.n }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(hasForm ? {} : said.tune === undefined ? { form: said.form ?? DEFAULT_FORM } : { tune: said.tune }),
    ...(hasSubject || said.theme === ''
      ? {}
      : { theme: hasForm ? request.messages.at(-1)!.content.trim() : said.theme }),
    ...poem,
  }).options;
}

const DEFAULT_FORM = '七绝';

export async function answerWithPoems(c: Context, house: House, request: ChatCompletionRequest): Promise<Response> {
  const options = wordsOf(request);
  const { job, stop } = await beginJob<RunEvent, PoemsResult>(c, house, (signal, onEvent) =>
    house.engine.write({ model: request.model, options }, { signal, onEvent }),
  );
  const { head, wantsUsage, chunk } = createChatFrame(request);
  if (request.stream !== true) {
    const result = await job.result;
    const { poems } = requirePoems(result);
    return c.json({
      ...head,
      object: 'chat.completion',
      choices: poems.map((poem, index) => ({
        index,
        message: { role: 'assistant', content: poem.text },
        logprobs: null,
        finish_reason: 'stop',
        poem,
      })),
      usage: usageOf(result),
    } satisfies ChatCompletion);
  }
  return sendEvents(c, house, stop, async (send) => {
    let index = 0;
    for await (const event of job) {
      // Not the lines as they are written: an attempt that fails begins again, and a delta cannot be taken back.
      if (event.type !== 'poem') continue;
      const poem = event.record as PoemRecord;
      await send(chunk({ index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }));
      for (const line of poem.text.split(/(?<=\n)/u)) {
        await send(chunk({ index, delta: { content: line }, logprobs: null, finish_reason: null }));
      }
      await send(chunk({ index, delta: {}, logprobs: null, finish_reason: 'stop', poem }));
      index++;
    }
    const result = requirePoems(await job.result);
    if (wantsUsage) {
      await send({ ...head, object: 'chat.completion.chunk', choices: [], usage: usageOf(result) } satisfies ChatChunk);
    }
  });
}

/** @throws ServerError `poem-given-up` when there is none */
function requirePoems(result: PoemsResult): PoemsResult {
  if (result.poems.length > 0) return result;
  throw new ServerError('poem-given-up', 'poem: every attempt broke the form asked for', {
    hint: 'ask for fewer fixed characters, or for more attempts',
  });
}
