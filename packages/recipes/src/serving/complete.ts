/** One completion job on the shared batch: prompt → tokens → text as it becomes certain. */
import { randomInt } from 'node:crypto';
import { createSequences, createTextStream, defaultStopIds, type TokenEvent } from '@tuiqiao/lm';
import { RecipesError } from '../errors.ts';
import type { OpenedModel } from '../models.ts';
import type { CompletionControls, CompletionInput, CompletionJob, CompletionResult, SaidToken } from './engine.ts';
import type { SharedBatch } from './shared-batch.ts';

const MAX_SEED = 2 ** 31;

export interface CompletionHost {
  readonly opened: OpenedModel;
  readonly batch: SharedBatch;
  readonly contextLength: number;
  readonly bytesOf: (id: number) => readonly number[] | null;
}

function readInput({ tokenizer }: OpenedModel, input: CompletionInput): number[][] {
  if ('messages' in input) {
    const text = tokenizer.applyChatTemplate(input.messages, {
      addGenerationPrompt: true,
      ...(input.variables === undefined ? {} : { variables: input.variables }),
    });
    return [tokenizer.encode(text, { addSpecialTokens: false })];
  }
  return input.prompts.map((prompt) => (typeof prompt === 'string' ? tokenizer.encode(prompt) : [...prompt]));
}

function checkPrompts(host: CompletionHost, prompts: readonly (readonly number[])[]): void {
  const { vocabSize } = host.opened.model.config;
  for (const prompt of prompts) {
    if (prompt.length === 0) throw new RecipesError('prompt-empty', 'prompt: expected some text, got none');
    if (prompt.length >= host.contextLength) {
      throw new RecipesError(
        'prompt-too-long',
        `prompt: expected fewer than ${host.contextLength} tokens (the context length), got ${prompt.length}`,
      );
    }
    const stranger = prompt.find((id) => id >= vocabSize);
    if (stranger !== undefined) {
      throw new RecipesError('prompt-token-unknown', `prompt: expected token ids below ${vocabSize}, got ${stranger}`);
    }
  }
}

function biasOf(logitBias: Readonly<Record<string, number>> | undefined, V: number): Float32Array | null {
  if (logitBias === undefined || Object.keys(logitBias).length === 0) return null;
  const bias = new Float32Array(V);
  for (const [id, value] of Object.entries(logitBias)) if (Number(id) < V) bias[Number(id)] = value;
  return bias;
}

/** Answer `i` of prompt `p` has the index p × count + i, and random numbers of its own. */
export async function completeJob(
  host: CompletionHost,
  job: CompletionJob,
  controls: CompletionControls,
): Promise<CompletionResult> {
  const { model, tokenizer } = host.opened;
  const prompts = readInput(host.opened, job.input);
  checkPrompts(host, prompts);
  const asked = prompts.flatMap((prompt) => Array<readonly number[]>(job.count).fill(prompt));
  const texts = asked.map(() => createTextStream(tokenizer, job.stop));
  const bias = biasOf(job.logitBias, model.config.vocabSize);
  let completionTokens = 0;

  const say = (id: number, logProb: number): SaidToken => ({
    text: tokenizer.decode([id], { skipSpecialTokens: true }),
    bytes: host.bytesOf(id),
    logProb,
  });
  const onToken = ({ sequence: index, id, logProb, top }: TokenEvent): void => {
    completionTokens++;
    // `stopWhen` has had the token already: what became certain waits here.
    const text = certain[index]!;
    certain[index] = '';
    const told =
      job.topLogProbs === undefined
        ? {}
        : { tokens: [{ ...say(id, logProb), top: (top ?? []).map((other) => say(other.id, other.logProb)) }] };
    if (text !== '' || told.tokens !== undefined) controls.onEvent?.({ type: 'text', index, text, ...told });
  };
  const certain = asked.map(() => '');
  // A step asks `stopWhen` of a token before its event is handed out.
  const stopWhen = (index: number, generated: readonly number[]): boolean => {
    certain[index] += texts[index]!.push(generated.at(-1)!);
    return texts[index]!.hasStopped;
  };
  const longest = Math.max(...prompts.map(({ length }) => length));
  const sequences = createSequences(model, asked, {
    ...job.sampling,
    maxNewTokens: Math.min(job.maxNewTokens, host.contextLength - longest),
    stopIds: defaultStopIds(model, tokenizer),
    seed: job.seed ?? randomInt(MAX_SEED),
    stopWhen,
    ...(job.topLogProbs === undefined ? {} : { topLogProbs: job.topLogProbs }),
    ...(bias === null ? {} : { bias: () => bias }),
  });
  await host.batch.run(
    sequences,
    (event) => {
      if (event.type === 'token') {
        onToken(event);
        return;
      }
      const { sequence: index, finish } = event;
      const rest = texts[index]!.end();
      if (rest !== '') controls.onEvent?.({ type: 'text', index, text: rest });
      controls.onEvent?.({ type: 'end', index, finish: finish === 'length' ? 'length' : 'stop' });
    },
    controls.signal,
  );
  return { promptTokens: prompts.reduce((sum, { length }) => sum + length, 0), completionTokens };
}
