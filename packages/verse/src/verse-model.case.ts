/** A model of a few hundred weights over the characters of real poems: it writes nonsense, which is what is wanted. */
import {
  CHAT_TEMPLATE,
  END_TOKEN,
  loadStarter,
  PAD_TOKEN,
  POEM_TOKEN,
  type Poem,
  TITLE_TOKEN,
  UNKNOWN_TOKEN,
} from '@tuiqiao/corpus';
import {
  createCharacterTokenizer,
  createLanguageModel,
  createTokenizer,
  type LanguageModel,
  type Tokenizer,
} from '@tuiqiao/lm';

type Kernels = Parameters<typeof createLanguageModel>[1]['kernels'];

/** @param vocabSize of the model; the tokenizer's when absent */
export function createTinyModel(
  kernels: Kernels,
  vocabSize: number,
  eosTokenId: number,
  maxPositions = 512,
): LanguageModel {
  return createLanguageModel(
    {
      model_type: 'qwen3',
      vocab_size: vocabSize,
      hidden_size: 16,
      intermediate_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      num_key_value_heads: 1,
      head_dim: 16,
      max_position_embeddings: maxPositions,
      tie_word_embeddings: true,
      initializer_range: 0.4,
      eos_token_id: eosTokenId,
    },
    { kernels, seed: 1, computeType: 'f32', trainable: false },
  );
}

/** The starter's poems, and a tokenizer over every character of them. */
export async function createPoetTokenizer(): Promise<{ tokenizer: Tokenizer; poems: Poem[] }> {
  const poems = await loadStarter();
  const tokenizer = createTokenizer(
    createCharacterTokenizer({
      specials: [PAD_TOKEN, UNKNOWN_TOKEN, END_TOKEN, POEM_TOKEN, TITLE_TOKEN],
      characters: [...new Set(poems.flatMap(({ text }) => [...text]))].filter((character) => character !== '\n'),
      unknownToken: UNKNOWN_TOKEN,
      eosToken: END_TOKEN,
      padToken: PAD_TOKEN,
      chatTemplate: CHAT_TEMPLATE,
    }),
  );
  return { tokenizer, poems };
}
