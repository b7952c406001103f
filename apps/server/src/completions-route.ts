/** `POST /v1/completions`: the older address, which continues plain text or token ids. */
import { randomUUID } from 'node:crypto';
import type { CompletionEvent, CompletionResult } from '@tuiqiao/recipes';
import {
  completionRequest,
  type FinishReason,
  type LegacyLogProbs,
  OptionError,
  parseRequest,
  type TextCompletion,
} from '@tuiqiao/schema';
import type { Context } from 'hono';
import { beginJob, type House, readJson, sendEvents, usageOf } from './house.ts';
import { completionJob, promptsOf } from './job-request.ts';

type TextEvent = Extract<CompletionEvent, { type: 'text' }>;
type Choice = TextCompletion['choices'][number];

/** @param offset characters of the answer before this piece */
function logProbsOf({ tokens = [] }: TextEvent, offset: number): LegacyLogProbs {
  let place = offset;
  return {
    tokens: tokens.map(({ text }) => text),
    token_logprobs: tokens.map(({ logProb }) => logProb),
    top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map(({ text, logProb }) => [text, logProb]))),
    text_offset: tokens.map(({ text }) => {
      const start = place;
      place += [...text].length;
      return start;
    }),
  };
}

function joinLogProbs(a: LegacyLogProbs, b: LegacyLogProbs): LegacyLogProbs {
  return {
    tokens: [...a.tokens, ...b.tokens],
    token_logprobs: [...a.token_logprobs, ...b.token_logprobs],
    top_logprobs: [...a.top_logprobs, ...b.top_logprobs],
    text_offset: [...a.text_offset, ...b.text_offset],
  };
}

export async function answerCompletion(c: Context, house: House): Promise<Response> {
  const request = parseRequest('completion', completionRequest, await readJson(c));
  const asked = completionJob(request);
  const prompts = promptsOf(request);
  if (request.echo === true && prompts.some((prompt) => typeof prompt !== 'string')) {
    throw new OptionError('option-unsupported', 'completion: echo: expected a prompt of text, got token ids', {
      key: 'echo',
    });
  }
  const { job, stop } = await beginJob<CompletionEvent, CompletionResult>(c, house, (signal, onEvent) =>
    house.engine.complete(asked, { signal, onEvent }),
  );
  const head = {
    id: `cmpl-${randomUUID().replaceAll('-', '')}`,
    object: 'text_completion' as const,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
  };
  const answers = prompts.length * asked.count;
  const echoed = (index: number): string =>
    request.echo === true ? String(prompts[Math.floor(index / asked.count)]!) : '';
  const hasLogProbs = asked.topLogProbs !== undefined;
  const offsets = Array<number>(answers).fill(0);
  const piece = (event: CompletionEvent): Choice => {
    const { index } = event;
    if (event.type === 'end') return { index, text: '', logprobs: null, finish_reason: event.finish };
    const logprobs = hasLogProbs ? logProbsOf(event, offsets[index]!) : null;
    offsets[index]! += [...(logprobs?.tokens.join('') ?? '')].length;
    return { index, text: event.text, logprobs, finish_reason: null };
  };
  if (request.stream === true) {
    const wantsUsage = request.stream_options?.include_usage === true;
    const chunk = (choice: Choice): TextCompletion => ({
      ...head,
      choices: [choice],
      ...(wantsUsage ? { usage: null } : {}),
    });
    return sendEvents(c, house, stop, async (send) => {
      if (request.echo === true) {
        for (let index = 0; index < answers; index++) {
          await send(chunk({ index, text: echoed(index), logprobs: null, finish_reason: null }));
        }
      }
      for await (const event of job) await send(chunk(piece(event)));
      if (wantsUsage) await send({ ...head, choices: [], usage: usageOf(await job.result) } satisfies TextCompletion);
    });
  }
  const whole: { text: string; logprobs: LegacyLogProbs | null; finish: FinishReason }[] = Array.from(
    { length: answers },
    (_, index) => ({ text: echoed(index), logprobs: null, finish: 'stop' }),
  );
  for await (const event of job) {
    const answer = whole[event.index]!;
    const { text, logprobs } = piece(event);
    answer.text += text;
    if (logprobs !== null)
      answer.logprobs = answer.logprobs === null ? logprobs : joinLogProbs(answer.logprobs, logprobs);
    if (event.type === 'end') answer.finish = event.finish;
  }
  return c.json({
    ...head,
    choices: whole.map(({ text, logprobs, finish }, index) => ({ index, text, logprobs, finish_reason: finish })),
    usage: usageOf(await job.result),
  } satisfies TextCompletion);
}
