/** What pretrain, sft, dpo, grpo, evaluate and train share: a recipe from a file and flags, a dry run, the run in its worker. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { Override } from '@tuiqiao/recipes';
import { describeOptions, type Recipe, type Stage, type StagePlan } from '@tuiqiao/schema';
import { type Command, Option } from 'commander';
import type { CommandHost } from './command-host.ts';
import { CliError } from './errors.ts';
import { EXIT, type ExitStatus } from './exit-codes.ts';
import { listenForInterrupt } from './interrupt.ts';
import { addOptionFlags, type TypedOption } from './option-flags.ts';
import { formatBytes, formatCount, formatDuration, formatFigure } from './render/numbers.ts';
import { createRunReader } from './render/run-reader.ts';
import { runInWorker } from './run-in-worker.ts';
import type { Session } from './session.ts';

/** The part of every stage's result that is told in the same words. */
interface TrainingResult {
  readonly outcome: 'done' | 'aborted';
  readonly outputDir: string;
  readonly step: number;
  readonly elapsedSeconds?: number;
  readonly metrics?: Readonly<Record<string, number>>;
}

/** Adds the recipe argument, --set, --dry-run, and (for one stage) its options as flags. */
export function addRecipeInput(command: Command, host: CommandHost, stage: Stage | undefined): TypedOption[] {
  command.argument('[recipe]', host.text('recipeArgument'));
  const typed = stage === undefined ? [] : addOptionFlags(command, host, describeOptions(stage));
  const set = new Option('--set <key=value>', host.text('optionSet'));
  command.addOption(set);
  command.on(`option:${set.name()}`, (text: string) => typed.push({ key: '--set', value: text }));
  command.option('--dry-run', host.text('optionDryRun'));
  return typed;
}

/** `--resume runs/sft` without a recipe: the run's own. */
async function recipeOfRun(typed: readonly TypedOption[]): Promise<{ file?: string; folder?: string }> {
  const resume = typed.findLast((option) => option.key === 'resume')?.value;
  if (typeof resume !== 'string') return {};
  if (/\.ya?ml$/u.test(resume)) return { file: resume };
  // A checkpoint's run is the folder around it.
  const folder = /checkpoint-\d+[\\/]?$/u.test(resume) ? path.dirname(resume) : resume;
  const file = path.join(folder, 'recipe.yaml');
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    throw new CliError('input-not-found', `${resume}: no run there (no recipe.yaml)`, {
      hint: 'Give the run folder, or the recipe together with --resume.',
    });
  }
  return { file, ...(folder === resume ? { folder } : {}) };
}

export async function loadTypedRecipe(
  session: Session,
  command: Command,
  typed: readonly TypedOption[],
  stage: Stage | undefined,
): Promise<Recipe> {
  const { loadRecipe, parseOverride } = await import('@tuiqiao/recipes');
  const given = command.args[0];
  const ofRun = given === undefined ? await recipeOfRun(typed) : {};
  const file = given ?? ofRun.file;
  const overrides: Override[] = typed.map(({ key, value }) => {
    if (key === '--set') return parseOverride(String(value));
    // The value of --resume was the recipe or the run itself: what is meant is "go on".
    const isRecipe = key === 'resume' && (value === ofRun.file || value === ofRun.folder) && value !== undefined;
    return { key, text: JSON.stringify(isRecipe ? true : value) };
  });
  if (session.seed !== undefined) overrides.push({ key: 'seed', text: String(session.seed) });
  const { recipe, warnings } = await loadRecipe({
    ...(file === undefined ? {} : { file }),
    ...(stage === undefined ? {} : { stage }),
    overrides,
  });
  for (const warning of warnings) session.warn(warning);
  return recipe;
}

/** As YAML comments, so that the whole output is a recipe. */
function renderPlan(plan: StagePlan, session: Session): string {
  const isChinese = session.language === 'zh';
  const parts: (readonly [string, string | null])[] = [
    [isChinese ? '步数' : 'steps', formatCount(plan.totalSteps)],
    [isChinese ? '样本' : 'samples', plan.samples === undefined ? null : formatCount(plan.samples)],
    [isChinese ? '每遍记号' : 'tokens an epoch', plan.tokens === undefined ? null : formatCount(plan.tokens)],
    [
      isChinese ? '可训练参数' : 'trainable parameters',
      plan.trainableParameters === undefined ? null : formatCount(plan.trainableParameters),
    ],
    [isChinese ? '内存约' : 'memory, about', plan.memoryBytes === undefined ? null : formatBytes(plan.memoryBytes)],
    [isChinese ? '用时约' : 'time, about', plan.seconds === undefined ? null : formatDuration(plan.seconds)],
  ];
  const lines = parts.flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]));
  return [...lines, ...plan.notes].map((line) => `# ${line}`).join('\n');
}

/** The resolved recipe, and what the stage says it will need. */
async function dryRun(session: Session, recipe: Recipe): Promise<ExitStatus> {
  const { formatRecipe } = await import('@tuiqiao/recipes');
  if (!session.isJson) await session.print(formatRecipe(recipe).trimEnd());
  const isTraining = recipe.stage !== 'prepare' && recipe.stage !== 'evaluate';
  const plan = isTraining ? ((await runInWorker('plan', recipe, {})) as StagePlan) : null;
  if (session.isJson) await session.printJson({ recipe, ...(plan === null ? {} : { plan }) });
  else if (plan !== null) await session.print(renderPlan(plan, session));
  return EXIT.done;
}

async function tellTraining(session: Session, result: TrainingResult): Promise<ExitStatus> {
  const isDone = result.outcome === 'done';
  if (session.isJson) {
    await session.printJson(result);
  } else {
    const figures = Object.entries(result.metrics ?? {}).map(([name, value]) => `${name} ${formatFigure(value)}`);
    const time =
      result.elapsedSeconds === undefined
        ? []
        : [`${session.text('elapsed')} ${formatDuration(result.elapsedSeconds)}`];
    const key = isDone ? 'runDone' : 'runStopped';
    const first = session.text(key, { folder: result.outputDir, step: result.step });
    await session.print([session.colours.bold(first), ...figures, ...time].join(' · '));
  }
  return isDone ? EXIT.done : EXIT.interrupted;
}

/** How a finished stage is told; training stages share one way. */
export type TellResult = (session: Session, result: unknown, recipe: Recipe) => Promise<ExitStatus>;

/** Runs a recipe in its worker with progress on stderr, and tells the result. */
export async function runRecipe(
  session: Session,
  command: Command,
  recipe: Recipe,
  tell: Partial<Record<Stage, TellResult>> = {},
): Promise<ExitStatus> {
  if (command.opts<{ dryRun?: boolean }>().dryRun === true) return dryRun(session, recipe);
  const interrupt = listenForInterrupt(session);
  const reader = createRunReader(session);
  try {
    const result = await runInWorker(recipe.stage, recipe, { signal: interrupt.signal, onEvent: reader.onEvent });
    reader.stop();
    const tellOwn = tell[recipe.stage];
    return tellOwn === undefined
      ? await tellTraining(session, result as TrainingResult)
      : await tellOwn(session, result, recipe);
  } finally {
    reader.stop();
    interrupt.dispose();
  }
}
