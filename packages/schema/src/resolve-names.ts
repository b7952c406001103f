/**
 * From a map as a person wrote it to a map in our names: aliases resolved and converted, foreign names judged, unknown
 * ones refused with "did you mean". Values are not looked at beyond that; `parseOptions` does.
 */
import * as z from 'zod';
import { ALIASES, type Alias, DROPPED } from './aliases.ts';
import { findNearest } from './edit-distance.ts';
import { OptionError } from './errors.ts';
import { FOREIGN_NAMES } from './foreign-names.ts';
import { VERSE_WORDS } from './options/verse.ts';
import { OPTION_SETS, type OptionSetName } from './stages.ts';

export type PlainMap = Record<string, unknown>;

/** The top-level options of a set, and the fields of its sections. */
export interface OptionNames {
  readonly top: ReadonlySet<string>;
  readonly sections: ReadonlyMap<string, ReadonlySet<string>>;
}

const aliasesByName = new Map<string, readonly Alias[]>();
for (const entry of ALIASES) aliasesByName.set(entry.name, [...(aliasesByName.get(entry.name) ?? []), entry]);
const foreignByName = new Map(FOREIGN_NAMES.map((entry) => [entry.name, entry]));

export interface ResolvedNames {
  readonly options: PlainMap;
  /** Sentences a person should see once. */
  readonly warnings: readonly string[];
}

export function isPlainMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object type behind defaults and optionals, or undefined. */
function sectionOf(type: unknown): z.ZodObject | undefined {
  let inner: unknown = type;
  while (inner instanceof z.ZodPrefault || inner instanceof z.ZodDefault || inner instanceof z.ZodOptional) {
    inner = inner.unwrap();
  }
  return inner instanceof z.ZodObject ? inner : undefined;
}

function namesOf(schema: z.ZodObject): OptionNames {
  const sections = new Map<string, ReadonlySet<string>>();
  for (const [name, type] of Object.entries(schema.shape)) {
    const section = sectionOf(type);
    if (section !== undefined) sections.set(name, new Set(Object.keys(section.shape)));
  }
  return { top: new Set(Object.keys(schema.shape)), sections };
}

/** Dotted paths, `lora.rank` for fields of sections. */
function listPaths(names: OptionNames): string[] {
  return [...names.top].flatMap((name) => {
    const section = names.sections.get(name);
    return section === undefined ? [name] : [...section].map((field) => `${name}.${field}`);
  });
}

/** Our dotted paths of a set. */
export function pathsOf(set: OptionSetName): string[] {
  return listPaths(namesOf(OPTION_SETS[set]));
}

function hasPath(names: OptionNames, path: string): boolean {
  const [first = '', second] = path.split('.');
  return second === undefined ? names.top.has(first) : (names.sections.get(first)?.has(second) ?? false);
}

function unknownKey(set: OptionSetName, key: string, names: OptionNames): OptionError {
  const known = aliasesByName.get(key.split('.').at(-1) ?? key) ?? [];
  const inOtherStage = known[0];
  if (inOtherStage !== undefined && !known.some((entry) => hasPath(names, entry.path))) {
    return new OptionError(
      'option-unknown',
      `${set}: "${key}" means ${inOtherStage.path}, which ${set} does not have`,
      {
        key,
        hint: `Remove it, or run \`tuiqiao ${commandOf(set)} --help\` for what there is.`,
        zh: {
          message: `"${key}" 即 ${inOtherStage.path}，而 ${set} 没有这一项`,
          hint: `删去它；\`tuiqiao ${commandOf(set)} --help\` 列出全部选项。`,
        },
      },
    );
  }
  const paths = listPaths(names);
  const usableAliases = ALIASES.filter((entry) => hasPath(names, entry.path)).map((entry) => entry.name);
  const section = key.includes('.') ? `${key.split('.')[0]}.` : '';
  const nearest =
    findNearest(key, paths) ??
    findNearest(key, usableAliases) ??
    // A section's field at top level, or the other way round: compare the last words.
    paths.find((path) => path.split('.').at(-1) === key) ??
    findNearest(section + key, paths);
  return new OptionError(
    'option-unknown',
    `${set}: unknown option "${key}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    {
      key,
      hint: `\`tuiqiao ${commandOf(set)} --help\` lists every option.`,
      zh: {
        message: `${set} 没有 "${key}" 这个选项${nearest === undefined ? '' : `；是否想写 "${nearest}"？`}`,
        hint: `\`tuiqiao ${commandOf(set)} --help\` 列出全部选项。`,
      },
    },
  );
}

