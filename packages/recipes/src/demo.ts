/**
 * The main job on the embedded defaults, start to end: starter corpus → SFT → DPO from the SFT adapter → the ladder
 * base / SFT / DPO → poems on request → report. Every part leaves its result in the run folder, so that a second run
 * resumes what was interrupted and repeats nothing.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { buildLadder, type LadderReport, type ModelPoems, traceLines } from '@tuiqiao/eval';
import {
  type DemoOptions,
  type DpoRecipe,
  type EvaluateRecipe,
  parseOptions,
  parseRecipe,
  type RunControls,
  type SftRecipe,
} from '@tuiqiao/schema';
import { readTrainerLog } from '@tuiqiao/tune';
import writeFileAtomic from 'write-file-atomic';
import { openKernels } from './compute.ts';
import { runDpo } from './dpo.ts';
import { controlRow } from './evaluate.ts';
import { writeLocalRung } from './evaluation/local-model.ts';
import { planLadder } from './evaluation/plan.ts';
import { openScorers } from './evaluation/scorers.ts';
import { openLineIndexes } from './line-indexes.ts';
import { openModel, resolveModelFolder } from './models.ts';
import { writeReport } from './report-files.ts';
import { runSft } from './sft.ts';
import { inspectRun, RUN_FILES } from './workspace.ts';
import { type PoemRecord, writeRecords } from './write.ts';
import { toWritingRequest } from './write-request.ts';

export interface DemoResult {
  readonly report: LadderReport;
  readonly poems: readonly PoemRecord[];
  readonly outputDir: string;
  /** Parts an earlier run had already done. */
  readonly alreadyDone: readonly string[];
}

const DEFAULT_THEME = '秋夜';
/** 尤 in 平水韵, and its part in 词林正韵 for the ci. */
const DEFAULT_RHYME = '尤';
/** What the demo writes at the end: the four forms of regulated verse and a ci. */
const POEMS: readonly { form?: string; tune?: string }[] = [
  { form: '五绝' },
  { form: '七绝' },
  { form: '五律' },
  { form: '七律' },
  { tune: '浣溪沙' },
];
/** Of each, so many are written and the best is shown. */
const BEST_OF = 8;

export async function runDemo(options: DemoOptions, controls: RunControls = {}): Promise<DemoResult> {
  const folder = options.outputDir;
  if (options.overwriteOutputDir) await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const alreadyDone: string[] = [];
  const sftFolder = path.join(folder, 'sft');
  const dpoFolder = path.join(folder, 'dpo');
  const compute = { computeType: options.computeType, kernels: options.kernels, threads: options.threads };

  // Rungs are written as soon as their model exists: the base's scores stand before anything is trained.
  const ladder = await planLadder(evaluateRecipe(options, folder));
  const kernels = openKernels(options);
  const [base, sft, dpo] = ladder.recipe.models;
  const rung = (entry: typeof base, name: string): Promise<ModelPoems> =>
    remembered(path.join(folder, `answers-${name}.json`), name, alreadyDone, () =>
      writeLocalRung(entry!, ladder, kernels, false, controls),
    );

  const answers = [await rung(base, 'base')];
  await stage(sftFolder, 'sft', alreadyDone, async (resume) =>
    runSft({ ...sftRecipe(options, sftFolder), ...compute, resume }, controls),
  );
  answers.push(await rung(sft, 'sft'));
  await stage(dpoFolder, 'dpo', alreadyDone, async (resume) =>
    runDpo({ ...dpoRecipe(options, sftFolder, dpoFolder), ...compute, resume }, controls),
  );
  answers.push(await rung(dpo, 'dpo'));

  const report = buildLadder(answers, await controlRow(ladder), await openScorers(ladder.recipe, controls));
  const poems = await writeDemoPoems(options, dpoFolder, controls);
  const lineIndexes = await openLineIndexes(resolveModelFolder(MODEL));
  await writeReport(folder, {
    title: '推敲 · demo',
    ladder: report,
    kernels,
    seeds: { demo: options.seed },
    runs: [
      { name: 'SFT', stage: 'sft', log: await readTrainerLog(path.join(sftFolder, RUN_FILES.log)) },
      { name: 'DPO', stage: 'dpo', log: await readTrainerLog(path.join(dpoFolder, RUN_FILES.log)) },
    ],
    poems: poems.map((poem) => ({
      ...poem,
      request: requestInWords(poem),
      trace: traceLines(poem.text, lineIndexes),
    })),
  });
  return { report, poems, outputDir: folder, alreadyDone };
}

