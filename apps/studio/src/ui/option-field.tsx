/** One option of a poem as a field, made from what the schema says of it. */
import { describeOptions, type OptionDescription } from '@tuiqiao/schema';
import { useId } from 'react';
import { useSpeech } from '../state/language.tsx';
import { CHOICE_LABELS, OPTION_LABELS } from '../words.ts';

export const POEM_OPTIONS: ReadonlyMap<string, OptionDescription> = new Map(
  describeOptions('poem').map((description) => [description.path, description]),
);

/** What stands in the fields, as text; an empty one is left to the server. */
export type Fields = Readonly<Record<string, string>>;

function readField({ type }: OptionDescription, text: string): unknown {
  switch (type) {
    case 'number':
    case 'integer':
      return Number(text);
    case 'boolean':
      return text === 'true';
    case 'list':
      return text
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '');
    case 'choice':
    case 'text':
    case 'boolean-or-text':
      return text.trim();
    default:
      return type satisfies never;
  }
}

/** The fields as a request of `/api/write`. */
export function toRequest(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([path, text]) => {
      const description = POEM_OPTIONS.get(path);
      if (description === undefined || text.trim() === '') return [];
      return [[path, readField(description, text)]];
    }),
  );
}

interface Props {
  readonly path: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Explained below the field, not only to whoever asks. */
  readonly isExplained?: boolean;
  readonly placeholder?: string;
  /** Values offered for a text. */
  readonly suggestions?: readonly string[];
}

export function OptionField({ path, value, onChange, isExplained = false, placeholder, suggestions }: Props) {
  const { language, say } = useSpeech();
  const id = useId();
  const description = POEM_OPTIONS.get(path)!;
  const hint = description.description[language];
  const shared = { id, value, 'aria-describedby': `${id}-hint`, title: isExplained ? undefined : hint };
  const unset = description.defaultValue === undefined ? say('asUsual') : nameOf(String(description.defaultValue));
  function nameOf(choice: string): string {
    if (choice === 'true' || choice === 'false') return say(choice === 'true' ? 'yes' : 'no');
    return CHOICE_LABELS[choice]?.[language] ?? choice;
  }
  const choices = description.type === 'boolean' ? ['true', 'false'] : description.choices;
  return (
    <div className={`field of-${description.type}`}>
      <label htmlFor={id}>{OPTION_LABELS[path]?.[language] ?? path}</label>
      {choices.length > 0 ? (
        <select {...shared} onChange={(event) => onChange(event.target.value)}>
          <option value="">{unset}</option>
          {choices
            .filter((choice) => choice !== String(description.defaultValue))
            .map((choice) => (
              <option key={choice} value={choice}>
                {nameOf(choice)}
              </option>
            ))}
        </select>
      ) : description.type === 'list' ? (
        <textarea
          {...shared}
          rows={2}
          lang="zh-Hant"
          placeholder={placeholder}
          onChange={(event) => onChange(event.target.value)}
        />
      ) : description.type === 'number' || description.type === 'integer' ? (
        <input
          {...shared}
          type="number"
          inputMode="decimal"
          min={description.minimum}
          max={description.maximum}
          step={description.type === 'integer' ? 1 : 'any'}
          placeholder={description.defaultValue === undefined ? undefined : String(description.defaultValue)}
          onChange={(event) => onChange(event.target.value)}
        />
      ) : (
        <input
          {...shared}
          type="text"
          lang="zh-Hant"
          autoComplete="off"
          placeholder={placeholder}
          list={suggestions === undefined ? undefined : `${id}-list`}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
      {suggestions !== undefined && (
        <datalist id={`${id}-list`}>
          {suggestions.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
      <span id={`${id}-hint`} className={isExplained ? 'hint' : 'visually-hidden'}>
        {hint}
      </span>
    </div>
  );
}
