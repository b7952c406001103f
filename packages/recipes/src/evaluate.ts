/**
 * Stage `evaluate`: the ladder. The same held-out prompts and seeds through every model, judged by the checker, beside a
 * control row of the real poems those prompts were taken from.
 */
import { buildLadder, type JudgedPoem, type LadderReport, type ModelPoems } from '@tuiqiao/eval';
import type { EvaluateRecipe, RunControls } from '@tuiqiao/schema';
import type { Kernels } from '@tuiqiao/tensor';
import { evaluateLoss, exampleDataset } from '@tuiqiao/tune';
import { noveltyOf, writePoems } from '@tuiqiao/verse';
import { openKernels } from './compute.ts';
import { RecipesError } from './errors.ts';
import { poemExample } from './examples.ts';
import { type HeldOutPoem, heldOutPoems } from './held-out.ts';
import { openLineIndexes } from './line-indexes.ts';
import { openModel } from './models.ts';
import { writeReport } from './report-files.ts';

type Rung = EvaluateRecipe['models'][number];

/** Poems written at the same time. */
const SLOTS = 128;

/** What `runEvaluate` returns: the figures, and where report.html and report.json lie. */
export interface EvaluateResult {
  readonly report: LadderReport;
  readonly outputDir: string;
}

/** Same prompts for every rung, and the control row. Made once, so that rungs may be run at different times. */
export interface LadderPlan {
  readonly recipe: EvaluateRecipe;
  readonly heldOut: readonly HeldOutPoem[];
  readonly prompts: readonly HeldOutPoem[];
  readonly control: readonly HeldOutPoem[];
}

/** @throws RecipesError `dataset-empty` when a form or tune has no held-out poem */
export async function planLadder(recipe: EvaluateRecipe): Promise<LadderPlan> {
  const names = [...recipe.forms, ...recipe.tunes];
  const heldOut = await heldOutPoems(names, Math.max(recipe.count, recipe.controlCount), recipe.seed);
  for (const name of names) {
    if (!heldOut.some((entry) => entry.name === name)) {
      throw new RecipesError('dataset-empty', `evaluate: no held-out poem of ${name} to take prompts from`, {
        hint: 'Forms are 五绝 七绝 五律 七律; tunes are those of the starter corpus, e.g. 浣溪沙.',
      });
    }
  }
  return {
    recipe,
    heldOut,
    prompts: names.flatMap((name) => cycle(ofName(heldOut, name), recipe.count)),
    control: names.flatMap((name) => ofName(heldOut, name).slice(0, recipe.controlCount)),
  };
}

export async function runEvaluate(recipe: EvaluateRecipe, controls: RunControls = {}): Promise<EvaluateResult> {
  const plan = await planLadder(recipe);
  const kernels = openKernels(recipe);
  const models: ModelPoems[] = [];
  for (const rung of recipe.models) models.push(await writeRung(rung, plan, kernels, controls));
  const report = buildLadder(models, await controlRow(plan));
  await writeReport(recipe.outputDir, {
    title: recipe.models.map((rung) => rung.name).join(' · '),
    ladder: report,
    kernels,
    seeds: { prompts: recipe.seed },
  });
  return { report, outputDir: recipe.outputDir };
}

function ofName(heldOut: readonly HeldOutPoem[], name: string): HeldOutPoem[] {
  return heldOut.filter((entry) => entry.name === name);
}

/** The first `count` prompts, from the start again when there are fewer; the same prompt then has another seed. */
function cycle(entries: readonly HeldOutPoem[], count: number): HeldOutPoem[] {
  return Array.from({ length: count }, (_, i) => entries[i % entries.length]!);
}

function askedOf({ name, poem }: HeldOutPoem): JudgedPoem['asked'] {
  return poem.labels.tune === null ? { form: name } : { form: '词', tune: name };
}

/** One model's answers to every prompt of the plan, with its bits per character on the held-out poems. */
export async function writeRung(
  rung: Rung,
  { recipe, prompts, heldOut }: LadderPlan,
  kernels: Kernels,
  controls: RunControls = {},
): Promise<ModelPoems> {
  const { model, tokenizer } = await openModel(rung.model, {
    kernels,
    computeType: recipe.computeType,
    adapters: rung.adapter,
  });
  const indexes = await openLineIndexes(rung.model);
  const start = performance.now();
  const written = await writePoems({
    model,
    tokenizer,
    requests: prompts.map((prompt) => prompt.request),
    isConstrained: recipe.constraints,
    seed: recipe.seed,
    sampling: {
      temperature: recipe.temperature,
      topP: recipe.topP,
      topK: recipe.topK,
      repetitionPenalty: recipe.repetitionPenalty,
    },
    maxNewTokens: recipe.maxNewTokens,
    slots: SLOTS,
    ...(controls.signal === undefined ? {} : { signal: controls.signal }),
    onProgress: (done, total) =>
      controls.onEvent?.({ type: 'progress', label: `writing: ${rung.name}`, done, total, unit: 'poems' }),
  });
  const seconds = (performance.now() - start) / 1000;
  const tokens = written.reduce((sum, poem) => sum + poem.tokens, 0);
  const poems = written.map((poem, i): JudgedPoem => {
    const { request, poem: asked } = prompts[i]!;
    return {
      asked: askedOf(prompts[i]!),
      ...(request.title === undefined ? {} : { title: asked.title }),
      text: poem.text,
      ...noveltyOf(poem.text, indexes),
    };
  });
  const bitsPerChar = recipe.perplexity
    ? await bitsPerCharacter(model, tokenizer, heldOut, controls.signal)
    : undefined;
  return {
    name: rung.name,
    seed: recipe.seed,
    constrained: recipe.constraints,
    poems,
    tokensPerSecond: tokens / seconds,
    ...(bitsPerChar === undefined ? {} : { bitsPerChar }),
  };
}

/** −log2 P of whole held-out poems, punctuation and end included, over their Chinese characters. */
async function bitsPerCharacter(
  model: Parameters<typeof evaluateLoss>[0]['model'],
  tokenizer: Parameters<typeof poemExample>[2],
  heldOut: readonly HeldOutPoem[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const examples = heldOut.map(({ poem, request }) => poemExample(poem, request, tokenizer));
  const metrics = await evaluateLoss({
    model,
    data: exampleDataset(examples),
    ...(signal === undefined ? {} : { signal }),
  });
  const characters = heldOut.reduce((sum, { poem }) => sum + (poem.text.match(/\p{Script=Han}/gu)?.length ?? 0), 0);
  return (metrics.eval_loss! * metrics.eval_tokens!) / Math.LN2 / characters;
}

/** The real poems the prompts were taken from, judged like a model's. */
export async function controlRow({ recipe, control }: LadderPlan): Promise<ModelPoems> {
  const indexes = await openLineIndexes(recipe.models[0]!.model);
  return {
    name: 'held-out real poems',
    seed: recipe.seed,
    constrained: false,
    poems: control.map((entry) => ({
      asked: askedOf(entry),
      title: entry.poem.title,
      text: entry.poem.text,
      ...noveltyOf(entry.poem.text, indexes),
    })),
  };
}
