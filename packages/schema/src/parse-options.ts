/** The door: anything → resolved options, or one sentence that says what is wrong with it. */
import type * as z from 'zod';
import { STAGE_WORDS, STAGES_NOT_YET } from './aliases.ts';
import { findNearest } from './edit-distance.ts';
import { OptionError } from './errors.ts';
import { isPlainMap, resolveNamesBy } from './resolve-names.ts';
import { OPTION_SETS, type OptionSetName, type Recipe, type ResolvedOptions, STAGES, type Stage } from './stages.ts';

export interface Parsed<Options> {
  readonly options: Options;
  /** Sentences a person should see once, e.g. that an old name was understood. */
  readonly warnings: readonly string[];
}

const APPROXIMATE_WEIGHTS =
  'quantization q8_0: the weights are rounded to 8 bits, so what the model says is an approximation of what it is in full';

/** Longest value quoted in a message. */
const MAX_SHOWN = 60;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) value = isPlainMap(value) || Array.isArray(value) ? (value as never)[key] : undefined;
  return value;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  int: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
};

const TYPE_WORDS_ZH: Readonly<Record<string, string>> = {
  int: '整数',
  number: '数',
  string: '文字',
  boolean: 'true 或 false',
  array: '列表',
  object: '键值表',
};

/** `expectation` in Chinese, to follow 应为. */
function expectationZh(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS_ZH[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `${issue.values.map(String).join('、')} 之一`;
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') return '非空';
      return `${issue.inclusive === false ? '大于' : '不小于'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive === false ? '小于' : '不大于'} ${issue.maximum}`;
    case 'invalid_union':
      return issue.errors.flatMap((errors) => errors.slice(0, 1).map(expectationZh)).join('，或 ');
    default:
      return issue.message;
  }
}

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.map(String).join(', ')}`;
    case 'too_small':
      if (issue.origin === 'string' || issue.origin === 'array') return 'something, not nothing';
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
    case 'too_big':
      return `${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
    case 'invalid_union':
      return issue.errors.flatMap((errors) => errors.slice(0, 1).map(expectation)).join(' or ');
    default:
      return issue.message;
  }
}

/** One sentence about one thing that is wrong; `set` is what the sentence begins with. */
export function toOptionError(set: string, issue: z.core.$ZodIssue, input: unknown): OptionError {
  const path = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const key = [...issue.path.map(String), issue.keys[0]].join('.');
    return new OptionError('option-unknown', `${set}: unknown option "${key}"`, {
      key,
      zh: { message: `${set} 没有 "${key}" 这个选项` },
    });
  }
  const value = valueAt(input, issue.path);
  if (value === undefined) {
    const zh = { message: `${set} 缺少 ${path}` };
    return new OptionError('option-missing', `${set}: ${path} is missing`, { key: path, zh });
  }
  const nearest =
    issue.code === 'invalid_value' && typeof value === 'string'
      ? findNearest(value, issue.values.map(String))
      : undefined;
  return new OptionError(
    'option-bad-value',
    `${set}: ${path}: expected ${expectation(issue)}, got ${show(value)}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    {
      key: path,
      zh: {
        message: `${path} 应为${expectationZh(issue)}，给的是 ${show(value)}${nearest === undefined ? '' : `；是否想写 "${nearest}"？`}`,
      },
    },
  );
}

/**
 * Options of one command from a plain object: names resolved, values checked, defaults filled in.
 * @throws OptionError with one sentence about the first thing that is wrong.
 */
export function parseOptions<Name extends OptionSetName>(set: Name, input: unknown): Parsed<ResolvedOptions<Name>> {
  return parseOptionsBy(OPTION_SETS[set], set, input) as Parsed<ResolvedOptions<Name>>;
}

/** `parseOptions` for who has the set at hand; `set` is its name, for what is said of mistakes. */
export function parseOptionsBy<Schema extends z.ZodObject>(
  schema: Schema,
  set: OptionSetName,
  input: unknown,
): Parsed<z.output<Schema>> {
  if (!isPlainMap(input)) {
    throw new OptionError('recipe-not-a-map', `${set}: expected a map of options, got ${show(input)}`);
  }
  const { options, warnings } = resolveNamesBy(schema, set, input);
  const result = schema.safeParse(options);
  if (!result.success) throw toOptionError(set, result.error.issues[0]!, options);
  const isApproximate = 'quantization' in result.data && result.data.quantization === 'q8_0';
  return {
    options: result.data,
    warnings: isApproximate ? [...warnings, APPROXIMATE_WEIGHTS] : warnings,
  };
}

/**
 * The stage a recipe names, in our words (`pt` → `pretrain`), or `fallback` when it names none.
 * @throws OptionError `stage-unknown`, `stage-not-yet`, `option-missing`.
 */
export function readStage(input: unknown, fallback?: Stage): Stage {
  const written = isPlainMap(input) ? input.stage : undefined;
  if (written === undefined || written === null) {
    if (fallback !== undefined) return fallback;
    throw new OptionError('option-missing', `recipe: stage is missing; expected one of ${STAGES.join(', ')}`, {
      key: 'stage',
      hint: 'Add a line such as `stage: sft`.',
      zh: { message: `配方没有写 stage；应为 ${STAGES.join('、')} 之一`, hint: '加一行，如 `stage: sft`。' },
    });
  }
  const word = STAGE_WORDS[String(written)] ?? String(written);
  const stage = STAGES.find((name) => name === word);
  if (stage !== undefined) return stage;
  if (STAGES_NOT_YET.includes(word)) {
    throw new OptionError(
      'stage-not-yet',
      `recipe: stage ${word} is not in this version; there are ${STAGES.join(', ')}`,
      {
        key: 'stage',
      },
    );
  }
  const nearest = findNearest(word, STAGES);
  throw new OptionError(
    'stage-unknown',
    `recipe: stage: expected one of ${STAGES.join(', ')}, got ${show(written)}${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    {
      key: 'stage',
      zh: {
        message: `stage 应为 ${STAGES.join('、')} 之一，给的是 ${show(written)}${nearest === undefined ? '' : `；是否想写 "${nearest}"？`}`,
      },
    },
  );
}

/**
 * A recipe: the options of the stage it names. `stage` is the command's, when the recipe may leave it out.
 * @throws OptionError; `stage-unknown` also when the recipe names another stage than the command.
 */
export function parseRecipe(input: unknown, stage?: Stage): { recipe: Recipe; warnings: readonly string[] } {
  if (!isPlainMap(input)) {
    throw new OptionError('recipe-not-a-map', `recipe: expected a map of options, got ${show(input)}`, {
      hint: 'A recipe is YAML such as `stage: sft`.',
    });
  }
  const found = readStage(input, stage);
  if (stage !== undefined && found !== stage) {
    throw new OptionError('stage-unknown', `${stage}: the recipe is for stage ${found}`, {
      key: 'stage',
      hint: `Use \`tuiqiao ${found}\` or \`tuiqiao train\`.`,
      zh: { message: `${stage}：这份配方的阶段是 ${found}`, hint: `改用 \`tuiqiao ${found}\` 或 \`tuiqiao train\`。` },
    });
  }
  const { options, warnings } = parseOptions(found, { ...input, stage: found });
  return { recipe: options, warnings };
}
