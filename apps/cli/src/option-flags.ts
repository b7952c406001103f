/** Command-line flags from the schema: every option of a set as a flag, under every name it has. */
import type { OptionDescription, PlainMap } from '@tuiqiao/schema';
import { type Command, Option } from 'commander';
import type { CommandHost } from './command-host.ts';

/** What was typed, in order: the option's name (ours or an alias) and its value. */
export interface TypedOption {
  readonly key: string;
  readonly value: unknown;
  /** Given again, it adds to what was given before; of others the last counts. */
  readonly isList?: boolean;
}

const SECTION_TITLES: Readonly<Record<string, string>> = {
  lora: 'LoRA:',
  dpo: 'DPO:',
  pairs: 'Pairs:',
  geometry: 'Geometry:',
  vocabulary: 'Vocabulary:',
};

/** `8` → 8, `true` → true, anything else stays text: judged by the schema afterwards. */
function guessValue(text: string): unknown {
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return text.trim() !== '' && Number.isFinite(number) ? number : text;
}

function readTyped(description: OptionDescription, text: string): unknown {
  switch (description.type) {
    case 'number':
    case 'integer':
    case 'boolean':
    case 'boolean-or-text':
      return guessValue(text);
    case 'text':
    case 'choice':
    case 'list':
      return text;
    default:
      return description.type satisfies never;
  }
}

function placeholder(description: OptionDescription): string {
  switch (description.type) {
    case 'boolean':
      return '';
    case 'boolean-or-text':
      return ' [value]';
    case 'number':
    case 'integer':
      return ' <n>';
    case 'list':
      return ' <list>';
    case 'text':
    case 'choice':
      return ' <value>';
    default:
      return description.type satisfies never;
  }
}

function helpText(description: OptionDescription, host: CommandHost): string {
  const notes = [
    description.choices.length > 0 ? `${host.text('choices')} ${description.choices.join(', ')}` : null,
    description.unit ?? null,
    description.type === 'boolean' ||
    description.defaultValue === false ||
    String(description.defaultValue ?? '') === ''
      ? null
      : `${host.text('unitDefault')} ${Array.isArray(description.defaultValue) ? description.defaultValue.join(',') : String(description.defaultValue)}`,
  ].filter((note) => note !== null);
  const text = description.description[host.language];
  return notes.length > 0 ? `${text} [${notes.join('; ')}]` : text;
}

/**
 * Adds a flag for every option described and returns the list that parsing fills. `seed` is a global option already.
 * Names of other projects work as flags too (`--lora_rank 8`) and are left out of the help.
 */
export function addOptionFlags(
  command: Command,
  host: CommandHost,
  descriptions: readonly OptionDescription[],
): TypedOption[] {
  const typed: TypedOption[] = [];
  const listen = (name: string, take: (text: string | null) => TypedOption): void => {
    command.on(`option:${name}`, (text: string | null) => typed.push(take(text)));
  };
  const hidden = new Set<string>();
  for (const description of descriptions) {
    if (description.path === 'seed') continue;
    const key = description.path;
    const section = key.includes('.') ? SECTION_TITLES[key.split('.')[0]!] : undefined;
    const add = (flags: string, isShown: boolean, take: (text: string | null) => unknown): void => {
      const text = helpText(description, host);
      const option = new Option(flags, flags.startsWith('--no-') ? `${host.text('switchOff')}${text}` : text);
      if (!isShown) option.hideHelp();
      else if (section !== undefined) option.helpGroup(section);
      command.addOption(option);
      listen(option.name(), (text) => ({ key, value: take(text), isList: description.type === 'list' }));
    };
    if (description.type === 'boolean') {
      const isOnByDefault = description.defaultValue === true;
      const name = description.flag.slice(2);
      add(`--${name}`, !isOnByDefault && !description.isAdvanced, () => true);
      add(`--no-${name}`, isOnByDefault && !description.isAdvanced, () => false);
    } else {
      const flags = `${description.flag}${placeholder(description)}`;
      add(flags, !description.isAdvanced, (text) => (text === null ? true : readTyped(description, text)));
    }
    for (const alias of description.aliases) hidden.add(alias);
  }
  for (const alias of hidden) {
    if (command.options.some((option) => option.name() === alias)) continue;
    command.addOption(new Option(`--${alias} [value]`).hideHelp());
    listen(alias, (text) => ({ key: alias, value: text === null ? true : guessValue(text) }));
  }
  return typed;
}

/** Typed options as one map for `parseOptions`; lists given several times are joined, other repeats: the last wins. */
export function toOptionMap(typed: readonly TypedOption[], seed: number | undefined): PlainMap {
  const map: PlainMap = {};
  for (const { key, value, isList } of typed) {
    const before = map[key];
    map[key] = isList === true && before !== undefined ? [before, value].flat() : value;
  }
  if (seed !== undefined) map.seed = seed;
  return map;
}
