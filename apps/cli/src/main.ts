/** `tuiqiao`: reads the command line, runs one command, ends with its status. Everything it can do is in `program.ts`. */
import { CommanderError } from 'commander';
import type { CommandHost } from './command-host.ts';
import { toCliError } from './command-line-error.ts';
import { EXIT, type ExitStatus } from './exit-codes.ts';
import { chooseLanguage, type Language } from './messages.ts';
import { createProgram } from './program.ts';
import { createSession, reportFailure } from './session.ts';

/** A reader that has seen enough (`tuiqiao check … | head`) closes the pipe: that is not an error. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.done);
  throw error;
});

/** The command the words lead to, for the hint of an error: `tuiqiao corpus pull`. */
function commandNameOf(argv: readonly string[], host: CommandHost): string {
  let command = host.program;
  let name = command.name();
  for (const word of argv) {
    const next = command.commands.find((candidate) => candidate.name() === word);
    if (next === undefined) continue;
    command = next;
    name += ` ${word}`;
  }
  return name;
}

async function run(argv: readonly string[], language: Language): Promise<ExitStatus> {
  const host = await createProgram(language, argv);
  if (argv.length === 0) {
    host.program.outputHelp();
    return EXIT.done;
  }
  try {
    await host.program.parseAsync(argv, { from: 'user' });
    return host.status();
  } catch (error) {
    // Help and version are "thrown" too, with exit code 0; `tuiqiao corpus` alone shows its help.
    if (error instanceof CommanderError && (error.exitCode === 0 || error.code === 'commander.help')) return EXIT.done;
    const session = createSession(language, {
      json: argv.includes('--json'),
      debug: argv.includes('--debug'),
      color: !argv.includes('--no-color'),
    });
    return reportFailure(
      session,
      error instanceof CommanderError ? toCliError(error, commandNameOf(argv, host)) : error,
    );
  }
}

const argv = process.argv.slice(2);
process.exitCode = await run(argv, chooseLanguage(argv));
