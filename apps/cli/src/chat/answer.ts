/** One answer in the terminal: a poem with its verdict, or the model's words as they come. */
import type { Engine } from '@tuiqiao/recipes';
import { type ChatOptions, parsePoemWords } from '@tuiqiao/schema';
import { CliError } from '../errors.ts';
import { renderPoem } from '../render/poem.ts';
import type { Session } from '../session.ts';
import { type ChatState, isTheme } from './chat-state.ts';

const DEFAULT_FORM = '七绝';

export interface Chat {
  readonly session: Session;
  readonly engine: Engine;
  readonly options: ChatOptions;
  readonly state: ChatState;
}

/** @param seed of this answer */
export async function answer(chat: Chat, text: string, seed: number | undefined, signal: AbortSignal): Promise<void> {
  if (isTheme(chat.state, chat.engine.facts)) await writePoem(chat, text, seed, signal);
  else await converse(chat, text, seed, signal);
}

async function writePoem(chat: Chat, text: string, seed: number | undefined, signal: AbortSignal): Promise<void> {
  const { session, engine, options, state } = chat;
  const { readPoemMessage } = await import('@tuiqiao/recipes');
  const said = readPoemMessage(text);
  // A form in the message is meant for this poem alone.
  const shape =
    said.form !== undefined
      ? { form: said.form }
      : said.tune !== undefined
        ? { tune: said.tune }
        : state.tune !== undefined
          ? { tune: state.tune }
          : { form: state.form ?? DEFAULT_FORM };
  const { options: words } = parsePoemWords({
    ...shape,
    ...(said.theme === '' ? {} : { theme: said.theme }),
    ...(state.rhyme === undefined ? {} : { rhyme: state.rhyme }),
    ...(state.style === undefined ? {} : { style: state.style }),
    ...(seed === undefined ? {} : { seed }),
    temperature: options.temperature,
    topP: options.topP,
    topK: options.topK,
    repetitionPenalty: options.repetitionPenalty,
  });
  const { poems } = await engine.write({ model: state.model, options: words, language: session.language }, { signal });
  const [poem] = poems;
  if (poem === undefined) throw new CliError('no-poem', session.text('givenUp', { count: 1 }));
  if (session.isJson) await session.printJson(poem);
  else await session.print(`${renderPoem(poem, session)}\n`);
}

async function converse(chat: Chat, text: string, seed: number | undefined, signal: AbortSignal): Promise<void> {
  const { session, engine, options, state } = chat;
  const asked = [...state.turns, { role: 'user', content: text }];
  let said = '';
  let printing = Promise.resolve();
  const job = engine.complete(
    {
      model: state.model,
      input: {
        messages: [...(options.system === undefined ? [] : [{ role: 'system', content: options.system }]), ...asked],
      },
      count: 1,
      sampling: {
        temperature: options.temperature,
        topP: options.topP,
        topK: options.topK,
        repetitionPenalty: options.repetitionPenalty,
      },
      maxNewTokens: options.maxNewTokens,
      stop: [],
      ...(seed === undefined ? {} : { seed }),
    },
    {
      signal,
      onEvent: (event) => {
        if (event.type !== 'text') return;
        said += event.text;
        if (!session.isJson) printing = printing.then(() => session.printRaw(event.text));
      },
    },
  );
  try {
    await job;
  } finally {
    await printing;
    if (!session.isJson && said !== '') await session.printRaw('\n');
    // What was said before Ctrl-C stays part of the conversation.
    if (said !== '') state.turns = [...asked, { role: 'assistant', content: said }];
  }
  if (session.isJson) await session.printJson({ role: 'assistant', content: said, model: state.model });
}
