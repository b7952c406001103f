/**
 * Recipe files: YAML in, resolved options out, and the resolved recipe written back so that it runs again as it is.
 * Names and values are judged by `@tuiqiao/schema`; here it is only about files and text.
 */
import { readFile, stat } from 'node:fs/promises';
import { type PlainMap, parseRecipe, type Recipe, readStage, resolveNames, type Stage } from '@tuiqiao/schema';
import writeFileAtomic from 'write-file-atomic';
import { LineCounter, parseDocument, stringify } from 'yaml';
import { explainDiskError, isSystemError, RecipesError } from './errors.ts';

/** A recipe is a page of options; a larger file is a mistake (a data set, a log) and is not read into memory. */
const MAX_RECIPE_BYTES = 1 << 20;
/** YAML aliases that expand to more nodes than this are an attack (billion laughs), not a recipe. */
const MAX_ALIAS_COUNT = 100;

/** `key=value` as typed; the value is read as YAML, so `8`, `true`, `[q_proj, v_proj]` and text all work. */
export interface Override {
  readonly key: string;
  readonly text: string;
}

export interface RecipeSource {
  /** Path of the YAML file; absent: the recipe is made of overrides alone. */
  readonly file?: string;
  /** Stage of the command; a file may then leave `stage` out. */
  readonly stage?: Stage;
  readonly overrides?: readonly Override[];
}

export interface LoadedRecipe {
  readonly recipe: Recipe;
  readonly warnings: readonly string[];
}

function isMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One YAML value from text. */
function parseValue(text: string, name: string): unknown {
  const document = parseDocument(text, { uniqueKeys: true });
  const problem = document.errors[0];
  if (problem !== undefined) {
    throw new RecipesError('recipe-bad-override', `${name}: expected a YAML value, got ${JSON.stringify(text)}`, {
      hint: 'Put quotes around text with special characters.',
    });
  }
  return document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }) as unknown;
}

/**
 * The map a YAML text holds.
 * @throws RecipesError `recipe-bad-yaml` with file, line and reason (also for a key given twice).
 */
function parseRecipeText(text: string, name: string): PlainMap {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { uniqueKeys: true, lineCounter });
  const problem = document.errors[0];
  if (problem !== undefined) {
    const { line } = lineCounter.linePos(problem.pos[0]);
    const reason =
      problem.code === 'DUPLICATE_KEY'
        ? 'a key is given twice'
        : (problem.message.split('\n')[0] ?? '').replace(/ at line .*$/u, '');
    throw new RecipesError('recipe-bad-yaml', `${name}, line ${line}: ${reason}`, {
      hint: 'A recipe is YAML: one `name: value` a line.',
      cause: problem,
    });
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }) as unknown;
  } catch (error) {
    throw new RecipesError('recipe-bad-yaml', `${name}: too many YAML aliases`, { cause: error });
  }
  if (value === null || value === undefined) {
    throw new RecipesError('recipe-bad-yaml', `${name}: the recipe is empty`, {
      hint: 'A recipe is YAML: one `name: value` a line, for example `stage: sft`.',
    });
  }
  if (!isMap(value)) {
    throw new RecipesError(
      'recipe-bad-yaml',
      `${name}: expected a map of options, got ${Array.isArray(value) ? 'a list' : typeof value}`,
      {
        hint: 'A recipe is YAML: one `name: value` a line.',
      },
    );
  }
  return value;
}

async function readRecipeFile(file: string): Promise<PlainMap> {
  try {
    const { size } = await stat(file);
    if (size > MAX_RECIPE_BYTES) {
      throw new RecipesError(
        'recipe-too-large',
        `${file}: a recipe of ${size} bytes; at most ${MAX_RECIPE_BYTES} are read`,
      );
    }
    return parseRecipeText(await readFile(file, 'utf8'), file);
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'EISDIR', 'EACCES', 'ENOTDIR')) {
      throw new RecipesError('recipe-not-found', `${file}: no such recipe file`, {
        hint: 'Examples are in the folder recipes/.',
        zh: { message: `${file}：没有这个配方文件`, hint: '文件夹 recipes/ 里有样例。' },
        cause: error,
      });
    }
    throw error;
  }
}

/** `lora.rank=16` → its key and text. */
export function parseOverride(text: string): Override {
  const equals = text.indexOf('=');
  if (equals <= 0) {
    throw new RecipesError('recipe-bad-override', `--set: expected key=value, got ${JSON.stringify(text)}`, {
      hint: 'For example --set lora.rank=8.',
      zh: { message: `--set 应写作 键=值，给的是 ${JSON.stringify(text)}`, hint: '例如 --set lora.rank=8。' },
    });
  }
  return { key: text.slice(0, equals).trim(), text: text.slice(equals + 1) };
}

/** `over` on top of `under`, section by section. */
function merge(under: PlainMap, over: PlainMap): PlainMap {
  const merged: PlainMap = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const existing = merged[key];
    merged[key] = isMap(existing) && isMap(value) ? { ...existing, ...value } : value;
  }
  return merged;
}

/**
 * A recipe from a file and overrides. Later overrides win over earlier ones and over the file, whatever names each
 * uses: `--learning-rate` replaces a file's `learning_rate`.
 * @throws RecipesError for the file or an override's form, OptionError for what they say.
 */
export async function loadRecipe(source: RecipeSource): Promise<LoadedRecipe> {
  const written = source.file === undefined ? {} : await readRecipeFile(source.file);
  const stage = readStage(written, source.stage);
  if (source.stage !== undefined && stage !== source.stage) {
    // Let the schema say it: the file is for another stage than the command.
    parseRecipe(written, source.stage);
  }
  const resolved = resolveNames(stage, { ...written, stage });
  const warnings = [...resolved.warnings];
  let options = resolved.options;
  for (const { key, text } of source.overrides ?? []) {
    const over = resolveNames(stage, { [key]: parseValue(text, key) });
    warnings.push(...over.warnings);
    options = merge(options, over.options);
  }
  return { recipe: parseRecipe(options).recipe, warnings: [...new Set(warnings)] };
}

/** The resolved recipe as YAML with a comment that says how to run it again. */
export function formatRecipe(recipe: Recipe, name = 'recipe.yaml'): string {
  return `# Resolved recipe: every option with the value that was used. Run again with: tuiqiao train ${name}\n${stringify(recipe)}`;
}

/** Writes the resolved recipe; the file appears whole or not at all. */
export async function writeRecipe(file: string, recipe: Recipe): Promise<void> {
  try {
    await writeFileAtomic(file, formatRecipe(recipe, file));
  } catch (error) {
    throw explainDiskError(error, `writing ${file}`);
  }
}
