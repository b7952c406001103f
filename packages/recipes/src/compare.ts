/**
 * `compare`: two models on the same held-out prompts. Open (an A/B page), blind (a page and a sheet with the order hidden,
 * the key kept apart), read back (win rate, agreement, votes as preference pairs), or judged by a language model.
 */
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { instructionPrompt, type PoemRequest, writeDatasetFile } from '@tuiqiao/corpus';
import {
  buildLadder,
  type LadderReport,
  type ModelPoems,
  makeReview,
  pairsFromVotes,
  type Review,
  readSheet,
  renderReviewPage,
  SheetError,
  type Tally,
  tallyVotes,
  type Vote,
  writeSheet,
} from '@tuiqiao/eval';
import { loadTokenizer } from '@tuiqiao/lm';
import { type CompareOptions, type EvaluateRecipe, parseRecipe, type RunControls } from '@tuiqiao/schema';
import { messageFor } from '@tuiqiao/verse';
import writeFileAtomic from 'write-file-atomic';
import { openKernels } from './compute.ts';
import { RecipesError } from './errors.ts';
import { controlRow, writeRungs } from './evaluate.ts';
import { type JudgeTally, judgeReview } from './evaluation/judge.ts';
import { type LadderPlan, planLadder } from './evaluation/plan.ts';
import { openScorers } from './evaluation/scorers.ts';
import { resolveModelFolder } from './models.ts';
import { writeReport } from './report-files.ts';

export type { JudgeTally } from './evaluation/judge.ts';

export interface CompareResult {
  readonly outputDir: string;
  /** What the checker says of both; absent when the comparison is blind, or only sheets were read. */
  readonly report?: LadderReport;
  /** Files for readers, and the key that is not for them. */
  readonly review?: { readonly page: string; readonly sheet: string; readonly key: string; readonly items: number };
  /** What readers said. */
  readonly tally?: Tally;
  readonly pairs?: { readonly file: string; readonly rows: number };
  /** Secondary: what a language model said. */
  readonly judge?: JudgeTally;
}

const FILES = { page: 'review.html', sheet: 'sheet.csv', key: 'key.json', votes: 'votes.json' } as const;
/** A review of some thousand poems is about a megabyte. */
const MAX_KEY_BYTES = 50_000_000;

/** @throws RecipesError `recipe-bad-value` without two models, `sheet-malformed`, and as `runEvaluate` */
export async function runCompare(options: CompareOptions, controls: RunControls = {}): Promise<CompareResult> {
  if (options.read.length > 0) return readReview(options);
  if (options.a === undefined || options.b === undefined) {
    throw new RecipesError('recipe-bad-value', 'compare: expected two models, got fewer', {
      hint: 'tuiqiao compare base=models/base-poet dpo=models/base-poet+runs/dpo; or --read SHEET for a review made before.',
    });
  }
  const { outputDir } = options;
  const plan = await planLadder(ladderRecipe(options), controls);
  const kernels = openKernels(options);
  const rows: ModelPoems[] = [];
  for (const rung of [options.a, options.b]) rows.push(...(await writeRungs(rung, plan, kernels, controls)));
  const [a, b] = rows as [ModelPoems, ModelPoems];
  const review = reviewOf(a, b, plan, options.seed, await promptWriter(options.a));
  await mkdir(outputDir, { recursive: true });
  const judge =
    options.judge === undefined ? undefined : await judgeReview(options.judge, review, options.concurrency, controls);
  // A reader who is handed the folder must not find the names beside the poems.
  let report: LadderReport | undefined;
  if (options.blind) await saveReview(outputDir, review);
  else {
    report = buildLadder(rows, await controlRow(plan), await openScorers(options, controls));
    await writeReport(outputDir, {
      title: `${a.name} · ${b.name}`,
      ladder: report,
      kernels,
      seeds: { prompts: options.seed },
      ...(judge === undefined ? {} : { notes: [describeJudge(judge)] }),
    });
  }
  return {
    outputDir,
    ...(report === undefined ? {} : { report }),
    ...(options.blind
      ? {
          review: {
            page: path.join(outputDir, FILES.page),
            sheet: path.join(outputDir, FILES.sheet),
            key: path.join(outputDir, FILES.key),
            items: review.items.length,
          },
        }
      : {}),
    ...(judge === undefined ? {} : { judge }),
  };
}

