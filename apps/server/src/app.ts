/** The addresses of the server, over any engine. It listens to nothing: `start-server.ts` does. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Engine } from '@tuiqiao/recipes';
import { type ModelList, TuiqiaoError } from '@tuiqiao/schema';
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { cors } from 'hono/cors';
import { addAdapterRoutes } from './adapter-routes.ts';
import { answerChat } from './chat-route.ts';
import { answerCompletion } from './completions-route.ts';
import { isOwnFault, ServerError, toHttpFailure } from './errors.ts';
import { type House, modelObject } from './house.ts';
import { isLoopback } from './loopback.ts';
import { addPageRoutes, STUDIO_FOLDER } from './page-routes.ts';
import { answerCheck, answerPoems } from './poem-routes.ts';
import { RequestQueue } from './queue.ts';
import { addRunRoutes } from './run-routes.ts';
import { addStudioRoutes } from './studio-routes.ts';

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
  /** Only this machine reaches the server. */
  readonly isLocal: boolean;
  /** The folder of runs to show; absent: none are shown. */
  readonly runs?: string | undefined;
  /** Where the studio's page lies; absent: where set-up builds it. */
  readonly studioFolder?: string;
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

/**
 * A page of another site can have its name point to this machine (DNS rebinding); what it asks then still carries that name.
 * @throws ServerError `not-local`
 */
function requireLocal(c: Context, isLocal: boolean): void {
  if (!isLocal) {
    throw new ServerError('not-local', 'this address answers on this machine only, or with a key', {
      hint: 'start the server with --api-key to use it from elsewhere',
    });
  }
  const { hostname } = new URL(c.req.url);
  if (!isLoopback(hostname)) {
    throw new ServerError('not-local', `expected a request to 127.0.0.1 or localhost, got one to ${hostname}`);
  }
  // Of pages elsewhere, `--cors-origin` lets in those it names to the models, not to the machine.
  const origin = c.req.header('origin');
  if (origin !== undefined && !isLoopback(URL.parse(origin)?.hostname ?? '')) {
    throw new ServerError('not-local', `expected a page of this machine, got one of ${origin}`);
  }
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
  const app = new Hono();
  app.onError((error, c) => tellFailure(c, error, house));
  app.notFound((c) =>
    tellFailure(c, new ServerError('address-unknown', `there is no ${c.req.method} ${c.req.path}`), house),
  );
  if (options.corsOrigin.length > 0) {
    const isOpen = options.corsOrigin.includes('*');
    app.use('*', cors({ origin: isOpen ? '*' : [...options.corsOrigin] }));
  }
  app.get('/health', (c) => {
    const models = engine.facts.models.map(({ id }) => id);
    return c.json({ status: 'ok', models, running: queue.running, waiting: queue.waiting });
  });
  const { apiKey, isLocal, runs } = options;
  const requireKey: MiddlewareHandler = async (c, next) => {
    if (apiKey !== undefined) {
      const given = /^Bearer (.+)$/iu.exec(c.req.header('authorization') ?? '')?.[1];
      if (given === undefined || !isKey(given.trim(), apiKey)) {
        throw new ServerError('key-wrong', 'expected the header Authorization: Bearer KEY with this server’s key');
      }
    }
    await next();
  };
  const limitBody = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: () => {
      throw new ServerError('body-too-large', `expected a body of at most ${MAX_BODY_BYTES} bytes`);
    },
  });
  for (const addresses of ['/v1/*', '/api/*', '/lora-adapters']) app.use(addresses, requireKey, limitBody);
  // What shows or takes folders of this machine: for whoever holds the key, or sits at it.
  const requireOwner: MiddlewareHandler = async (c, next) => {
    if (apiKey === undefined) requireLocal(c, isLocal);
    await next();
  };
  for (const addresses of ['/v1/load_lora_adapter', '/v1/unload_lora_adapter', '/lora-adapters', '/api/*']) {
    app.use(addresses, requireOwner);
  }
  app.get('/v1/models', (c) => {
    const data = engine.facts.models.map((model) => modelObject(house, model));
    return c.json({ object: 'list', data } satisfies ModelList);
  });
  app.get('/v1/models/:id{.+}', (c) => {
    const id = c.req.param('id');
    const model = engine.facts.models.find((each) => each.id === id);
    if (model === undefined) throw new TuiqiaoError('served-model-unknown', `there is no model ${id}`);
    return c.json(modelObject(house, model));
  });
  app.post('/v1/chat/completions', (c) => answerChat(c, house));
  app.post('/v1/completions', (c) => answerCompletion(c, house));
  app.post('/v1/poems', (c) => answerPoems(c, house));
  app.post('/v1/check', answerCheck);
  addAdapterRoutes(app, house);
  addStudioRoutes(app, house, { hasRuns: runs !== undefined });
  if (runs !== undefined) addRunRoutes(app, house, runs);
  addPageRoutes(app, options.studioFolder ?? STUDIO_FOLDER);
  return {
    fetch: app.fetch,
    close: () => queue.close(),
    abort: () => closing.abort(),
    get running() {
      return queue.running + queue.waiting;
    },
  };
}
