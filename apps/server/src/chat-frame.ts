/** What every reply to one chat request has in common: its id, time and model, and the frame of a streamed piece. */
import { randomUUID } from 'node:crypto';
import type { ChatChunk, ChatCompletionRequest } from '@tuiqiao/schema';

export interface ChatFrame {
  readonly head: Pick<ChatChunk, 'id' | 'created' | 'model'>;
  /** Whether a last piece tells the usage (`stream_options.include_usage`). */
  readonly wantsUsage: boolean;
  /** A streamed piece with one choice; `usage` is null in all but the last where it is wanted, as OpenAI has it. */
  chunk(choice: ChatChunk['choices'][number]): ChatChunk;
}

export function createChatFrame(request: Pick<ChatCompletionRequest, 'model' | 'stream_options'>): ChatFrame {
  const head = {
    id: `chatcmpl-${randomUUID().replaceAll('-', '')}`,
    created: Math.floor(Date.now() / 1000),
    model: request.model,
  };
  const wantsUsage = request.stream_options?.include_usage === true;
  return {
    head,
    wantsUsage,
    chunk: (choice) => ({
      ...head,
      object: 'chat.completion.chunk',
      choices: [choice],
      ...(wantsUsage ? { usage: null } : {}),
    }),
  };
}
