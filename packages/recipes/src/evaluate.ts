/**
 * Stage `evaluate`: the ladder. The same held-out prompts and seeds through every model, judged by the checker, beside a
 * control row of the real poems those prompts were taken from.
 */
import { buildLadder, type LadderReport, type ModelPoems } from '@tuiqiao/eval';
import type { EvaluateRecipe, RunControls } from '@tuiqiao/schema';
import type { Kernels } from '@tuiqiao/tensor';
import { noveltyOf } from '@tuiqiao/verse';
import { openKernels } from './compute.ts';
import { writeLocalRung } from './evaluation/local-model.ts';
import { factsOf, type LadderPlan, planLadder } from './evaluation/plan.ts';
import { writeRemoteRung } from './evaluation/remote-model.ts';
import { saveSamples } from './evaluation/samples-file.ts';
import { openScorers } from './evaluation/scorers.ts';
import { openLineIndexes, openStarterIndex } from './line-indexes.ts';
import { writeReport } from './report-files.ts';

/** What `runEvaluate` returns: the figures, and where report.html and report.json lie. */
export interface EvaluateResult {
  readonly report: LadderReport;
  readonly outputDir: string;
}

export async function runEvaluate(recipe: EvaluateRecipe, controls: RunControls = {}): Promise<EvaluateResult> {
  const plan = await planLadder(recipe, controls);
  const kernels = openKernels(recipe);
  const models: ModelPoems[] = [];
  for (const rung of recipe.models) models.push(...(await writeRungs(rung, plan, kernels, controls)));
  const report = buildLadder(models, await controlRow(plan), await openScorers(recipe, controls));
  await saveSamples(recipe.outputDir, models);
  await writeReport(recipe.outputDir, {
    title: recipe.models.map((rung) => rung.name).join(' · '),
    ladder: report,
    kernels,
    seeds: { prompts: recipe.seed },
  });
  return { report, outputDir: recipe.outputDir };
}

/** One model's rows: as the recipe has it, and a second time under constraints when that is asked for. */
export async function writeRungs(
  rung: EvaluateRecipe['models'][number],
  plan: LadderPlan,
  kernels: Kernels,
  controls: RunControls,
): Promise<ModelPoems[]> {
  if (rung.url !== undefined) return [await writeRemoteRung(rung, plan, controls)];
  const { constraints, withConstrained } = plan.recipe;
  const columns = withConstrained ? [false, true] : [constraints];
  const rows: ModelPoems[] = [];
  for (const isConstrained of columns) rows.push(await writeLocalRung(rung, plan, kernels, isConstrained, controls));
  return rows;
}

/** The real poems the prompts were taken from, judged like a model's. */
export async function controlRow({ recipe, control }: LadderPlan): Promise<ModelPoems> {
  const local = recipe.models.find(({ url }) => url === undefined);
  const indexes = local === undefined ? [await openStarterIndex()] : await openLineIndexes(local.model);
  return {
    name: 'held-out real poems',
    seed: recipe.seed,
    constrained: false,
    poems: control.map((entry) => ({
      ...factsOf(entry),
      title: entry.poem.title,
      author: entry.poem.author,
      text: entry.poem.text,
      ...noveltyOf(entry.poem.text, indexes),
    })),
  };
}
