/** `tuiqiao serve`: an OpenAI-compatible server over a base model and adapters on it. */
import type { EngineFacts } from '@tuiqiao/recipes';
import { describeOptions, parseOptions } from '@tuiqiao/schema';
import type { RunningServer } from '@tuiqiao/server';
import { type CommandHost, examples } from '../command-host.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { KEY_VARIABLE, serveUntilStopped } from '../serve-until-stopped.ts';
import type { Session } from '../session.ts';

function exampleCurl(url: string, model: string, hasKey: boolean): string {
  const key = hasKey ? `-H "Authorization: Bearer $${KEY_VARIABLE}" ` : '';
  const body = JSON.stringify({
    model,
    messages: [{ role: 'user', content: '秋夜' }],
    poem: { form: '七绝', rhyme: '尤' },
  });
  return `curl ${url}/v1/chat/completions ${key}-H 'Content-Type: application/json' -d '${body}'`;
}

async function announce(session: Session, server: RunningServer, facts: EngineFacts, hasKey: boolean): Promise<void> {
  const { kernels, contextLength } = facts;
  const models = facts.models.map(({ id }) => id);
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

export function addServeCommand(host: CommandHost): void {
  const command = host.program.command('serve').description(host.text('serveSummary'));
  const typed = addOptionFlags(command, host, describeOptions('serve'));
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
      const { options, warnings } = parseOptions('serve', toOptionMap(typed, undefined));
      for (const warning of warnings) session.warn(warning);
      return serveUntilStopped(session, options, (server, facts, apiKey) =>
        announce(session, server, facts, apiKey !== undefined),
      );
    }),
  );
}
