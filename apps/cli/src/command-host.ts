/** What a command file needs to add itself to the program. */
import type { Command } from 'commander';
import type { ExitStatus } from './exit-codes.ts';
import type { Language, MessageKey } from './messages.ts';
import { createSession, type GlobalOptions, type Session } from './session.ts';

/** Does the work of one command and says how it ended. */
export type Handler = (session: Session, command: Command) => Promise<ExitStatus>;

export interface CommandHost {
  readonly program: Command;
  readonly language: Language;
  text(key: MessageKey): string;
  /** Makes a handler into a commander action; the status becomes the process's. */
  action(handler: Handler): (...given: unknown[]) => Promise<void>;
  /** Status of the handler that ran. */
  status(): ExitStatus;
}

/** A block of examples for the end of a command's help. */
export function examples(host: Pick<CommandHost, 'text'>, lines: readonly string[]): string {
  return `\n${host.text('examples')}\n${lines.map((line) => `  ${line}`).join('\n')}\n`;
}

export function createHost(program: Command, language: Language, text: CommandHost['text']): CommandHost {
  let status: ExitStatus = 0;
  return {
    program,
    language,
    text,
    action:
      (handler) =>
      async (...given) => {
        const command = given.at(-1) as Command;
        status = await handler(createSession(language, command.optsWithGlobals<GlobalOptions>()), command);
      },
    status: () => status,
  };
}
