import { createReferenceKernels } from '@tuiqiao/kernels';
import { describe, expect, it } from 'vitest';
import { createLanguageModel } from '../load-language-model.ts';
import { beamSearch } from './beam-search.ts';

const V = 40;
const END = 2;
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
    eos_token_id: END,
    initializer_range: 0.4,
  },
  { kernels: createReferenceKernels(), seed: 3, computeType: 'f32', trainable: false },
);
const prompt = [5, 9];

/** Log-probabilities of the next token after a text. */
async function logProbsAfter(ids: readonly number[]): Promise<number[]> {
  const logits = await model.extend(model.createCache(1, ids.length), [{ slot: 0, ids: [...ids] }]);
  const sum = Math.log(logits.reduce((total, logit) => total + Math.exp(logit), 0));
  return Array.from(logits, (logit) => logit - sum);
}

const plain = await beamSearch(model, prompt, { beams: 6, maxNewTokens: 5, returnSequences: 6, stopIds: [] });

describe('diverse beam search', () => {
  it('without a penalty gives every group what it would find alone', async () => {
    const options = { beams: 6, beamGroups: 3, maxNewTokens: 5, returnSequences: 6, stopIds: [] };
    const found = await beamSearch(model, prompt, options);
    const alone = await beamSearch(model, prompt, { ...options, beams: 2, beamGroups: 1, returnSequences: 2 });
    const ids = alone.map((each) => each.ids);
    expect(found.map((each) => each.ids)).toEqual([ids[0], ids[0], ids[0], ids[1], ids[1], ids[1]]);
  });

  it('in groups of one takes the likeliest token less the penalty for each group that took it', async () => {
    const diversityPenalty = 0.7;
    const found = await beamSearch(model, prompt, {
      beams: 4,
      beamGroups: 4,
      diversityPenalty,
      maxNewTokens: 3,
      returnSequences: 4,
      stopIds: [],
    });
    const texts: number[][] = [[], [], [], []];
    const scores = [0, 0, 0, 0];
    for (let length = 0; length < 3; length++) {
      const taken: number[] = [];
      for (const [group, ids] of texts.entries()) {
        const merits = (await logProbsAfter([...prompt, ...ids])).map(
          (logProb, id) => logProb - diversityPenalty * taken.filter((other) => other === id).length,
        );
        const best = merits.indexOf(Math.max(...merits));
        scores[group] = scores[group]! + merits[best]!;
        taken.push(best);
        ids.push(best);
      }
    }
    expect(found.map(({ ids }) => ids)).toEqual(texts);
    for (const [group, { score }] of found.entries()) expect(score).toBeCloseTo(scores[group]! / 3, 4);
    expect(new Set(found.map(({ ids }) => ids.join())).size).toBeGreaterThan(1);
  });

  it('takes only what the mask allows and nothing that is rejected, and gives the model’s own log-probabilities', async () => {
    const allowed = [4, 7, 8, 11, 12];
    const mask = new Uint32Array(2);
    for (const id of allowed) mask[id >>> 5]! |= 1 << (id & 31);
    const found = await beamSearch(model, prompt, {
      beams: 4,
      maxNewTokens: 3,
      returnSequences: 4,
      stopIds: [],
      mask: () => mask,
      reject: (ids, id) => ids.length === 1 && id === 7,
    });
    expect(found).toHaveLength(4);
    for (const { ids, logProbs } of found) {
      expect(ids.every((id) => allowed.includes(id)) && ids[1] !== 7).toBe(true);
      for (const [i, id] of ids.entries()) {
        expect(logProbs[i]).toBeCloseTo((await logProbsAfter([...prompt, ...ids.slice(0, i)]))[id]!, 4);
      }
    }
    expect(plain.some(({ ids }) => !ids.every((id) => allowed.includes(id)))).toBe(true);
  });

  it('refuses groups that do not divide the beams', async () => {
    await expect(beamSearch(model, prompt, { beams: 4, beamGroups: 3, maxNewTokens: 2 })).rejects.toMatchObject({
      code: 'generation-invalid',
    });
  });
});
