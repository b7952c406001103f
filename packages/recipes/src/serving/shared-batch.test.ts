import { createReferenceKernels } from '@tuiqiao/kernels';
import { createLanguageModel, createSequences, generate } from '@tuiqiao/lm';
import { describe, expect, it } from 'vitest';
import { SharedBatch } from './shared-batch.ts';

const model = createLanguageModel(
  {
    model_type: 'qwen3',
    vocab_size: 40,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 8,
    max_position_embeddings: 600,
    tie_word_embeddings: false,
    initializer_range: 0.4,
  },
  { kernels: createReferenceKernels(), seed: 3, computeType: 'f32', trainable: false },
);

describe('a shared batch', () => {
  it('lets a long sequence join short ones, and gives each what it gets alone', async () => {
    const batch = new SharedBatch(model, 4);
    const jobs = [
      { prompt: [5, 6], options: { maxNewTokens: 40, stopIds: [], seed: 1 } },
      { prompt: Array.from({ length: 400 }, (_, i) => i % 40), options: { maxNewTokens: 3, stopIds: [], seed: 2 } },
    ];
    const alone = await Promise.all(jobs.map(({ prompt, options }) => generate(model, [prompt], options)));
    const ended: number[] = [];
    const ids: number[][] = [[], []];
    let second: Promise<void> | undefined;
    const run = (job: number): Promise<void> =>
      batch.run(createSequences(model, [jobs[job]!.prompt], jobs[job]!.options), (event) => {
        if (event.type === 'token') ids[job]!.push(event.id);
        else ended.push(job);
        // The long one comes while the short one is under way.
        if (job === 0) second ??= run(1);
      });
    await run(0);
    await second;
    expect(ids).toEqual(alone.map(([sequence]) => sequence!.ids));
    expect(ended).toEqual([1, 0]);
  });
});
