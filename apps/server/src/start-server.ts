/** Listens: one HTTP server over an engine, closed in good order. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import type { Engine } from '@tuiqiao/recipes';
import { type AppOptions, createApp } from './app.ts';
import { ServerError } from './errors.ts';
import { isLoopback } from './loopback.ts';

export interface ServerOptions extends Omit<AppOptions, 'isLocal'> {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

export interface RunningServer {
  /** `http://127.0.0.1:8000` */
  readonly url: string;
  readonly port: number;
  /**
   * Lets nobody in any more, waits for the answers that are under way as long as `graceMs`, then ends them.
   * The engine stays open: it is the caller's.
   */
  close(graceMs?: number): Promise<void>;
}

const DEFAULT_GRACE_MS = 10_000;
const POLL_MS = 20;

function explainListenError(error: NodeJS.ErrnoException, { host, port }: ServerOptions): unknown {
  switch (error.code) {
    case 'EADDRINUSE':
      return new ServerError('port-in-use', `port ${port} of ${host} is in use`, {
        hint: 'Choose another with --port, or 0 for any free one.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new ServerError('address-refused', `the system does not let this program listen on ${host}:${port}`, {
        hint: 'Ports below 1024 are reserved; choose another with --port.',
        cause: error,
      });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ServerError('address-refused', `${host} is no address of this machine`, {
        hint: 'Use --host 127.0.0.1, or 0.0.0.0 for every address.',
        cause: error,
      });
    default:
      return error;
  }
}

/** @throws ServerError `port-in-use`, `address-refused` */
export function startServer(engine: Engine, options: ServerOptions): Promise<RunningServer> {
  const app = createApp(engine, { ...options, isLocal: isLoopback(options.host) });
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: options.host, port: options.port }, (info: AddressInfo) => {
      server.off('error', fail);
      const host = options.host.includes(':') ? `[${options.host}]` : options.host;
      resolve({
        url: `http://${host}:${info.port}`,
        port: info.port,
        close: async (graceMs = DEFAULT_GRACE_MS) => {
          app.close();
          const closed = new Promise<void>((done) => server.close(() => done()));
          const end = Date.now() + graceMs;
          while (app.running > 0 && Date.now() < end) await new Promise((wake) => setTimeout(wake, POLL_MS));
          app.abort();
          // Connections that clients keep open for a next request.
          server.closeIdleConnections();
          const last = setTimeout(() => server.closeAllConnections(), 1000);
          await closed;
          clearTimeout(last);
        },
      });
    }) as Server;
    const fail = (error: NodeJS.ErrnoException): void => reject(explainListenError(error, options));
    server.on('error', fail);
  });
}
