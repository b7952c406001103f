/** What a terminal chat remembers, and the commands that change it. It prints nothing. */
import { findTune } from '@tuiqiao/prosody';
import type { ChatTurn, EngineFacts } from '@tuiqiao/recipes';
import { type ChatOptions, VERSE_FORMS } from '@tuiqiao/schema';
import { CliError } from '../errors.ts';

export interface ChatState {
  /** Which of the served models answers. */
  model: string;
  form: string | undefined;
  tune: string | undefined;
  rhyme: string | undefined;
  style: string | undefined;
  /** The conversation so far, without the system's turn. */
  turns: ChatTurn[];
}

export type ChatInput =
  | { readonly type: 'message'; readonly text: string }
  | { readonly type: 'changed' }
  | { readonly type: 'help' }
  | { readonly type: 'quit' };

export const COMMANDS = [
  '/form',
  '/tune',
  '/rhyme',
  '/style',
  '/theme',
  '/adapter',
  '/reset',
  '/help',
  '/quit',
] as const;
type CommandName = (typeof COMMANDS)[number];

/** What takes a setting back. */
const OFF = /^(?:off|none|无|不拘)?$/u;

export function startState(options: ChatOptions, facts: EngineFacts): ChatState {
  const state: ChatState = {
    // One adapter on the command line is the one that is meant.
    model: facts.models[facts.models.length === 2 ? 1 : 0]!.id,
    form: undefined,
    tune: undefined,
    rhyme: options.rhyme,
    style: options.style,
    turns: [],
  };
  if (options.form !== undefined) setForm(state, options.form);
  if (options.tune !== undefined) setTune(state, options.tune);
  return state;
}

function setForm(state: ChatState, word: string): void {
  const form = OFF.test(word) ? undefined : (VERSE_FORMS[word] ?? null);
  if (form === null) {
    throw new CliError('command-line', `form: expected one of 五绝 七绝 五律 七律 五排 七排, or off, got ${word}`);
  }
  state.form = form;
  if (form !== undefined) state.tune = undefined;
}

function setTune(state: ChatState, word: string): void {
  const tune = OFF.test(word) ? undefined : findTune(word);
  if (tune === undefined && !OFF.test(word)) {
    throw new CliError('command-line', `tune: there is no tune called ${word} in the tables`);
  }
  state.tune = tune?.name;
  if (tune !== undefined) state.form = undefined;
}

function setModel(state: ChatState, word: string, { models }: EngineFacts): void {
  const id = OFF.test(word) ? models[0]!.id : word;
  if (!models.some((model) => model.id === id)) {
    throw new CliError(
      'command-line',
      `adapter: expected one of ${models.map((each) => each.id).join(' ')}, got ${word}`,
    );
  }
  state.model = id;
}

/**
 * One line of input: a message, or a command, which changes the state.
 * @throws CliError `command-line` for a command that is not understood
 */
export function readInput(text: string, state: ChatState, facts: EngineFacts): ChatInput {
  const match = /^(\/\p{L}+)(?:\s+(.*))?$/su.exec(text.trim());
  if (match === null) return { type: 'message', text: text.trim() };
  const word = (match[2] ?? '').trim();
  const name = COMMANDS.find((command) => command === match[1]);
  if (name === undefined) {
    throw new CliError('command-line', `${match[1]}: no such command`, { hint: COMMANDS.join(' ') });
  }
  return obey(name, word, state, facts);
}

function obey(name: CommandName, word: string, state: ChatState, facts: EngineFacts): ChatInput {
  switch (name) {
    case '/form':
      setForm(state, word);
      return { type: 'changed' };
    case '/tune':
      setTune(state, word);
      return { type: 'changed' };
    case '/rhyme':
      state.rhyme = OFF.test(word) ? undefined : word;
      return { type: 'changed' };
    case '/style':
      state.style = OFF.test(word) ? undefined : word;
      return { type: 'changed' };
    case '/adapter':
      setModel(state, word, facts);
      return { type: 'changed' };
    case '/theme':
      return { type: 'message', text: word };
    case '/reset':
      state.turns = [];
      return { type: 'changed' };
    case '/help':
      return { type: 'help' };
    case '/quit':
      return { type: 'quit' };
    default:
      return name satisfies never;
  }
}

/** True where a message is the theme of a poem: for poets always, for others once a form is set. */
export function isTheme(state: ChatState, { isPoet }: EngineFacts): boolean {
  return isPoet || state.form !== undefined || state.tune !== undefined;
}
