/**
 * Quality while training: every so many steps the model writes poems for a few fixed held-out requests, with the same
 * seeds each time, and the checker says how many keep which rule. Logged as `samples/…` beside the loss, so that one sees
 * rules learned against steps. Without constraints: what is shown is what the model itself can do.
 */
import { loadStarter } from '@tuiqiao/corpus';
import type { Metrics, RunControls, SftRecipe } from '@tuiqiao/schema';
import { type WrittenPoem, writePoems } from '@tuiqiao/verse';
import { openLineIndexes } from './line-indexes.ts';
import type { OpenedModel } from './models.ts';
import { choosePoems, plainRequest } from './poet/requests.ts';
import type { TrainingRun } from './training-run.ts';

const FORMS = ['五绝', '七绝', '五律', '七律'] as const;
/** As the ladder writes. */
const TEMPERATURE = 0.8;
/** A poem of the longest form has 64 characters and marks; chat models spell some characters in several tokens. */
const MAX_NEW_TOKENS = 160;

/** To be put among the options of `train`; nothing when `sampleSteps` is 0. Writes once before step 1. */
export async function openTrainingSamples(
  recipe: Pick<SftRecipe, 'sampleSteps' | 'samplePrompts' | 'seed'>,
  { model, tokenizer, folder }: OpenedModel,
  run: TrainingRun,
  totalSteps: number,
  { signal }: RunControls = {},
): Promise<{ onStep?: (step: number) => Promise<void> }> {
  const { sampleSteps, samplePrompts, seed } = recipe;
  if (sampleSteps === 0) return {};
  // Of the validation split: the test split belongs to the ladder.
  const heldOut = (await loadStarter()).filter(({ labels }) => labels.split === 'validation');
  const poems = choosePoems(heldOut, FORMS, Math.ceil(samplePrompts / FORMS.length), seed).slice(0, samplePrompts);
  const requests = poems.map(plainRequest);
  const lineIndexes = await openLineIndexes(folder);
  const write = async (step: number): Promise<void> => {
    const written = await writePoems({
      model,
      tokenizer,
      requests,
      isConstrained: false,
      seed,
      sampling: { temperature: TEMPERATURE },
      maxNewTokens: MAX_NEW_TOKENS,
      slots: requests.length,
      lineIndexes,
      ...(signal === undefined ? {} : { signal }),
    });
    run.emit({ type: 'eval-end', step, metrics: sampleMetrics(written) });
    const { form, tune, title } = requests[0]!;
    run.emit({
      type: 'sample',
      step,
      prompt: [tune ?? form, title].filter((word) => word !== undefined).join(' '),
      text: written[0]!.text,
      metrics: {},
    });
  };
  if (run.folder.resumedFrom === null) await write(0);
  const isAborted = (): boolean => signal?.aborted === true;
  return {
    onStep: async (step) => {
      if (isAborted() || (step % sampleSteps !== 0 && step !== totalSteps)) return;
      try {
        await write(step);
      } catch (error) {
        // Interrupted while writing: the step itself is done and is saved.
        if (!isAborted()) throw error;
      }
    },
  };
}

/** Shares of the poems: of the right shape, in rhyme, in meter, keeping every rule, holding a copied line. */
export function sampleMetrics(poems: readonly WrittenPoem[]): Metrics {
  const share = (is: (poem: WrittenPoem) => boolean): number => poems.filter(is).length / Math.max(1, poems.length);
  // A poem of another shape keeps no rule of the form asked for.
  const keeps = (rule: 'length' | 'rhyme' | 'meter' | 'all') =>
    share(({ verdict: { strict } }) => strict.length && strict[rule]);
  return {
    'samples/length': keeps('length'),
    'samples/rhyme': keeps('rhyme'),
    'samples/meter': keeps('meter'),
    'samples/all': keeps('all'),
    'samples/copied': share(({ novelty }) => (novelty?.copiedLines.length ?? 0) > 0),
  };
}
