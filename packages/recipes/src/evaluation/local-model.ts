/** A rung on this machine: a model folder with adapters writes the poems, answers the tasks and foresees held-out poems. */
import { bitsPerChar, type ModelPoems, scoreTask, type TaskScores } from '@tuiqiao/eval';
import { generate } from '@tuiqiao/lm';
import type { EvaluateRecipe, RunControls } from '@tuiqiao/schema';
import type { Kernels } from '@tuiqiao/tensor';
import { scoreCompletions } from '@tuiqiao/tune';
import { noveltyOf, promptIdsFor, writePoems } from '@tuiqiao/verse';
import { poemExample } from '../examples.ts';
import type { HeldOutPoem } from '../held-out.ts';
import { openLineIndexes } from '../line-indexes.ts';
import { type OpenedModel, openModel, samplingQuantization } from '../models.ts';
import { factsOf, type LadderPlan } from './plan.ts';
import { type LoadedTask, trimAnswer } from './tasks.ts';

type Rung = EvaluateRecipe['models'][number];

/** Poems written at the same time. */
const SLOTS = 128;

/** @param isConstrained hold the decoder to the form; tasks and bits are then left out, they do not depend on it */
export async function writeLocalRung(
  rung: Rung,
  plan: LadderPlan,
  kernels: Kernels,
  isConstrained: boolean,
  controls: RunControls = {},
): Promise<ModelPoems> {
  const { recipe, prompts, heldOut, tasks } = plan;
  const opened = await openModel(rung.model, {
    kernels,
    computeType: recipe.computeType,
    quantization: samplingQuantization(recipe.quantization),
    adapters: rung.adapter,
  });
  const indexes = await openLineIndexes(rung.model);
  const start = performance.now();
  const written = await writePoems({
    model: opened.model,
    tokenizer: opened.tokenizer,
    requests: prompts.map((prompt) => prompt.request),
    isConstrained,
    seed: recipe.seed,
    sampling: samplingOf(recipe),
    maxNewTokens: recipe.maxNewTokens,
    slots: SLOTS,
    ...(controls.signal === undefined ? {} : { signal: controls.signal }),
    onProgress: (done, total) =>
      controls.onEvent?.({ type: 'progress', label: `writing: ${rung.name}`, done, total, unit: 'poems' }),
  });
  const seconds = (performance.now() - start) / 1000;
  const tokens = written.reduce((sum, poem) => sum + poem.tokens, 0);
  // The same model in its second column foresees no better.
  const isRepeated = isConstrained && recipe.withConstrained;
  const measured =
    recipe.perplexity && !isRepeated ? await measureBits(opened, heldOut, recipe.seed, controls.signal) : null;
  return {
    name: rung.name,
    seed: recipe.seed,
    constrained: isConstrained,
    poems: written.map(({ text }, i) => ({ ...factsOf(prompts[i]!), text, ...noveltyOf(text, indexes) })),
    tokensPerSecond: tokens / seconds,
    ...(measured === null
      ? {}
      : { bitsPerChar: measured.bitsPerChar, bitsPerCharCi: measured.ci, bitsPerCharPoems: measured.poems }),
    ...(tasks.length === 0 || isConstrained ? {} : { tasks: await answerTasks(rung, opened, tasks, recipe, controls) }),
  };
}

function samplingOf({ temperature, topP, topK, repetitionPenalty }: EvaluateRecipe) {
  return { temperature, topP, topK, repetitionPenalty };
}

/** −log2 P of whole held-out poems, punctuation and end included, over their Chinese characters. */
async function measureBits(
  { model, tokenizer }: OpenedModel,
  heldOut: readonly HeldOutPoem[],
  seed: number,
  signal: AbortSignal | undefined,
) {
  const examples = heldOut.map(({ poem, request }) => poemExample(poem, request, tokenizer));
  const logProbs = await scoreCompletions(model, examples, signal === undefined ? {} : { signal });
  return bitsPerChar(
    logProbs,
    heldOut.map(({ poem }) => poem.text),
    seed,
  );
}

async function answerTasks(
  rung: Rung,
  { model, tokenizer }: OpenedModel,
  tasks: readonly LoadedTask[],
  recipe: EvaluateRecipe,
  controls: RunControls,
): Promise<Record<string, TaskScores>> {
  const scores: Record<string, TaskScores> = {};
  const { signal } = controls;
  for (const { name, examples } of tasks) {
    const prompts = examples.map(({ request, prefix }) => [
      ...promptIdsFor(tokenizer, request),
      ...tokenizer.encode(prefix, { addSpecialTokens: false }),
    ]);
    const written = await generate(model, prompts, {
      ...samplingOf(recipe),
      maxNewTokens: recipe.maxNewTokens,
      ...(tokenizer.eosTokenId === null ? {} : { stopIds: [tokenizer.eosTokenId] }),
      seed: recipe.seed,
      slots: SLOTS,
      ...(signal === undefined ? {} : { signal }),
    });
    controls.onEvent?.({
      type: 'progress',
      label: `${name}: ${rung.name}`,
      done: examples.length,
      total: examples.length,
      unit: 'examples',
    });
    scores[name] = scoreTask(
      examples.map((example, i) => ({
        given: example.given,
        answer: trimAnswer(tokenizer.decode(written[i]!.ids, { skipSpecialTokens: true }), example),
        reference: example.reference,
      })),
      recipe.seed,
    );
  }
  return scores;
}
