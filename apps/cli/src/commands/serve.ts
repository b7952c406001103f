/** `tuiqiao serve`: an OpenAI-compatible server over a base model and adapters on it. */
import { parseOptions, type ServeOptions } from '@tuiqiao/schema';
import type { RunningServer } from '@tuiqiao/server';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT, type ExitStatus } from '../exit-codes.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import type { Session } from '../session.ts';

const KEY_VARIABLE = 'TUIQIAO_API_KEY';

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

function exampleCurl(url: string, model: string, hasKey: boolean): string {
  const key = hasKey ? `-H "Authorization: Bearer $${KEY_VARIABLE}" ` : '';
  const body = JSON.stringify({
    model,
    messages: [{ role: 'user', content: '秋夜' }],
    poem: { form: '七绝', rhyme: '尤' },
  });
  return `curl ${url}/v1/chat/completions ${key}-H 'Content-Type: application/json' -d '${body}'`;
}

async function announce(
  session: Session,
  server: RunningServer,
  { models, kernels, contextLength }: { models: readonly string[]; kernels: string; contextLength: number },
  hasKey: boolean,
): Promise<void> {
  const base = `${server.url}/v1`;
  if (session.isJson) {
    await session.printJson({ url: server.url, base_url: base, models, context_length: contextLength, kernels });
    return;
  }
  const { bold, dim } = session.proseColours;
  session.say(dim(kernels));
  session.say(`${session.text('serveModels')}  ${models.join('  ')}`);
  session.say(`${session.text('serveListening')}  ${bold(base)}`);
  session.say(`${session.text('serveTry')}  ${exampleCurl(server.url, models[0]!, hasKey)}`);
  session.say(dim(session.text('serveStop')));
}

async function run(session: Session, options: ServeOptions): Promise<ExitStatus> {
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
      const models = engine.facts.models.map(({ id }) => id);
      await announce(session, server, { ...engine.facts, models }, apiKey !== undefined);
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

export function addServeCommand(host: CommandHost): void {
  const command = host.program.command('serve').description(host.text('serveSummary'));
  const typed = addOptionFlags(command, host, 'serve');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao serve',
      'tuiqiao serve --adapter models/base-poet-aligned --adapter mine=runs/sft:0.8 --port 8080',
      'TUIQIAO_API_KEY=… tuiqiao serve --host 0.0.0.0 --cors-origin https://example.org',
      'tuiqiao serve --model Qwen3-0.6B --context-length 8192 --parallel 4',
    ]),
  );
  command.action(
    host.action(async (session) => {
      const { options, warnings } = parseOptions('serve', toOptionMap('serve', typed, undefined));
      for (const warning of warnings) session.warn(warning);
      return run(session, options);
    }),
  );
}
