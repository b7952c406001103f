/** What `serve` and `studio` have in common: open the model, listen, and end in good order when told to. */
import type { EngineFacts } from '@tuiqiao/recipes';
import type { ServeOptions } from '@tuiqiao/schema';
import type { RunningServer } from '@tuiqiao/server';
import { EXIT, type ExitStatus } from './exit-codes.ts';
import type { Session } from './session.ts';

export const KEY_VARIABLE = 'TUIQIAO_API_KEY';

interface Stop {
  /** Resolves at the first SIGINT or SIGTERM; the second ends the process. */
  readonly asked: Promise<NodeJS.Signals>;
  dispose(): void;
}

function listenForStop(session: Session): Stop {
  let stop: (signal: NodeJS.Signals) => void = () => undefined;
  let isStopping = false;
  const asked = new Promise<NodeJS.Signals>((resolve) => {
    stop = (signal) => {
      if (isStopping) process.exit(EXIT.interrupted);
      isStopping = true;
      session.say(`\n${session.text('serveClosing')}`);
      resolve(signal);
    };
  });
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    asked,
    dispose: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}

/** @param announce told when the server listens */
export async function serveUntilStopped(
  session: Session,
  options: ServeOptions & { readonly runs?: string },
  announce: (server: RunningServer, facts: EngineFacts, apiKey: string | undefined) => Promise<void>,
): Promise<ExitStatus> {
  const [{ isLoopback, startServer }, { startEngine }] = await Promise.all([
    import('@tuiqiao/server'),
    import('@tuiqiao/recipes'),
  ]);
  const apiKey = options.apiKey ?? (process.env[KEY_VARIABLE] || undefined);
  if (!isLoopback(options.host) && apiKey === undefined) {
    session.warn(session.text('serveOpenToAll', { host: options.host }));
  }
  session.say(session.text('serveOpening', { model: options.model }));
  const stop = listenForStop(session);
  try {
    const engine = await startEngine(options);
    try {
      const server = await startServer(engine, {
        ...options,
        apiKey,
        onError: (error) => session.warn(error instanceof Error ? (error.stack ?? error.message) : String(error)),
      });
      await announce(server, engine.facts, apiKey);
      const signal = await stop.asked;
      await server.close();
      // A supervisor's SIGTERM is how a server ends; Ctrl-C is an interruption, as everywhere.
      return signal === 'SIGTERM' ? EXIT.done : EXIT.interrupted;
    } finally {
      await engine.close();
    }
  } finally {
    stop.dispose();
  }
}