/** e.g. `七绝 · 秋夜 · 尤`. */
function requestInWords({ request }: PoemRecord): string {
  return [request.tune ?? request.form, request.title, request.rhyme].filter((word) => word !== undefined).join(' · ');
}

/** Runs a stage, resumes it, or notes that it is done. */
async function stage(
  folder: string,
  name: string,
  alreadyDone: string[],
  run: (resume: boolean) => Promise<unknown>,
): Promise<void> {
  const { state } = await inspectRun(folder);
  if (state === 'done') alreadyDone.push(name);
  else await run(state === 'unfinished');
}

/** A result kept in a file: made once, read afterwards. */
async function remembered<T>(file: string, name: string, alreadyDone: string[], make: () => Promise<T>): Promise<T> {
  if (existsSync(file)) {
    alreadyDone.push(`answers of ${name}`);
    return JSON.parse(await readFile(file, 'utf8')) as T;
  }
  const value = await make();
  await writeFileAtomic(file, JSON.stringify(value));
  return value;
}

const MODEL = 'models/base-poet';
/** Of the ladder, and of what is aligned for it. */
const FORMS = ['五绝', '七绝', '五律', '七律'];
/** Poems written each time while training: enough to see a course, a second or two of work. */
const SAMPLE_PROMPTS = 24;

function evaluateRecipe(options: DemoOptions, folder: string): EvaluateRecipe {
  const sft = path.join(folder, 'sft');
  const dpo = path.join(folder, 'dpo');
  const { recipe } = parseRecipe(
    {
      stage: 'evaluate',
      models: [
        { name: 'base', model: MODEL, adapter: [] },
        { name: 'sft', model: MODEL, adapter: [sft] },
        { name: 'dpo', model: MODEL, adapter: [dpo] },
      ],
      forms: FORMS,
      count: 300,
      controlCount: 125,
      seed: options.seed,
      outputDir: folder,
      computeType: options.computeType,
    },
    'evaluate',
  );
  return recipe as EvaluateRecipe;
}

function sftRecipe(options: DemoOptions, outputDir: string): SftRecipe {
  const { recipe } = parseRecipe(
    {
      stage: 'sft',
      model: MODEL,
      dataset: ['starter'],
      // Written under the rules by the base itself: it has read the poems of the corpus already.
      ownPoems: { count: 4096 },
      lora: { rank: 32, alpha: 32 },
      batchSize: 32,
      learningRate: 3e-3,
      epochs: 1,
      saveSteps: 50,
      loggingSteps: 5,
      sampleSteps: 100,
      samplePrompts: SAMPLE_PROMPTS,
      seed: options.seed,
      outputDir,
    },
    'sft',
  );
  return recipe as SftRecipe;
}

function dpoRecipe(options: DemoOptions, sftFolder: string, outputDir: string): DpoRecipe {
  const { recipe } = parseRecipe(
    {
      stage: 'dpo',
      model: MODEL,
      adapter: [sftFolder],
      dataset: ['starter'],
      // Character against character, wherever the policy would have broken a rule of the ladder's forms; the weight on
      // what both share keeps the poems as various as they were.
      pairs: { source: 'characters', forms: FORMS, prompts: 3000, samplesPerPrompt: 1, temperature: 1 },
      dpo: { beta: 1, sftWeight: 1 },
      batchSize: 32,
      learningRate: 2e-3,
      epochs: 1,
      saveSteps: 25,
      loggingSteps: 2,
      sampleSteps: 20,
      samplePrompts: SAMPLE_PROMPTS,
      seed: options.seed,
      outputDir,
    },
    'dpo',
  );
  return recipe as DpoRecipe;
}

async function writeDemoPoems(
  options: DemoOptions,
  adapter: string,
  controls: RunControls,
): Promise<readonly PoemRecord[]> {
  const { options: writing } = parseOptions('write', {
    model: MODEL,
    adapter: [adapter],
    bestOf: BEST_OF,
    seed: options.seed,
  });
  const requests = POEMS.map((asked) =>
    toWritingRequest({
      ...writing,
      ...asked,
      theme: options.theme ?? DEFAULT_THEME,
      rhyme: options.rhyme ?? DEFAULT_RHYME,
    }),
  );
  const opened = await openModel(MODEL, {
    kernels: openKernels(options),
    computeType: options.computeType,
    adapters: [adapter],
  });
  const { poems } = await writeRecords(opened, requests, writing, controls);
  return poems;
}
