/** `POST /v1/chat/completions`: a conversation goes on; with `poem`, a poem is written under the rules. */
import type { CompletionEvent, CompletionResult, SaidToken } from '@tuiqiao/recipes';
import {
  type ChatChunk,
  type ChatCompletion,
  type ChatLogProbs,
  chatCompletionRequest,
  type FinishReason,
  parseRequest,
  type TokenLogProb,
  type TopLogProb,
} from '@tuiqiao/schema';
import type { Context } from 'hono';
import { createChatFrame } from './chat-frame.ts';
import { beginJob, type House, readJson, sendEvents, usageOf } from './house.ts';
import type { JobEvents } from './job-events.ts';
import { chatJob } from './job-request.ts';
import { answerWithPoems, wantsPoem } from './poem-answer.ts';

type TextEvent = Extract<CompletionEvent, { type: 'text' }>;

function logProbsOf({ tokens }: TextEvent): TokenLogProb[] {
  const told = ({ text, bytes, logProb }: SaidToken): TopLogProb => ({ token: text, logprob: logProb, bytes });
  return (tokens ?? []).map((token) => ({ ...told(token), top_logprobs: token.top.map(told) }));
}

interface Answer {
  text: string;
  finish: FinishReason;
  readonly logProbs: TokenLogProb[];
}

/** Every answer once it is whole. */
async function collect(job: JobEvents<CompletionEvent, CompletionResult>): Promise<Answer[]> {
  const answers: Answer[] = [];
  for await (const event of job) {
    answers[event.index] ??= { text: '', finish: 'stop', logProbs: [] };
    const answer = answers[event.index]!;
    if (event.type === 'end') answer.finish = event.finish;
    else {
      answer.text += event.text;
      answer.logProbs.push(...logProbsOf(event));
    }
  }
  return answers;
}

export async function answerChat(c: Context, house: House): Promise<Response> {
  const request = parseRequest('chat', chatCompletionRequest, await readJson(c));
  if (wantsPoem(request, house.engine.facts)) return answerWithPoems(c, house, request);
  const asked = chatJob(request, house.maxNewTokens);
  const { job, stop } = await beginJob<CompletionEvent, CompletionResult>(c, house, (signal, onEvent) =>
    house.engine.complete(asked, { signal, onEvent }),
  );
  const { head, wantsUsage, chunk } = createChatFrame(request);
  const hasLogProbs = asked.topLogProbs !== undefined;
  const told = (content: readonly TokenLogProb[]): ChatLogProbs | null => (hasLogProbs ? { content } : null);
  if (request.stream !== true) {
    const answers = await collect(job);
    return c.json({
      ...head,
      object: 'chat.completion',
      choices: answers.map(({ text, finish, logProbs }, index) => ({
        index,
        message: { role: 'assistant', content: text },
        logprobs: told(logProbs),
        finish_reason: finish,
      })),
      usage: usageOf(await job.result),
    } satisfies ChatCompletion);
  }
  return sendEvents(c, house, stop, async (send) => {
    for (let index = 0; index < asked.count; index++) {
      await send(chunk({ index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null }));
    }
    for await (const event of job) {
      const { index } = event;
      await send(
        event.type === 'end'
          ? chunk({ index, delta: {}, logprobs: null, finish_reason: event.finish })
          : chunk({ index, delta: { content: event.text }, logprobs: told(logProbsOf(event)), finish_reason: null }),
      );
    }
    if (wantsUsage) {
      const usage = usageOf(await job.result);
      await send({ ...head, object: 'chat.completion.chunk', choices: [], usage } satisfies ChatChunk);
    }
  });
}