/** The command whose help has the options of a set: what a request says of a poem are words of `write`. */
function commandOf(set: OptionSetName): string {
  return set === 'poem' ? 'write' : set;
}

/** Refuses a foreign name whose value would change the result; otherwise says what becomes of it. */
function judgeForeign(set: OptionSetName, key: string, value: unknown, warnings: string[]): boolean {
  const foreign = foreignByName.get(key);
  if (foreign === undefined) return false;
  if (foreign.harmless === 'any') {
    if (foreign.isSilent !== true) warnings.push(`${key} is ignored: ${foreign.reason}`);
    return true;
  }
  const isHarmless = foreign.harmless.some((harmless) => JSON.stringify(harmless) === JSON.stringify(value));
  if (isHarmless) return true;
  throw new OptionError(
    'option-unsupported',
    `${set}: ${key}: ${JSON.stringify(value)} cannot be done: ${foreign.reason}`,
    {
      key,
      hint: `Remove ${key} from the recipe.`,
    },
  );
}

/** One key of the input, with the path it stands for. */
interface Placed {
  readonly key: string;
  readonly path: string;
  readonly value: unknown;
}

function* flatten(set: OptionSetName, input: PlainMap, names: OptionNames): Generator<readonly [string, unknown]> {
  for (const [key, value] of Object.entries(input)) {
    if (!names.sections.has(key)) {
      yield [key, value];
      continue;
    }
    if (value === null || value === undefined) continue;
    if (!isPlainMap(value)) {
      throw new OptionError('option-bad-value', `${set}: ${key}: expected a map, got ${JSON.stringify(value)}`, {
        key,
      });
    }
    for (const [field, inner] of Object.entries(value)) yield [`${key}.${field}`, inner];
  }
}

function place(set: OptionSetName, key: string, value: unknown, names: OptionNames, warnings: string[]): Placed | null {
  if (hasPath(names, key)) return { key, path: key, value };
  const [section, field] = key.includes('.') ? (key.split('.') as [string, string]) : [undefined, key];
  const entry = aliasesByName.get(field)?.find((candidate) => hasPath(names, candidate.path));
  if (entry !== undefined && (section === undefined || entry.path.startsWith(`${section}.`))) {
    if (entry.warning !== undefined) warnings.push(entry.warning);
    if (value === null) return { key, path: entry.path, value: null };
    const converted = entry.convert === undefined ? value : entry.convert(value);
    return converted === DROPPED ? null : { key, path: entry.path, value: converted };
  }
  if (judgeForeign(set, field, value, warnings)) return null;
  throw unknownKey(set, key, names);
}

/** `book` and `form` may be written in several ways. */
function translateWords(path: string, value: unknown): unknown {
  return (path === 'book' || path === 'form') && typeof value === 'string' ? (VERSE_WORDS[value] ?? value) : value;
}

function assign(options: PlainMap, path: string, value: unknown): void {
  const [first = '', second] = path.split('.');
  if (second === undefined) options[first] = value;
  else options[first] = { ...((options[first] as PlainMap | undefined) ?? {}), [second]: value };
}

/**
 * The same options under our names. `null` means "not set" and gives `undefined`, so that it can undo an earlier value.
 * Dotted keys (`lora.rank`) and nested maps are both understood.
 * @throws OptionError `option-unknown`, `option-twice`, `option-unsupported`, `option-bad-value`.
 */
export function resolveNames(set: OptionSetName, input: PlainMap): ResolvedNames {
  return resolveNamesBy(OPTION_SETS[set], set, input);
}

/** `resolveNames` for who has the set at hand: a program that needs one set alone loads no other (`check`). */
export function resolveNamesBy(schema: z.ZodObject, set: OptionSetName, input: PlainMap): ResolvedNames {
  const names = namesOf(schema);
  const warnings: string[] = [];
  const options: PlainMap = {};
  const writtenAs = new Map<string, string>();
  for (const [key, value] of flatten(set, input, names)) {
    if (value === undefined) continue;
    const placed = place(set, key, value, names, warnings);
    if (placed === null || placed.value === null) {
      if (placed !== null && !writtenAs.has(placed.path)) assign(options, placed.path, undefined);
      continue;
    }
    const before = writtenAs.get(placed.path);
    if (before !== undefined) {
      throw new OptionError('option-twice', `${set}: "${before}" and "${key}" both set ${placed.path}`, {
        key,
        hint: 'Keep one of them.',
      });
    }
    writtenAs.set(placed.path, key);
    assign(options, placed.path, translateWords(placed.path, placed.value));
  }
  return { options, warnings };
}
