/** A model of some thousand weights over the characters of a few real poems, on disk with its corpus. */
import path from 'node:path';
import {
  CHAT_TEMPLATE,
  controlTokens,
  END_TOKEN,
  loadStarter,
  PAD_TOKEN,
  POEM_TOKEN,
  type Poem,
  TITLE_TOKEN,
  UNKNOWN_TOKEN,
  writePoemFile,
} from '@tuiqiao/corpus';
import { createKernels } from '@tuiqiao/kernels';
import {
  createCharacterTokenizer,
  createLanguageModel,
  createTokenizer,
  loadLanguageModel,
  saveLanguageModel,
  saveTokenizer,
} from '@tuiqiao/lm';
import { attachLora, saveAdapter } from '@tuiqiao/tune';
import { plainRequest } from '../src/poet/requests.ts';

export interface TinyPoet {
  readonly model: string;
  /** A `.jsonl.gz` of 五绝, for `dataset:`. */
  readonly corpus: string;
  readonly poems: readonly Poem[];
}

export async function createTinyPoet(folder: string): Promise<TinyPoet> {
  const starter = (await loadStarter()).filter(({ labels }) => labels.isFlawless && labels.form === '五绝');
  const part = (split: string, count: number) => starter.filter(({ labels }) => labels.split === split).slice(0, count);
  const poems = [...part('train', 24), ...part('validation', 8)];
  const corpus = path.join(folder, 'poems.jsonl.gz');
  await writePoemFile(corpus, poems);
  const specials = [PAD_TOKEN, UNKNOWN_TOKEN, END_TOKEN, POEM_TOKEN, TITLE_TOKEN];
  for (const poem of poems) specials.push(...controlTokens(plainRequest(poem)));
  const files = createCharacterTokenizer({
    specials: [...new Set(specials)],
    characters: [...new Set(poems.flatMap(({ text, title }) => [...text, ...title]))],
    unknownToken: UNKNOWN_TOKEN,
    eosToken: END_TOKEN,
    padToken: PAD_TOKEN,
    chatTemplate: CHAT_TEMPLATE,
  });
  const model = path.join(folder, 'model');
  const tiny = createLanguageModel(
    {
      architectures: ['Qwen3ForCausalLM'],
      model_type: 'qwen3',
      vocab_size: createTokenizer(files).vocabSize,
      hidden_size: 32,
      intermediate_size: 16,
      num_hidden_layers: 1,
      num_attention_heads: 1,
      num_key_value_heads: 1,
      head_dim: 32,
      hidden_act: 'silu',
      rms_norm_eps: 1e-6,
      rope_theta: 10_000,
      max_position_embeddings: 128,
      tie_word_embeddings: true,
      attention_bias: false,
      initializer_range: 0.4,
      eos_token_id: 2,
      pad_token_id: 0,
    },
    { kernels: createKernels({ prefer: 'reference' }), seed: 1 },
  );
  await saveLanguageModel(tiny, model, { dtype: 'f32' });
  await saveTokenizer(files, model);
  return { model, corpus, poems };
}

/** An adapter whose B is not zero, so that it says something else than its base. */
export async function saveOddAdapter(model: string, to: string): Promise<void> {
  const kernels = createKernels({ prefer: 'reference' });
  const base = await loadLanguageModel(model, { kernels, computeType: 'f32' });
  const adapter = attachLora(base, { rank: 2, alpha: 64, targetModules: 'all-linear', seed: 3 });
  for (const { b } of adapter.deltas.values()) kernels.fill(b.value, 0.5);
  await saveAdapter(kernels, adapter, to, { baseModelName: model });
}
