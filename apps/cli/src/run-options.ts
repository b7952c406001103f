/** Commands whose options are flags only: parse, run in the worker with progress on stderr, tell. */
import { describeOptions, type OptionSetName, parseOptions } from '@tuiqiao/schema';
import type { Command } from 'commander';
import type { CommandHost } from './command-host.ts';
import type { ExitStatus } from './exit-codes.ts';
import { listenForInterrupt } from './interrupt.ts';
import { addOptionFlags, toOptionMap } from './option-flags.ts';
import { createRunReader } from './render/run-reader.ts';
import { runInWorker } from './run-in-worker.ts';
import type { Session } from './session.ts';
import type { TaskName } from './worker-messages.ts';

/** Adds the command; the returned one is for help texts. */
export function addOptionsCommand(
  host: CommandHost,
  name: OptionSetName & TaskName,
  summary: string,
  tell: (session: Session, result: unknown) => Promise<ExitStatus>,
): Command {
  const command = host.program.command(name).description(summary);
  const typed = addOptionFlags(command, host, describeOptions(name));
  command.action(
    host.action(async (session) => {
      const { options, warnings } = parseOptions(name, toOptionMap(typed, session.seed));
      for (const warning of warnings) session.warn(warning);
      const interrupt = listenForInterrupt(session);
      const reader = createRunReader(session);
      try {
        const result = await runInWorker(name, options, { signal: interrupt.signal, onEvent: reader.onEvent });
        reader.stop();
        return await tell(session, result);
      } finally {
        reader.stop();
        interrupt.dispose();
      }
    }),
  );
  return command;
}
