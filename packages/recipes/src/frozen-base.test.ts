/** A base in 4 bits and a trimmed vocabulary, in every stage that trains an adapter. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { chineseTokens, loadTokenizer } from '@tuiqiao/lm';
import {
  type DpoRecipe,
  type GrpoRecipe,
  type KtoRecipe,
  parseRecipe,
  type RunControls,
  type SftRecipe,
} from '@tuiqiao/schema';
import { readTrainerLog } from '@tuiqiao/tune';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, type TinyPoet } from '../test/tiny-poet.ts';
import { runDpo } from './dpo.ts';
import { runGrpo } from './grpo.ts';
import { runKto } from './kto.ts';
import { runSft } from './sft.ts';

let folder = '';
let poet: TinyPoet;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-frozen-'));
  poet = await createTinyPoet(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const STAGE_OPTIONS = {
  sft: { learningRate: 0.02 },
  dpo: { pairs: { source: 'negatives', prompts: 8, rules: ['chongyun'] } },
  kto: { pairs: { source: 'negatives', prompts: 8, rules: ['chongyun'] } },
  grpo: { grpo: { prompts: 8, numGenerations: 4, evalPrompts: 0 }, maxNewTokens: 12 },
} as const;

async function run(stage: keyof typeof STAGE_OPTIONS, name: string, more: object) {
  const notes: string[] = [];
  const outputDir = path.join(folder, name);
  const { recipe } = parseRecipe({
    stage,
    model: poet.model,
    dataset: [poet.corpus],
    kernels: 'reference',
    computeType: 'f32',
    lora: { rank: 4 },
    batchSize: 8,
    maxSteps: 2,
    loggingSteps: 1,
    saveSteps: 0,
    outputDir,
    ...STAGE_OPTIONS[stage],
    ...more,
  });
  const controls: RunControls = { onEvent: (event) => event.type === 'run-start' && notes.push(...event.notes) };
  switch (stage) {
    case 'sft':
      await runSft(recipe as SftRecipe, controls);
      break;
    case 'dpo':
      await runDpo(recipe as DpoRecipe, controls);
      break;
    case 'kto':
      await runKto(recipe as KtoRecipe, controls);
      break;
    default:
      await runGrpo(recipe as GrpoRecipe, controls);
  }
  return { notes: notes.join('\n'), log: await readTrainerLog(path.join(outputDir, 'trainer_log.jsonl')) };
}

describe.each(['sft', 'dpo', 'kto', 'grpo'] as const)('%s', (stage) => {
  it('over a base in 4 bits with a trimmed vocabulary says both and trains', async () => {
    const { notes, log } = await run(stage, `both-${stage}`, { quantization_bit: 4, trimVocabulary: true });
    expect(notes).toMatch(/held in 4 bits \(nf4, scales quantised too\)/u);
    expect(notes).toMatch(/Vocabulary trimmed to \d+ of \d+ tokens/u);
    const losses = log.flatMap(({ loss }) => (loss === undefined ? [] : [Number(loss)]));
    expect(losses.length).toBe(2);
    for (const loss of losses) expect(loss).not.toBeNaN();
  });
});

describe.each(['prompt', 'prefix'] as const)('finetuning: %s', (finetuning) => {
  it('learns virtual tokens over a 4-bit, trimmed base; the folder is read by the next stage', async () => {
    const options = { finetuning_type: `${finetuning}_tuning`, num_virtual_tokens: 6, prompt_tuning_init_text: '山水' };
    const { notes, log } = await run('sft', finetuning, {
      ...options,
      quantization_bit: 4,
      trimVocabulary: true,
      maxSteps: 12,
      learningRate: 0.03,
      lrScheduler: 'constant',
      batchSize: 24, // every example in every step, so that losses can be compared
    });
    expect(notes).toMatch(/parameters \(6 virtual/u);
    const losses = log.flatMap(({ loss }) => (loss === undefined ? [] : [Number(loss)]));
    expect(losses.at(-1)).toBeLessThan(losses[0]! - 0.1);
    const adapter = path.join(folder, finetuning);
    // Underneath, frozen, it is part of the model that a LoRA adapter starts from: over the 4-bit base it was learnt on.
    const base = { quantization_bit: 4, trimVocabulary: true, batchSize: 24, maxSteps: 1 };
    const { log: next } = await run('sft', `${finetuning}-next`, { ...base, adapter });
    const { log: plain } = await run('sft', `${finetuning}-plain`, base);
    expect(Number(next[0]!.loss)).toBeLessThan(Number(plain[0]!.loss));
    await expect(run('dpo', `${finetuning}-dpo`, { adapter })).rejects.toThrow(/expected LoRA to go on from/);
  });
});

describe('trimVocabulary', () => {
  it('with nothing to drop changes no loss', async () => {
    // Every token of this model is a character or a control token.
    const tokenizer = await loadTokenizer(poet.model);
    expect(chineseTokens(tokenizer).length).toBe(tokenizer.vocabSize);
    const [whole, trimmed] = [await run('sft', 'whole', {}), await run('sft', 'same', { trimVocabulary: true })];
    const losses = (log: typeof whole.log) => log.map(({ loss }) => loss);
    expect(losses(trimmed.log)).toEqual(losses(whole.log));
  });

  it.each([
    [{ finetuning: 'full' }, /got finetuning full/],
    [{ lora: { modulesToSave: ['lm_head'] } }, /lm_head/],
  ])('is refused where embedding or head is trained: %o', async (more, message) => {
    await expect(run('sft', 'refused', { trimVocabulary: true, ...more })).rejects.toThrow(message);
    await rm(path.join(folder, 'refused'), { recursive: true, force: true });
  });

  it('quantisation is refused where the base itself is trained', async () => {
    await expect(run('sft', 'refused-4', { quantization_bit: 4, finetuning: 'full' })).rejects.toThrow(/got full/);
  });
});
