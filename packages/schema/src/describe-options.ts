/** Every option of a command as data: for `--help`, for forms and for the documentation. */
import * as z from 'zod';
import { ALIASES } from './aliases.ts';
import { isPlainMap, type PlainMap } from './resolve-names.ts';
import { OPTION_SETS, type OptionSetName } from './stages.ts';

export interface OptionDescription {
  /** Dotted: `lora.rank`. */
  readonly path: string;
  /** `--lora.rank`, `--learning-rate`. */
  readonly flag: string;
  readonly type: 'number' | 'integer' | 'boolean' | 'boolean-or-text' | 'text' | 'choice' | 'list';
  readonly choices: readonly string[];
  readonly unit: string | undefined;
  /** Of numbers, where there are bounds. */
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
  /** As JSON; undefined: none, or worked out by the stage. */
  readonly defaultValue: unknown;
  readonly isRequired: boolean;
  readonly isAdvanced: boolean;
  readonly description: { readonly en: string; readonly zh: string };
  /** Other projects' names for it. */
  readonly aliases: readonly string[];
}

/** `learningRate` → `learning-rate`; sections stay dotted. */
export function flagOf(path: string): string {
  return `--${path.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`)}`;
}

function typeOf(node: PlainMap): OptionDescription['type'] {
  if (Array.isArray(node.enum)) return 'choice';
  const variants = Array.isArray(node.anyOf) ? (node.anyOf as PlainMap[]) : [];
  if (variants.some((variant) => variant.type === 'array' || Array.isArray(variant.anyOf))) return 'list';
  if (variants.some((variant) => variant.type === 'boolean')) return 'boolean-or-text';
  switch (node.type) {
    case 'integer':
      return 'integer';
    case 'number':
      return 'number';
    case 'boolean':
      return 'boolean';
    default:
      return 'text';
  }
}

/** JSON Schema writes the safe integers for an integer without bounds. */
function boundOf(value: unknown): number | undefined {
  return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : undefined;
}

function describe(path: string, node: PlainMap, isRequired: boolean): OptionDescription {
  const english = typeof node.description === 'string' ? node.description : '';
  return {
    path,
    flag: flagOf(path),
    type: typeOf(node),
    choices: Array.isArray(node.enum) ? node.enum.map(String) : [],
    minimum: boundOf(node.minimum ?? node.exclusiveMinimum),
    maximum: boundOf(node.maximum ?? node.exclusiveMaximum),
    unit: typeof node.unit === 'string' ? node.unit : undefined,
    defaultValue: node.default,
    isRequired,
    isAdvanced: node.isAdvanced === true,
    description: { en: english, zh: typeof node.zh === 'string' ? node.zh : english },
    aliases: ALIASES.filter((alias) => alias.path === path).map((alias) => alias.name),
  };
}

function walk(prefix: string, node: PlainMap): OptionDescription[] {
  const required = Array.isArray(node.required) ? (node.required as string[]) : [];
  return Object.entries(isPlainMap(node.properties) ? node.properties : {}).flatMap(([name, child]) => {
    if (!isPlainMap(child)) return [];
    const path = prefix === '' ? name : `${prefix}.${name}`;
    return child.type === 'object' ? walk(path, child) : [describe(path, child, required.includes(name))];
  });
}

/** The options of a command or stage in the order of their schema; `stage` itself is left out. */
export function describeOptions(set: OptionSetName): readonly OptionDescription[] {
  return describeSchema(OPTION_SETS[set]);
}

/** `describeOptions` for who has the set at hand. */
export function describeSchema(schema: z.ZodObject): readonly OptionDescription[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as PlainMap;
  return walk('', json).filter((description) => description.path !== 'stage');
}
