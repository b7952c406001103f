/** `tuiqiao studio`: the server with the studio's page, opened in the browser. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { EngineFacts } from '@tuiqiao/recipes';
import { DEFAULT_MODEL, describeOptions, parseOptions, type StudioOptions } from '@tuiqiao/schema';
import type { RunningServer } from '@tuiqiao/server';
import { type CommandHost, examples } from '../command-host.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { serveUntilStopped } from '../serve-until-stopped.ts';
import type { Session } from '../session.ts';

/** Ships beside the base: with it there are two models to compare from the start. */
const ALIGNED_ADAPTER = 'models/base-poet-aligned';
const ALIGNED_FOLDER = fileURLToPath(new URL(`../../../../${ALIGNED_ADAPTER}`, import.meta.url));

function hasDisplay(environment: Readonly<Record<string, string | undefined>> = process.env): boolean {
  if (process.platform === 'darwin' || process.platform === 'win32') return environment.SSH_CONNECTION === undefined;
  return Boolean(environment.DISPLAY || environment.WAYLAND_DISPLAY || environment.WSL_DISTRO_NAME);
}

async function openPage(session: Session, url: string): Promise<void> {
  const { default: open } = await import('open');
  try {
    const child = await open(url);
    child.once('error', () => session.warn(session.text('studioNotOpened')));
  } catch {
    session.warn(session.text('studioNotOpened'));
  }
}

async function announce(
  session: Session,
  { url }: RunningServer,
  { models, kernels }: EngineFacts,
  { open }: StudioOptions,
): Promise<void> {
  const names = models.map(({ id }) => id);
  if (session.isJson) {
    await session.printJson({ url, models: names, kernels });
    return;
  }
  const { bold, dim } = session.proseColours;
  session.say(dim(kernels));
  session.say(`${session.text('serveModels')}  ${names.join('  ')}`);
  session.say(`${session.text('studioAt')}  ${bold(`${url}/`)}`);
  session.say(dim(session.text('serveStop')));
  if (open && hasDisplay()) await openPage(session, `${url}/`);
}

export function addStudioCommand(host: CommandHost): void {
  const command = host.program.command('studio').description(host.text('studioSummary'));
  const typed = addOptionFlags(command, host, describeOptions('studio'));
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao studio',
      'tuiqiao studio --port 8080 --no-open',
      'tuiqiao studio --adapter mine=runs/sft --runs runs',
      'tuiqiao studio --model Qwen3-0.6B',
      'TUIQIAO_API_KEY=… tuiqiao studio --host 0.0.0.0',
    ]),
  );
  command.action(
    host.action(async (session) => {
      const { options: asked, warnings } = parseOptions('studio', toOptionMap(typed, undefined));
      for (const warning of warnings) session.warn(warning);
      const isPlain = asked.model === DEFAULT_MODEL && asked.adapter.length === 0 && existsSync(ALIGNED_FOLDER);
      const options = isPlain ? { ...asked, adapter: [ALIGNED_ADAPTER] } : asked;
      return serveUntilStopped(session, options, (server, facts) => announce(session, server, facts, options));
    }),
  );
}
