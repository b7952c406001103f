/**
 * A rung behind an OpenAI-compatible address: asked in a sentence (or in the control tokens of the shipped base), judged
 * by what it says, prefaces and all. Nothing is known of its training data: novelty is looked up in the starter corpus,
 * and there are no bits per character.
 */
import { controlMessage, instructionPrompt, type LineIndex, type PoemRequest, toTraditional } from '@tuiqiao/corpus';
import { type ModelPoems, scoreTask, type TaskScores } from '@tuiqiao/eval';
import type { EvaluateRecipe, RunControls } from '@tuiqiao/schema';
import { noveltyOf } from '@tuiqiao/verse';
import { openStarterIndex } from '../line-indexes.ts';
import { askChat, type ChatReply, type Endpoint, mapConcurrently } from './chat-client.ts';
import { factsOf, type LadderPlan } from './plan.ts';
import { type LoadedTask, trimAnswer } from './tasks.ts';

type Rung = EvaluateRecipe['models'][number];

/** @throws RecipesError as `askChat` */
export async function writeRemoteRung(rung: Rung, plan: LadderPlan, controls: RunControls = {}): Promise<ModelPoems> {
  const { recipe, prompts, tasks } = plan;
  const index = await openStarterIndex();
  const ask = createAsker(rung, recipe, controls);
  const start = performance.now();
  let done = 0;
  const replies = await mapConcurrently(prompts, recipe.concurrency, async ({ request }, i) => {
    const reply = await ask(messageOf(rung, request), recipe.seed + i);
    controls.onEvent?.({
      type: 'progress',
      label: `writing: ${rung.name}`,
      done: ++done,
      total: prompts.length,
      unit: 'poems',
    });
    return reply;
  });
  const seconds = (performance.now() - start) / 1000;
  const counted = replies.every(({ completionTokens }) => completionTokens !== null);
  const tokens = replies.reduce((sum, { completionTokens }) => sum + (completionTokens ?? 0), 0);
  return {
    name: rung.name,
    seed: recipe.seed,
    constrained: false,
    poems: replies.map((reply, i) => {
      // Cut off is not written: what happens to stand there must not count as a poem.
      const text = reply.isFinished ? reply.text : '';
      return { ...factsOf(prompts[i]!), text, ...lookUp(text, index) };
    }),
    ...(counted ? { tokensPerSecond: tokens / seconds } : {}),
    ...(tasks.length === 0 ? {} : { tasks: await answerTasks(ask, tasks, recipe) }),
  };
}

type Ask = (content: string, seed: number) => Promise<ChatReply>;

function createAsker(rung: Rung, recipe: EvaluateRecipe, { signal }: RunControls): Ask {
  const endpoint: Endpoint = {
    url: rung.url!,
    model: rung.model,
    apiKeyVariable: rung.apiKeyVariable ?? 'OPENAI_API_KEY',
  };
  return (content, seed) =>
    askChat(endpoint, [{ role: 'user', content }], {
      temperature: recipe.temperature,
      topP: recipe.topP,
      maxTokens: recipe.maxNewTokens,
      seed,
      ...(signal === undefined ? {} : { signal }),
    });
}

function messageOf(rung: Rung, request: PoemRequest): string {
  return rung.promptStyle === 'control' ? controlMessage(request) : instructionPrompt(request);
}

/** The index is in traditional characters; a model may answer in simplified ones. */
function lookUp(text: string, index: LineIndex) {
  return noveltyOf(toTraditional(text), [index]);
}

async function answerTasks(
  ask: Ask,
  tasks: readonly LoadedTask[],
  recipe: EvaluateRecipe,
): Promise<Record<string, TaskScores>> {
  const scores: Record<string, TaskScores> = {};
  for (const { name, examples } of tasks) {
    const replies = await mapConcurrently(examples, recipe.concurrency, (example, i) =>
      ask(example.instruction, recipe.seed + i),
    );
    scores[name] = scoreTask(
      examples.map((example, i) => ({
        given: example.given,
        answer: trimAnswer(toTraditional(replies[i]!.text), example),
        reference: example.reference,
      })),
      recipe.seed,
    );
  }
  return scores;
}
