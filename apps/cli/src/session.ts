/** One invocation of the command: where it writes, in which language and colours, and the options all commands share. */
import picocolors from 'picocolors';
import { describeFailure, type ExitStatus } from './exit-codes.ts';
import { type Language, type MessageKey, translate } from './messages.ts';

export type Colours = ReturnType<typeof picocolors.createColors>;

export interface GlobalOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly seed?: number;
  readonly debug?: boolean;
  /** Commander's form of `--no-color`. */
  readonly color?: boolean;
}

export interface Session {
  readonly language: Language;
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly isDebug: boolean;
  readonly seed: number | undefined;
  /** Colours of stdout, where results go. */
  readonly colours: Colours;
  /** Colours of stderr, where progress and prose go. */
  readonly proseColours: Colours;
  /** True when progress bars may move: stderr is a terminal. */
  readonly isTerminal: boolean;
  text(key: MessageKey, values?: Readonly<Record<string, string | number>>): string;
  /** A result, on stdout. Waits for a slow reader. */
  print(text: string): Promise<void>;
  /** A piece of a result, without a line feed after it. */
  printRaw(text: string): Promise<void>;
  printJson(value: unknown): Promise<void>;
  /** Prose, on stderr; silent with --quiet. */
  say(text: string): void;
  warn(text: string): void;
}

/** NO_COLOR (https://no-color.org) and --no-color switch colours off, FORCE_COLOR on; else only a terminal has them. */
export function wantsColour(
  stream: { readonly isTTY?: boolean },
  flag: boolean,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  if (!flag || environment.NO_COLOR) return false;
  if (environment.FORCE_COLOR) return environment.FORCE_COLOR !== '0';
  return stream.isTTY === true && environment.TERM !== 'dumb';
}

async function write(text: string): Promise<void> {
  if (process.stdout.write(text)) return;
  await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
}

export function createSession(language: Language, options: GlobalOptions): Session {
  const colours = picocolors.createColors(wantsColour(process.stdout, options.color !== false));
  const proseColours = picocolors.createColors(wantsColour(process.stderr, options.color !== false));
  const isQuiet = options.quiet === true;
  const say = (text: string): void => {
    if (!isQuiet) process.stderr.write(`${text}\n`);
  };
  return {
    language,
    isJson: options.json === true,
    isQuiet,
    isDebug: options.debug === true,
    seed: options.seed,
    colours,
    proseColours,
    isTerminal: process.stderr.isTTY === true && process.env.TERM !== 'dumb',
    text: (key, values) => translate(language, key, values),
    print: (text) => write(`${text}\n`),
    printRaw: write,
    printJson: (value) => write(`${JSON.stringify(value)}\n`),
    say,
    warn: (text) => say(`${proseColours.yellow(translate(language, 'warningPrefix'))} ${text}`),
  };
}

/** Tells of an error: JSON on stdout or one sentence and a hint on stderr. Returns the exit status. */
export async function reportFailure(session: Session, thrown: unknown): Promise<ExitStatus> {
  const failure = describeFailure(thrown);
  const { status, code } = failure;
  const own = session.language === 'zh' ? failure.zhWords : undefined;
  const message = own?.message ?? failure.message;
  const hint = own === undefined ? failure.hint : own.hint;
  if (session.isJson) {
    await session.printJson({ error: { code, message, ...(hint === undefined ? {} : { hint }) } });
  } else {
    const { red, dim } = session.proseColours;
    const sentence = session.language === 'zh' ? `${failure.zh}：${message}` : message;
    process.stderr.write(`${red(session.text('errorPrefix'))} ${sentence}\n`);
    if (hint !== undefined) process.stderr.write(`${dim(`${session.text('hintPrefix')} ${hint}`)}\n`);
  }
  if (session.isDebug && thrown instanceof Error && thrown.stack !== undefined) {
    process.stderr.write(`${thrown.stack}\n`);
    if (thrown.cause instanceof Error) process.stderr.write(`caused by ${thrown.cause.stack}\n`);
  }
  return status;
}
