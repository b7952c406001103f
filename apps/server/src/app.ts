/** The addresses of the server, over any engine. It listens to nothing: `start-server.ts` does. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Engine } from '@tuiqiao/recipes';
import { type ModelList, type ModelObject, TuiqiaoError } from '@tuiqiao/schema';
import { type Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { answerChat } from './chat-route.ts';
import { answerCompletion } from './completions-route.ts';
import { isOwnFault, ServerError, toHttpFailure } from './errors.ts';
import type { House } from './house.ts';
import { answerCheck, answerPoems } from './poem-routes.ts';
import { RequestQueue } from './queue.ts';

/** A long conversation is some hundred kB; a body beyond this is no request. */
const MAX_BODY_BYTES = 2 * 1024 * 1024;

export interface AppOptions {
  /** Absent: no key is asked for. */
  readonly apiKey?: string | undefined;
  /** Origins of pages that may call, or `*`; none when empty. */
  readonly corsOrigin: readonly string[];
  readonly parallel: number;
  readonly maxQueue: number;
  readonly maxNewTokens: number;
  /** Told of what nobody foresaw. */
  readonly onError?: (error: unknown) => void;
}

export interface App {
  readonly fetch: Hono['fetch'];
  /** Lets nobody in any more. */
  close(): void;
  /** Ends what is still running. */
  abort(): void;
  /** Requests being answered. */
  readonly running: number;
}

function isKey(given: string, key: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(key));
}

function tellFailure(c: Context, error: unknown, house: House): Response {
  if (isOwnFault(error)) house.onError(error);
  const { status, headers, body } = toHttpFailure(error);
  return c.json(body, status, headers);
}

export function createApp(engine: Engine, options: AppOptions): App {
  const queue = new RequestQueue(options.parallel, options.maxQueue);
  const closing = new AbortController();
  const house: House = {
    engine,
    queue,
    closing: closing.signal,
    created: Math.floor(Date.now() / 1000),
    maxNewTokens: options.maxNewTokens,
    onError: options.onError ?? (() => undefined),
  };
  const models = engine.facts.models.map(
    ({ id, root, parent }): ModelObject => ({
      id,
      object: 'model',
      created: house.created,
      owned_by: 'tuiqiao',
      root,
      parent,
    }),
  );
  const app = new Hono();
  app.onError((error, c) => tellFailure(c, error, house));
  app.notFound((c) =>
    tellFailure(c, new ServerError('address-unknown', `there is no ${c.req.method} ${c.req.path}`), house),
  );
  if (options.corsOrigin.length > 0) {
    const isOpen = options.corsOrigin.includes('*');
    app.use('*', cors({ origin: isOpen ? '*' : [...options.corsOrigin] }));
  }
  app.get('/health', (c) =>
    c.json({ status: 'ok', models: models.map(({ id }) => id), running: queue.running, waiting: queue.waiting }),
  );
  app.use('/v1/*', async (c, next) => {
    const { apiKey } = options;
    if (apiKey !== undefined) {
      const given = /^Bearer (.+)$/iu.exec(c.req.header('authorization') ?? '')?.[1];
      if (given === undefined || !isKey(given.trim(), apiKey)) {
        throw new ServerError('key-wrong', 'expected the header Authorization: Bearer KEY with this server’s key');
      }
    }
    await next();
  });
  app.use(
    '/v1/*',
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw new ServerError('body-too-large', `expected a body of at most ${MAX_BODY_BYTES} bytes`);
      },
    }),
  );
  app.get('/v1/models', (c) => c.json({ object: 'list', data: models } satisfies ModelList));
  app.get('/v1/models/:id{.+}', (c) => {
    const id = c.req.param('id');
    const model = models.find((each) => each.id === id);
    if (model === undefined) throw new TuiqiaoError('served-model-unknown', `there is no model ${id}`);
    return c.json(model);
  });
  app.post('/v1/chat/completions', (c) => answerChat(c, house));
  app.post('/v1/completions', (c) => answerCompletion(c, house));
  app.post('/v1/poems', (c) => answerPoems(c, house));
  app.post('/v1/check', answerCheck);
  return {
    fetch: app.fetch,
    close: () => queue.close(),
    abort: () => closing.abort(),
    get running() {
      return queue.running + queue.waiting;
    },
  };
}
