/** Asks the server that sent this page. Every address and body is of `@tuiqiao/schema`. */
import type { AdapterEntry, ErrorReply, RunDetail, RunList, RunStreamEvent, StudioModels } from '@tuiqiao/schema';
import { ApiError } from './errors.ts';
import type { PoemEvent, PolishReply } from './poems.ts';

const KEY_STORAGE = 'tuiqiao.key';

/** The key of a server that asks for one; of this tab only. */
export function setKey(key: string): void {
  sessionStorage.setItem(KEY_STORAGE, key);
}

async function request(
  address: string,
  { body, signal }: { body?: unknown; signal?: AbortSignal } = {},
): Promise<Response> {
  const key = sessionStorage.getItem(KEY_STORAGE);
  const headers: Record<string, string> = {
    ...(key === null ? {} : { Authorization: `Bearer ${key}` }),
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
  };
  const reply = await fetch(address, {
    headers,
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    // The browser's own words for a server that is gone differ and say little.
    throw error instanceof TypeError ? new ApiError(0, {}) : error;
  });
  if (reply.ok) return reply;
  const told = (await reply.json().catch(() => null)) as ErrorReply | null;
  throw new ApiError(reply.status, told?.error ?? {});
}

/** Events of a stream; one that ends without `[DONE]` was cut off. */
async function* readEvents<Event>(reply: Response): AsyncGenerator<Event> {
  const reader = reply.body!.pipeThrough(new TextDecoderStream()).getReader();
  let open = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new ApiError(0, {});
      const blocks = (open + value).split('\n\n');
      open = blocks.pop()!;
      for (const block of blocks) {
        const data = block
          .split('\n')
          .flatMap((line) => (line.startsWith('data:') ? [line.slice('data:'.length).trimStart()] : []))
          .join('\n');
        if (data === '[DONE]') return;
        if (data === '') continue;
        const event = JSON.parse(data) as Event | ErrorReply;
        if (typeof event === 'object' && event !== null && 'error' in event) throw new ApiError(500, event.error);
        yield event as Event;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function ask<Reply>(address: string, body?: unknown, signal?: AbortSignal): Promise<Reply> {
  const reply = await request(address, { body, ...(signal === undefined ? {} : { signal }) });
  return (await reply.json()) as Reply;
}

const runAddress = (path: string): string => `./api/runs/${encodeURIComponent(path)}`;

export const api = {
  models: (): Promise<StudioModels> => ask('./api/models'),
  adapters: (): Promise<AdapterEntry[]> => ask('./lora-adapters'),
  loadAdapter: (name: string, folder: string): Promise<unknown> =>
    ask('./v1/load_lora_adapter', { lora_name: name, lora_path: folder }),
  unloadAdapter: (name: string): Promise<unknown> => ask('./v1/unload_lora_adapter', { lora_name: name }),
  scaleAdapter: (name: string, scale: number): Promise<AdapterEntry[]> => ask('./lora-adapters', [{ id: name, scale }]),
  polish: (body: unknown, signal: AbortSignal): Promise<PolishReply> => ask('./api/polish', body, signal),
  runs: (): Promise<RunList> => ask('./api/runs'),
  run: (path: string): Promise<RunDetail> => ask(runAddress(path)),
  reportAddress: (path: string): string => `${runAddress(path)}/report`,
  write: async function* (body: unknown, signal: AbortSignal): AsyncGenerator<PoemEvent> {
    yield* readEvents<PoemEvent>(await request('./api/write', { body, signal }));
  },
  followRun: async function* (path: string, signal: AbortSignal): AsyncGenerator<RunStreamEvent> {
    yield* readEvents<RunStreamEvent>(await request(`${runAddress(path)}/events`, { signal }));
  },
};