function ladderRecipe(options: CompareOptions): EvaluateRecipe {
  const { forms, tunes, count, constraints, dataset, seed, outputDir } = options;
  const { recipe } = parseRecipe({
    stage: 'evaluate',
    models: [options.a, options.b],
    forms,
    tunes,
    count,
    controlCount: Math.max(count, 50),
    constraints,
    perplexity: false,
    dataset,
    seed,
    outputDir,
    temperature: options.temperature,
    topP: options.topP,
    topK: options.topK,
    repetitionPenalty: options.repetitionPenalty,
    maxNewTokens: options.maxNewTokens,
    computeType: options.computeType,
    kernels: options.kernels,
    concurrency: options.concurrency,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  return recipe as EvaluateRecipe;
}

/**
 * Requests in the words of the model that votes are to train: control tokens for the shipped base and its kin, else a
 * sentence. Votes train a local model; behind an address there is none to ask.
 */
async function promptWriter(rung: NonNullable<CompareOptions['a']>): Promise<(request: PoemRequest) => string> {
  if (rung.url !== undefined) return instructionPrompt;
  const tokenizer = await loadTokenizer(resolveModelFolder(rung.model));
  return (request) => messageFor(tokenizer, request);
}

function reviewOf(
  a: ModelPoems,
  b: ModelPoems,
  { prompts }: LadderPlan,
  seed: number,
  promptOf: (request: PoemRequest) => string,
): Review {
  const answers = prompts.map(({ name, request }, i) => ({
    form: name,
    ...(request.title === undefined ? {} : { title: request.title }),
    prompt: promptOf(request),
    a: a.poems[i]!.text,
    b: b.poems[i]!.text,
  }));
  return makeReview(answers, { a: a.name, b: b.name }, seed);
}

async function saveReview(folder: string, review: Review): Promise<void> {
  const { items, key } = review;
  const id = `${key.seed}-${items.length}-${items[0]?.left.slice(0, 4) ?? ''}`;
  await writeFileAtomic(path.join(folder, FILES.page), renderReviewPage(items, id));
  await writeFileAtomic(path.join(folder, FILES.sheet), writeSheet(items));
  await writeFileAtomic(path.join(folder, FILES.key), `${JSON.stringify({ key, items }, null, 2)}\n`);
}

async function readReview({ outputDir, read, toPairs }: CompareOptions): Promise<CompareResult> {
  const review = await readKey(outputDir);
  const votes: Vote[] = [];
  for (const file of read) {
    const text = await readFile(file, 'utf8').catch((cause: unknown) => {
      throw new RecipesError('sheet-malformed', `${file}: the sheet cannot be read`, { cause });
    });
    votes.push(...refusing(() => readSheet(text, path.basename(file))));
  }
  const tally = refusing(() => tallyVotes(votes, review.key));
  await writeFileAtomic(path.join(outputDir, FILES.votes), `${JSON.stringify({ tally, votes }, null, 2)}\n`);
  if (toPairs === undefined) return { outputDir, tally };
  const pairs = pairsFromVotes(votes, review.items, review.key);
  await writeDatasetFile(
    toPairs,
    pairs.map(({ id, prompt, chosen, rejected, margin, votes: count }) => ({
      id: `review:${id}`,
      messages: [{ role: 'user' as const, content: prompt }],
      chosen,
      rejected,
      extra: { margin, votes: count, source: 'blind-review' },
    })),
    'preference',
  );
  return { outputDir, tally, pairs: { file: toPairs, rows: pairs.length } };
}

async function readKey(folder: string): Promise<Review> {
  const file = path.join(folder, FILES.key);
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new RecipesError('sheet-malformed', `${file}: no key of a blind review there`, {
      hint: 'Name the folder the review was written to with --output-dir.',
      cause,
    });
  });
  const review: unknown = bytes.length > MAX_KEY_BYTES ? null : refusing(() => JSON.parse(bytes.toString('utf8')));
  if (typeof review !== 'object' || review === null || !('key' in review) || !('items' in review)) {
    throw new RecipesError('sheet-malformed', `${file}: expected the key of a blind review, got something else`);
  }
  return review as Review;
}

/** What is wrong with a sheet is the reader's to mend, in one sentence. */
function refusing<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof SheetError || error instanceof RangeError || error instanceof SyntaxError) {
      throw new RecipesError('sheet-malformed', `compare: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function describeJudge({ model, a, b, winRate, n, consistent }: JudgeTally): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return `Secondary: the language model ${model} preferred ${a} to ${b} in ${percent(winRate.mean)} of ${n} comparisons (95 % interval ${percent(winRate.ci[0])}–${percent(winRate.ci[1])}); its answer stayed the same with sides swapped in ${consistent.k} of ${consistent.n}.`;
}
