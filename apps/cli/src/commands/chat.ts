/** `tuiqiao chat`: a conversation in the terminal, or from a pipe, a message a line. */
import { createInterface, type Interface } from 'node:readline';
import { type ChatOptions, describeOptions, parseOptions } from '@tuiqiao/schema';
import { answer, type Chat } from '../chat/answer.ts';
import { isTheme, readInput, startState } from '../chat/chat-state.ts';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT, type ExitStatus } from '../exit-codes.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { reportFailure, type Session } from '../session.ts';

/** Answers of a chat are one at a time. */
const PARALLEL = 1;

/** Lines as messages: a line that ends with a backslash goes on in the next. */
async function* readMessages(lines: Interface, prompt: () => void): AsyncGenerator<string> {
  let open = '';
  prompt();
  for await (const line of lines) {
    if (line.endsWith('\\')) {
      open += `${line.slice(0, -1)}\n`;
      continue;
    }
    const text = open + line;
    open = '';
    if (text.trim() !== '') yield text;
    prompt();
  }
}

function promptOf({ state, engine }: Chat): string {
  const shape = state.tune ?? state.form;
  const parts = [
    engine.facts.models.length > 1 ? state.model : null,
    shape ?? (engine.facts.isPoet ? '七绝' : null),
    state.rhyme ?? null,
  ].filter((part) => part !== null);
  return `${parts.join(' · ')}> `;
}

function greet({ session, engine, state }: Chat): void {
  const { dim } = session.proseColours;
  session.say(dim(engine.facts.kernels));
  session.say(`${session.text('serveModels')}  ${engine.facts.models.map(({ id }) => id).join('  ')}`);
  session.say(session.text(isTheme(state, engine.facts) ? 'chatPoet' : 'chatTalk'));
}

async function converse(chat: Chat, isInteractive: boolean): Promise<ExitStatus> {
  const { session, engine, state } = chat;
  const lines = createInterface({
    input: process.stdin,
    ...(isInteractive ? { output: process.stderr, terminal: true } : {}),
  });
  let running: AbortController | null = null;
  let isLeaving = false;
  let status: ExitStatus = EXIT.done;
  const interrupt = (): void => {
    if (running !== null && !running.signal.aborted && isInteractive) {
      running.abort();
      return;
    }
    if (!isLeaving && isInteractive) {
      isLeaving = true;
      session.say(`\n${session.text('chatLeave')}`);
      lines.prompt();
      return;
    }
    status = EXIT.interrupted;
    running?.abort();
    lines.close();
  };
  lines.on('SIGINT', interrupt);
  process.on('SIGINT', interrupt);
  const prompt = (): void => {
    if (!isInteractive) return;
    lines.setPrompt(promptOf(chat));
    lines.prompt();
  };
  let turn = 0;
  try {
    for await (const text of readMessages(lines, prompt)) {
      isLeaving = false;
      if (status === EXIT.interrupted) break;
      running = new AbortController();
      try {
        const input = readInput(text, state, engine.facts);
        if (input.type === 'quit') break;
        if (input.type === 'help') session.say(session.text('chatHelp'));
        if (input.type === 'message') {
          const seed = session.seed === undefined ? undefined : (session.seed + turn++) >>> 0;
          await answer(chat, input.text, seed, running.signal);
        }
      } catch (error) {
        if (!running.signal.aborted) {
          const failed = await reportFailure(session, error);
          // In a conversation the next message is a new try; of a pipe the status tells that one failed.
          if (!isInteractive) status = failed;
        }
      } finally {
        running = null;
      }
    }
  } finally {
    lines.close();
    process.off('SIGINT', interrupt);
  }
  return status;
}

async function run(session: Session, options: ChatOptions): Promise<ExitStatus> {
  const { startEngine } = await import('@tuiqiao/recipes');
  const isInteractive = process.stdin.isTTY === true && !session.isJson;
  if (isInteractive) session.say(session.text('serveOpening', { model: options.model }));
  const engine = await startEngine({ ...options, parallel: PARALLEL });
  try {
    const chat: Chat = { session, engine, options, state: startState(options, engine.facts) };
    if (isInteractive) greet(chat);
    return await converse(chat, isInteractive);
  } finally {
    await engine.close();
  }
}

export function addChatCommand(host: CommandHost): void {
  const command = host.program.command('chat').description(host.text('chatSummary'));
  const typed = addOptionFlags(command, host, describeOptions('chat'));
  command.addHelpText(
    'after',
    `\n${host.text('chatHelp')}\n${examples(host, [
      'tuiqiao chat',
      'tuiqiao chat --adapter models/base-poet-aligned --form 七律',
      "tuiqiao chat --model Qwen3-0.6B --system '你是一位诗人。'",
      "printf '秋夜\\n浣溪沙·春愁\\n' | tuiqiao chat --seed 7 --json",
    ])}`,
  );
  command.action(
    host.action(async (session) => {
      const { options, warnings } = parseOptions('chat', toOptionMap(typed, undefined));
      for (const warning of warnings) session.warn(warning);
      return run(session, options);
    }),
  );
}
