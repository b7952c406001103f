/**
 * Requests of the OpenAI API as this product takes them. Fields keep OpenAI's names and meanings; what it has and we do not
 * (tools, several modalities) is refused where it would change the answer, and ignored where it would not (`user`, `store`).
 * `top_k`, `min_p`, `repetition_penalty` are vLLM's additions; everything of ours is under `poem`.
 */
import * as z from 'zod';
import { seed } from '../options/lists.ts';

/** Answers to one request at most. */
const MAX_CHOICES = 128;
/** As OpenAI has it. */
const MAX_STOPS = 4;
const MAX_TOP_LOGPROBS = 20;
const MAX_PROMPTS = 128;

/** OpenAI's clients send null for what is not set. */
const maybe = <T extends z.ZodType>(type: T) => type.nullish().transform((value) => value ?? undefined);

const stop = z
  .union([z.string(), z.array(z.string()).max(MAX_STOPS)])
  .nullish()
  .transform((value) => (typeof value === 'string' ? [value] : (value ?? [])).filter((text) => text !== ''));

const samplingFields = {
  model: z.string().min(1),
  temperature: maybe(z.number().min(0).max(10)),
  top_p: maybe(z.number().gt(0).max(1)),
  /** vLLM and mlx-lm send −1 or 0 for no bound. */
  top_k: maybe(z.int().min(-1)),
  min_p: maybe(z.number().min(0).max(1)),
  repetition_penalty: maybe(z.number().positive()),
  presence_penalty: maybe(z.number().min(-2).max(2)),
  frequency_penalty: maybe(z.number().min(-2).max(2)),
  n: maybe(z.int().min(1).max(MAX_CHOICES)),
  max_tokens: maybe(z.int().min(1)),
  stop,
  seed: maybe(seed),
  logit_bias: maybe(z.record(z.string().regex(/^\d+$/u, 'token ids'), z.number().min(-100).max(100))),
  stream: maybe(z.boolean()),
  stream_options: maybe(z.object({ include_usage: maybe(z.boolean()) })),
};

/** Text, or OpenAI's list of parts as long as all are text. */
const content = z.union([
  z.string(),
  z
    .array(z.object({ type: z.literal('text'), text: z.string() }))
    .transform((parts) => parts.map(({ text }) => text).join('')),
]);

const chatMessage = z.object({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content,
});

/** What a form of ours adds to a request; read by the option set `poem`. */
export const poemExtension = z.record(z.string(), z.unknown());

export const chatCompletionRequest = z.object({
  ...samplingFields,
  messages: z.array(chatMessage).min(1),
  max_completion_tokens: maybe(z.int().min(1)),
  logprobs: maybe(z.boolean()),
  top_logprobs: maybe(z.int().min(0).max(MAX_TOP_LOGPROBS)),
  response_format: maybe(z.object({ type: z.literal('text') })),
  tools: maybe(z.array(z.unknown()).refine((tools) => tools.length === 0, 'no tools, which this server cannot call')),
  /** Further variables of the model's chat template, as vLLM takes them: `{"enable_thinking": false}`. */
  chat_template_kwargs: maybe(z.record(z.string(), z.unknown())),
  poem: maybe(poemExtension),
});

export const completionRequest = z.object({
  ...samplingFields,
  /** Text or token ids, one or several. */
  prompt: z.union([
    z.string(),
    z.array(z.string()).min(1).max(MAX_PROMPTS),
    z.array(z.int().min(0)).min(1),
    z
      .array(z.array(z.int().min(0)).min(1))
      .min(1)
      .max(MAX_PROMPTS),
  ]),
  logprobs: maybe(z.int().min(0).max(5)),
  echo: maybe(z.boolean()),
  suffix: maybe(z.literal('')),
  best_of: maybe(z.int().min(1).max(1)),
});

export type ChatCompletionRequest = z.output<typeof chatCompletionRequest>;
export type CompletionRequest = z.output<typeof completionRequest>;
/** What a client may write. */
export type ChatCompletionInput = z.input<typeof chatCompletionRequest>;
export type CompletionInput = z.input<typeof completionRequest>;
