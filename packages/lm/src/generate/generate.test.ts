import { createReferenceKernels } from '@tuiqiao/kernels';
import { describe, expect, it } from 'vitest';
import { createLanguageModel } from '../load-language-model.ts';
import { type GenerateOptions, generate, generateStream } from './generate.ts';

const V = 40;
const model = createLanguageModel(
  {
    model_type: 'qwen3',
    vocab_size: V,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 8,
    max_position_embeddings: 48,
    tie_word_embeddings: false,
    eos_token_id: 2,
    initializer_range: 0.4,
  },
  { kernels: createReferenceKernels(), seed: 3, computeType: 'f32', trainable: false },
);
const prompts = [[5], [7, 8, 9, 10, 11], [12, 13], [5], [20, 21, 22], [30], [31, 1, 4]];
const options: GenerateOptions = { maxNewTokens: 20, seed: 11 };

describe('generate', () => {
  it('gives every sequence the same text whatever shares its batch', async () => {
    const wide = await generate(model, prompts, options);
    expect(wide.map(({ sequence }) => sequence)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    for (const slots of [1, 2, 3]) expect(await generate(model, prompts, { ...options, slots })).toEqual(wide);
    const longer = await generate(model, [...prompts, [33, 34]], options);
    expect(longer.slice(0, 7)).toEqual(wide);
  });

  it('repeats with its seed, differs between seeds and between equal prompts', async () => {
    const first = await generate(model, prompts, options);
    expect(await generate(model, prompts, options)).toEqual(first);
    expect(await generate(model, prompts, { ...options, seed: 12 })).not.toEqual(first);
    expect(first[0]!.ids).not.toEqual(first[3]!.ids);
  });

  it('stops at a stop id, which is scored but not part of the text', async () => {
    const results = await generate(
      model,
      Array.from({ length: 30 }, () => [5]),
      { ...options, stopIds: [2, 3, 4, 6] },
    );
    const stopped = results.filter(({ finish }) => finish === 'stop');
    expect(stopped.length).toBeGreaterThan(5);
    for (const { ids, logProbs } of stopped) expect(logProbs.length).toBe(ids.length + 1);
    expect(results.flatMap(({ ids }) => ids).some((id) => [2, 3, 4, 6].includes(id))).toBe(false);
  });

  it('never leaves the mask, asks it before every token, and ends where it allows nothing', async () => {
    const allowed = new Uint32Array(Math.ceil(V / 32));
    for (const id of [0, 17, 31, 32, 39]) allowed[id >> 5]! |= 1 << (id & 31);
    const nothing = new Uint32Array(Math.ceil(V / 32));
    for (const temperature of [0, 1]) {
      const asked: number[] = [];
      const results = await generate(model, prompts, {
        ...options,
        temperature,
        mask: (sequence, generated) => {
          if (sequence === 2) asked.push(generated.length);
          return sequence === 1 && generated.length === 4 ? nothing : allowed;
        },
      });
      expect(results.flatMap(({ ids }) => ids).every((id) => [0, 17, 31, 32, 39].includes(id))).toBe(true);
      expect(results[1]).toMatchObject({ finish: 'dead-end', ids: { length: 4 } });
      expect(asked).toEqual(Array.from({ length: 20 }, (_, i) => i));
    }
  });

  it('draws what a mask took away as well, and writes the same', async () => {
    const allowed = new Uint32Array(2);
    for (let id = 0; id < V; id += 2) allowed[id >> 5]! |= 1 << (id & 31);
    const masked: GenerateOptions = { ...options, mask: () => allowed };
    const plain = await generate(model, prompts, masked);
    const results = await generate(model, prompts, { ...masked, refusedFrom: 0.4 });
    expect(results.map(({ ids, logProbs }) => ({ ids, logProbs }))).toEqual(
      plain.map(({ ids, logProbs }) => ({ ids, logProbs })),
    );
    expect(plain.every(({ refused }) => refused.length === 0)).toBe(true);
    const seen = new Set<boolean>();
    for (const { refused, allowedMass } of results) {
      expect(refused.length).toBe(allowedMass.length);
      for (const [i, id] of refused.entries()) {
        seen.add(id !== null);
        expect(id !== null).toBe(1 - allowedMass[i]! >= 0.4);
        if (id !== null) expect(id % 2 === 1 && id < V).toBe(true);
      }
    }
    expect(seen.size).toBe(2);
    const free = await generate(model, prompts, { ...options, refusedFrom: 0 });
    expect(free.every(({ refused }) => refused.every((id) => id === null))).toBe(true);
  });

  it('draws again what is rejected, and ends where everything is', async () => {
    const allowed = new Uint32Array(2);
    for (const id of [4, 9, 33]) allowed[id >> 5]! |= 1 << (id & 31);
    const drawn = new Set<number>();
    const results = await generate(model, prompts, {
      ...options,
      mask: () => allowed,
      reject: (sequence, generated, id) => {
        drawn.add(id);
        return id === 9 || (sequence === 1 && generated.length === 3);
      },
    });
    expect(drawn).toEqual(new Set([4, 9, 33]));
    expect(new Set(results.flatMap(({ ids }) => ids))).toEqual(new Set([4, 33]));
    expect(results[1]).toMatchObject({ finish: 'dead-end', ids: { length: 3 } });
    expect([...allowed]).toEqual([(1 << 4) | (1 << 9), 1 << 1]);
  });

  it('leans as the bias says, and still reports the model itself', async () => {
    const bias = new Float32Array(V);
    bias[17] = 40;
    const [leaning] = await generate(model, [[5]], { maxNewTokens: 2, stopIds: [], bias: () => bias });
    expect(leaning!.ids).toEqual([17, 17]);
    const only = new Uint32Array(2);
    only[0] = 1 << 17;
    const [held] = await generate(model, [[5]], { maxNewTokens: 2, stopIds: [], mask: () => only });
    expect(leaning!.logProbs).toEqual(held!.logProbs);
  });

  it('gives a sequence of the same name the same text wherever it stands', async () => {
    const names = prompts.map((_, i) => `poem ${i}`);
    const whole = await generate(model, prompts, { ...options, sequenceNames: names });
    const tail = await generate(model, prompts.slice(3), { ...options, sequenceNames: names.slice(3) });
    expect(tail.map(({ ids }) => ids)).toEqual(whole.slice(3).map(({ ids }) => ids));
  });

  it('reports the log-probability under the unmasked model', async () => {
    const only = new Uint32Array(2);
    only[0] = 1 << 9;
    const [masked] = await generate(model, [[5]], { maxNewTokens: 1, mask: () => only, temperature: 0.3 });
    const logits = await model.extend(model.createCache(1, 4), [{ slot: 0, ids: [5] }]);
    const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    expect(masked!.ids).toEqual([9]);
    expect(masked!.logProbs[0]).toBeCloseTo(logits[9]! - logSum, 5);
  });

  it('samples in proportion to the model', async () => {
    const n = 4000;
    const results = await generate(
      model,
      Array.from({ length: n }, () => [5]),
      { maxNewTokens: 1, stopIds: [], seed: 1, slots: 256 },
    );
    const counts = new Float64Array(V);
    for (const { ids } of results) counts[ids[0]!]! += 1;
    const logits = await model.extend(model.createCache(1, 4), [{ slot: 0, ids: [5] }]);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    for (let v = 0; v < V; v++) {
      const p = Math.exp(logits[v]!) / sum;
      // Five standard deviations, over 40 tokens: fails by chance about once in 40,000 seeds.
      expect(Math.abs(counts[v]! / n - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / n) + 1e-3);
    }
  });

  it('ends at the last position the model has', async () => {
    const prompt = Array.from({ length: 45 }, (_, i) => i % V);
    const [result] = await generate(model, [prompt], { maxNewTokens: 20, stopIds: [] });
    expect(result).toMatchObject({ finish: 'length', ids: { length: 3 } });
  });

  it('gives nothing for no prompts', async () => {
    expect(await generate(model, [], options)).toEqual([]);
  });

  it.each([
    [{ temperature: -1 }],
    [{ temperature: Number.NaN }],
    [{ topP: 0 }],
    [{ topP: 1.1 }],
    [{ topK: 1.5 }],
    [{ minP: 2 }],
    [{ repetitionPenalty: 0 }],
    [{ maxNewTokens: 0 }],
  ])('refuses %j', async (change) => {
    await expect(generate(model, prompts, { ...options, ...change })).rejects.toMatchObject({
      code: 'generation-invalid',
    });
  });

  it('refuses an empty prompt and one longer than the model', async () => {
    for (const prompt of [[], new Array(48).fill(1)]) {
      await expect(generate(model, [prompt], options)).rejects.toMatchObject({ code: 'generation-invalid' });
    }
  });
});

describe('the stream', () => {
  it('tells every token as it comes and then the whole sequence', async () => {
    const told: number[] = [];
    const ids: number[][] = prompts.map(() => []);
    for await (const event of generateStream(model, prompts, { ...options, onToken: ({ id }) => told.push(id) })) {
      if (event.type === 'token') ids[event.sequence]!.push(event.id);
      else expect(event.ids).toEqual(ids[event.sequence]);
    }
    expect(ids).toEqual((await generate(model, prompts, options)).map((result) => result.ids));
    expect(told.length).toBe(ids.flat().length);
  });

  it('stops when aborted', async () => {
    const controller = new AbortController();
    let tokens = 0;
    const onToken = (): void => {
      if (++tokens === 9) controller.abort();
    };
    await expect(generate(model, prompts, { ...options, onToken, signal: controller.signal })).rejects.toThrow(/abort/);
    expect(tokens).toBeLessThan(20);
  });
});
