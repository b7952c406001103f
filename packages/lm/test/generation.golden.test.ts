import { describe, expect, it } from 'vitest';
import { beamSearch } from '../src/generate/beam-search.ts';
import { generate } from '../src/generate/generate.ts';
import { resolveSampling, type SamplingOptions } from '../src/generate/sampling-options.ts';
import { repeatingIds } from '../src/generate/token-history.ts';
import { loadLanguageModel } from '../src/load-language-model.ts';
import { expectClose, goldenFolder, hasGolden, kernelsUnderTest, readCase, readExpected } from './golden.ts';

interface GreedyCase {
  readonly sequences: { readonly prompt: number[]; readonly new_tokens: number[] }[];
  readonly with_repetition_penalty: {
    readonly prompt: number[];
    readonly repetition_penalty: number;
    readonly new_tokens: number[];
  }[];
}

interface ProcessorCase {
  readonly context: number[];
  readonly cases: { readonly name: string; readonly parameters: Record<string, number>; readonly kept: number }[];
  readonly tolerance: { readonly probs: { readonly abs: number } };
}

/** transformers' names of the settings this package has. */
const SETTINGS: Readonly<Record<string, keyof SamplingOptions>> = {
  temperature: 'temperature',
  top_k: 'topK',
  top_p: 'topP',
  min_p: 'minP',
  repetition_penalty: 'repetitionPenalty',
  presence_penalty: 'presencePenalty',
  frequency_penalty: 'frequencyPenalty',
  typical_p: 'typicalP',
  no_repeat_ngram_size: 'noRepeatNgramSize',
};

describe.skipIf(!hasGolden).each(kernelsUnderTest)('greedy decoding, $name kernels', ({ kernels }) => {
  const load = () => loadLanguageModel(goldenFolder('families/qwen3'), { kernels: kernels!, computeType: 'f32' });

  it.skipIf(kernels === null)('gives the recorded logits at every step, two sequences in one batch', async () => {
    const { sequences } = readCase<GreedyCase>('generation/greedy');
    const expected = await readExpected('generation/greedy');
    const model = await load();
    const cache = model.createCache(2, 64);
    const V = model.config.vocabSize;
    for (let step = 0; step < 24; step++) {
      const entries = sequences.map(({ prompt, new_tokens }, slot) => ({
        slot,
        ids: step === 0 ? prompt : [new_tokens[step - 1]!],
      }));
      const logits = await model.extend(cache, entries);
      for (const slot of [0, 1]) {
        const row = logits.subarray(slot * V, (slot + 1) * V);
        const golden = expected.get(`logits.${slot}`)!.subarray(step * V, (step + 1) * V);
        expectClose(row, golden, { abs: 1e-4, rel: 1e-4 }, `logits of sequence ${slot}, step ${step}`);
      }
    }
  });

  it.skipIf(kernels === null)(
    'gives the recorded tokens, batched, one slot at a time, and with a penalty',
    async () => {
      const { sequences, with_repetition_penalty: penalised } = readCase<GreedyCase>('generation/greedy');
      const model = await load();
      const common = { temperature: 0, maxNewTokens: 24, stopIds: [] };
      for (const slots of [1, 2]) {
        const results = await generate(
          model,
          sequences.map(({ prompt }) => prompt),
          { ...common, slots },
        );
        expect(results.map(({ ids }) => ids)).toEqual(sequences.map((sequence) => sequence.new_tokens));
        expect(results.every(({ finish }) => finish === 'length')).toBe(true);
      }
      const results = await generate(
        model,
        penalised.map(({ prompt }) => prompt),
        { ...common, repetitionPenalty: 1.5 },
      );
      expect(results.map(({ ids }) => ids)).toEqual(penalised.map((sequence) => sequence.new_tokens));
    },
  );
});

interface BeamCase {
  readonly runs: {
    readonly name: string;
    readonly parameters: {
      readonly num_beams: number;
      readonly num_return_sequences: number;
      readonly max_new_tokens: number;
      readonly length_penalty: number;
      readonly early_stopping: boolean | 'never';
      readonly eos_token_id: number | null;
      readonly no_repeat_ngram_size?: number;
    };
    readonly prompt: number[];
    readonly new_tokens: number[][];
    readonly sequences_scores: number[];
  }[];
}

describe.skipIf(!hasGolden).each(kernelsUnderTest)('beam search, $name kernels', ({ kernels }) => {
  it.skipIf(kernels === null)('gives the recorded sequences and scores', async () => {
    const { runs } = readCase<BeamCase>('generation/beam_search');
    const model = await loadLanguageModel(goldenFolder('families/qwen3'), { kernels: kernels!, computeType: 'f32' });
    for (const { name, parameters, prompt, new_tokens, sequences_scores } of runs) {
      const eos = parameters.eos_token_id;
      const results = await beamSearch(model, prompt, {
        beams: parameters.num_beams,
        returnSequences: parameters.num_return_sequences,
        maxNewTokens: parameters.max_new_tokens,
        lengthPenalty: parameters.length_penalty,
        earlyStopping: parameters.early_stopping,
        noRepeatNgramSize: parameters.no_repeat_ngram_size ?? 0,
        stopIds: eos === null ? [] : [eos],
      });
      const expected = new_tokens.map((ids) => {
        const end = eos === null ? -1 : ids.indexOf(eos);
        return end < 0 ? ids : ids.slice(0, end);
      });
      expect(
        results.map(({ ids }) => ids),
        name,
      ).toEqual(expected);
      expectClose(
        results.map(({ score }) => score),
        sequences_scores,
        { abs: 1e-4, rel: 1e-4 },
        name,
      );
    }
  });
});

describe.skipIf(!hasGolden).each(kernelsUnderTest)(
  'the distribution of recorded logits processors, $name kernels',
  ({ kernels }) => {
    const { cases, context, tolerance } = hasGolden
      ? readCase<ProcessorCase>('generation/logits_processors')
      : { cases: [], context: [], tolerance: { probs: { abs: 0 } } };
    const covered = cases.filter(({ parameters }) => Object.keys(parameters).every((name) => name in SETTINGS));

    it('covers the settings this package has', () => {
      expect(covered.map(({ name }) => name)).toContain('combined_a');
      expect(covered.length).toBe(cases.length);
    });

    it.skipIf(kernels === null).each(covered)('$name', async ({ name, parameters, kept }) => {
      const expected = await readExpected('generation/logits_processors');
      const options = resolveSampling(
        Object.fromEntries(Object.entries(parameters).map(([key, value]) => [SETTINGS[key]!, value])),
      );
      const counts = new Map<number, number>();
      for (const id of context) counts.set(id, (counts.get(id) ?? 0) + 1);
      const logits = kernels!.allocate('f32', 160);
      kernels!.write(logits, expected.get('logits')!);
      const banned = options.noRepeatNgramSize > 0 ? repeatingIds(context, options.noRepeatNgramSize) : [];
      const request = {
        row: 0,
        settings: options,
        uniform: 0,
        mask: null,
        bias: null,
        context: new Set(context),
        counts,
      };
      const probabilities = await kernels!.tokenProbabilities(logits, { ...request, banned }, { V: 160 });
      expect(probabilities.filter((probability) => probability > 0).length).toBe(kept);
      expectClose(probabilities, expected.get(`probs.${name}`)!, tolerance.probs, name);
    });
  },
);
