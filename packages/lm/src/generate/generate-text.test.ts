import { createReferenceKernels } from '@tuiqiao/kernels';
import { describe, expect, it } from 'vitest';
import { createLanguageModel } from '../load-language-model.ts';
import { createCharacterTokenizer } from '../tokenizer/character-tokenizer.ts';
import { createTokenizer } from '../tokenizer/load-tokenizer.ts';
import { defaultStopIds, generateText } from './generate-text.ts';

const tokenizer = createTokenizer(
  createCharacterTokenizer({
    specials: ['<|pad|>', '<|unk|>', '<|end|>', '<|poem|>'],
    characters: [...'春風明月白日依山盡。，'],
    unknownToken: '<|unk|>',
    eosToken: '<|end|>',
    padToken: '<|pad|>',
  }),
);
const model = createLanguageModel(
  {
    model_type: 'qwen3',
    vocab_size: tokenizer.vocabSize,
    hidden_size: 8,
    intermediate_size: 16,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 4,
    max_position_embeddings: 64,
    tie_word_embeddings: true,
    eos_token_id: 0,
  },
  { kernels: createReferenceKernels(), seed: 1, computeType: 'f32', trainable: false },
);

describe('generateText', () => {
  it('continues text, stops at the end tokens of config and tokenizer, and leaves specials out of the text', async () => {
    expect(defaultStopIds(model, tokenizer)).toEqual([0, 2]);
    const prompts = Array.from({ length: 40 }, () => '<|poem|>春風');
    const results = await generateText(model, tokenizer, prompts, { maxNewTokens: 12, seed: 4 });
    expect(results.some(({ finish }) => finish === 'stop')).toBe(true);
    for (const { text, ids } of results) {
      expect(ids.some((id) => id === 0 || id === 2)).toBe(false);
      expect(text).toBe(tokenizer.decode(ids.filter((id) => id > 3)));
    }
    const endless = await generateText(model, tokenizer, prompts.slice(0, 2), { maxNewTokens: 12, stopIds: [] });
    expect(endless.map(({ ids }) => ids.length)).toEqual([12, 12]);
  });
});
