import { createReferenceKernels } from '@tuiqiao/kernels';
import { describe, expect, it, vi } from 'vitest';
import { createLanguageModel } from '../load-language-model.ts';
import { createSequences, DecodeBatch } from './decode-batch.ts';
import { generate, type TokenEvent } from './generate.ts';

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
    max_position_embeddings: 48,
    tie_word_embeddings: false,
    initializer_range: 0.4,
  },
  { kernels: createReferenceKernels(), seed: 3, computeType: 'f32', trainable: false },
);
const options = { maxNewTokens: 8, stopIds: [], topLogProbs: 3 };

describe('a decoding batch', () => {
  it('gives a sequence the same tokens whenever it joins and whoever leaves beside it', async () => {
    const alone = await generate(model, [[5, 6]], { ...options, seed: 9 });
    const batch = new DecodeBatch(model, 3, 32);
    const [other] = createSequences(model, [[7, 8, 9]], { ...options, seed: 1, temperature: 0.3 });
    const [leaver] = createSequences(model, [[3]], { ...options, seed: 2 });
    const [late] = createSequences(model, [[5, 6]], { ...options, seed: 9 });
    batch.add(other!);
    batch.add(leaver!);
    await batch.step();
    batch.add(late!);
    batch.remove(leaver!);
    const ids: number[] = [];
    while (batch.size > 0) {
      for (const { of, event } of await batch.step()) {
        expect(of).not.toBe(leaver);
        if (of === late && event.type === 'token') ids.push(event.id);
      }
    }
    expect(ids).toEqual(alone[0]!.ids);
  });

  it('takes a sequence that leaves while a step is under way out of that step', async () => {
    const batch = new DecodeBatch(model, 1, 32);
    const [first] = createSequences(model, [[5]], options);
    batch.add(first!);
    const step = batch.step();
    batch.remove(first!);
    expect(await step).toEqual([]);
    const [second] = createSequences(model, [[5]], options);
    expect(batch.add(second!)).toBe(true);
    expect((await batch.step()).map(({ of }) => of)).toEqual([second]);
  });

  it('reads a prompt once that several new sequences have in common, even if the one it is read for leaves', async () => {
    const prompts = [[5, 6, 7], [8], [5, 6, 7], [5, 6, 7]];
    const sampled = { ...options, seed: 4, temperature: 1.5 };
    const alone = await generate(model, prompts, { ...sampled, slots: 1 });
    expect(new Set(alone.map(({ ids }) => ids.join())).size).toBe(4);
    expect(await generate(model, prompts, sampled)).toEqual(alone);

    const reading = vi.spyOn(model, 'extendInPlace');
    const sequences = createSequences(model, prompts, sampled);
    const batch = new DecodeBatch(model, 4, 32);
    for (const sequence of sequences) batch.add(sequence);
    const step = batch.step();
    batch.remove(sequences[0]!);
    const ids = new Map<unknown, number[]>(sequences.map((sequence) => [sequence, []]));
    const note = (events: Awaited<typeof step>) => {
      for (const { of, event } of events) if (event.type === 'token') ids.get(of)!.push(event.id);
    };
    note(await step);
    while (batch.size > 0) note(await batch.step());
    const read = reading.mock.calls.map(([, entries]) => entries.reduce((sum, entry) => sum + entry.ids.length, 0));
    reading.mockRestore();
    expect(read.slice(0, 2)).toEqual([4, 3]);
    expect([...ids.values()]).toEqual([[], ...alone.slice(1).map((sequence) => sequence.ids)]);
  });

  it('has no room beyond its slots', () => {
    const batch = new DecodeBatch(model, 1, 32);
    const [first, second] = createSequences(model, [[5], [6]], options);
    expect(batch.add(first!)).toBe(true);
    expect(batch.add(second!)).toBe(false);
  });

  it('ranks the likeliest tokens, the drawn one with the same log-probability', async () => {
    const batch = new DecodeBatch(model, 1, 32);
    batch.add(createSequences(model, [[5]], { ...options, temperature: 0 })[0]!);
    const event = (await batch.step())[0]!.event as Required<TokenEvent>;
    expect(event.top).toHaveLength(3);
    expect(event.top[0]!.id).toBe(event.id);
    expect(event.top[0]!.logProb).toBeCloseTo(event.logProb, 6);
    const ranked = event.top.map(({ logProb }) => logProb);
    expect(ranked).toEqual([...ranked].sort((a, b) => b - a));
  });
});
