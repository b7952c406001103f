/**
 * Rewards that a person wrote: a TypeScript or JavaScript file with an exported `reward`. It runs with the rights of the
 * program, like any code one starts; only a recipe can name it.
 */
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PoemReward } from '@tuiqiao/verse';
import { RecipesError } from './errors.ts';

const EXTENSIONS = ['.ts', '.mts', '.js', '.mjs'];

/** `./moon.ts` and the like; other words are names of built-in rewards. */
export function isRewardFile(name: string): boolean {
  return EXTENSIONS.includes(path.extname(name));
}

/** The part of the compiler's interface that is used. */
interface Compiler {
  readonly transpileModule: (
    text: string,
    options: {
      readonly fileName: string;
      readonly reportDiagnostics: boolean;
      readonly compilerOptions: Readonly<Record<string, unknown>>;
    },
  ) => { readonly outputText: string; readonly diagnostics?: readonly { readonly messageText: unknown }[] };
}

/**
 * @throws RecipesError `recipe-bad-value` when there is no such file, it cannot be read as code, or exports no reward
 */
export async function loadRewardFile(name: string): Promise<PoemReward> {
  const file = path.resolve(name);
  if (!existsSync(file)) {
    throw new RecipesError('recipe-bad-value', `rewards: ${name}: no such file`, {
      hint: 'A path is taken from the folder in which the command runs.',
    });
  }
  let exports: Record<string, unknown>;
  try {
    exports = await importCode(file);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new RecipesError('recipe-bad-value', `rewards: ${name} cannot be run: ${reason}`, { cause });
  }
  if (!isReward(exports.reward)) {
    throw new RecipesError(
      'recipe-bad-value',
      `rewards: ${name}: expected \`export const reward = { name, range: [low, high], score }\`, got ${Object.keys(exports).join(', ') || 'no exports'}`,
      { hint: 'docs/guides/rewards.md has an example of ten lines.' },
    );
  }
  return exports.reward;
}

function isReward(value: unknown): value is PoemReward {
  const reward = value as Partial<PoemReward> | null | undefined;
  return typeof reward?.name === 'string' && Array.isArray(reward.range) && typeof reward.score === 'function';
}

/** Node from 22.18 on reads TypeScript itself; for older ones the compiler that built this program takes the types away. */
async function importCode(file: string): Promise<Record<string, unknown>> {
  const readsTypes = 'typescript' in process.features && Boolean(process.features.typescript);
  if (!/\.m?ts$/u.test(file) || readsTypes) return import(pathToFileURL(file).href);
  const compiler = createRequire(import.meta.url)('typescript') as Compiler;
  const { outputText, diagnostics = [] } = compiler.transpileModule(await readFile(file, 'utf8'), {
    fileName: file,
    reportDiagnostics: true,
    // ESNext for both: a module with today's syntax, types removed and nothing rewritten.
    compilerOptions: { module: 99, target: 99, verbatimModuleSyntax: true },
  });
  if (diagnostics.length > 0) throw new SyntaxError(String(diagnostics[0]!.messageText));
  // Beside the original, so that what it imports is found from there.
  const plain = path.join(path.dirname(file), `.${path.basename(file)}-${process.pid}-${Date.now()}.mjs`);
  await writeFile(plain, outputText);
  try {
    return await import(pathToFileURL(plain).href);
  } finally {
    await rm(plain, { force: true });
  }
}
