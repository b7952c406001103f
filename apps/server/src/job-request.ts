/** From a request of the OpenAI API to a job of the engine. */
import type { CompletionJob } from '@tuiqiao/recipes';
import type { ChatCompletionRequest, CompletionRequest } from '@tuiqiao/schema';

type Common = Omit<CompletionJob, 'model' | 'input' | 'topLogProbs'>;

function given<T>(key: string, value: T | undefined): Record<string, T> {
  return value === undefined ? {} : { [key]: value };
}

function commonOf(request: ChatCompletionRequest | CompletionRequest, maxNewTokens: number): Common {
  return {
    count: request.n ?? 1,
    maxNewTokens,
    stop: request.stop,
    sampling: {
      ...given('temperature', request.temperature),
      ...given('topP', request.top_p),
      ...given('topK', request.top_k === undefined ? undefined : Math.max(0, request.top_k)),
      ...given('minP', request.min_p),
      ...given('repetitionPenalty', request.repetition_penalty),
      ...given('presencePenalty', request.presence_penalty),
      ...given('frequencyPenalty', request.frequency_penalty),
    },
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.logit_bias === undefined ? {} : { logitBias: request.logit_bias }),
  };
}

export function chatJob(request: ChatCompletionRequest, maxNewTokens: number): CompletionJob {
  const { messages, chat_template_kwargs: variables } = request;
  const wantsLogProbs = request.logprobs === true || request.top_logprobs !== undefined;
  return {
    ...commonOf(request, request.max_completion_tokens ?? request.max_tokens ?? maxNewTokens),
    model: request.model,
    // OpenAI's newer word for the same; templates know the older one.
    input: {
      messages: messages.map(({ role, content }) => ({ role: role === 'developer' ? 'system' : role, content })),
      ...(variables === undefined ? {} : { variables }),
    },
    ...(wantsLogProbs ? { topLogProbs: request.top_logprobs ?? 0 } : {}),
  };
}

/** OpenAI's default for this older address. */
const DEFAULT_COMPLETION_TOKENS = 16;

export function promptsOf({ prompt }: CompletionRequest): (string | number[])[] {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'number' ? [prompt as number[]] : (prompt as (string | number[])[]);
}

export function completionJob(request: CompletionRequest): CompletionJob {
  return {
    ...commonOf(request, request.max_tokens ?? DEFAULT_COMPLETION_TOKENS),
    model: request.model,
    input: { prompts: promptsOf(request) },
    ...(request.logprobs === undefined ? {} : { topLogProbs: request.logprobs }),
  };
}
