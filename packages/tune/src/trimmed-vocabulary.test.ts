/** Training over a trimmed vocabulary: loss and gradients are those of a model that never had the other tokens. */
import { createReferenceKernels } from '@tuiqiao/kernels';
import { createLanguageModel } from '@tuiqiao/lm';
import { createArena, syncCompute } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { TINY_CONFIG, tinyModel, VOCABULARY } from '../test/tiny.ts';
import type { Example } from './items.ts';
import { attachLora } from './lora/adapter.ts';
import { accumulateGradients } from './micro-batch.ts';
import { sftObjective } from './objectives/sft.ts';

const kept = [1, 4, 7, 8, 15, 22, 23, 39];
const places = new Map(kept.map((id, place) => [id, place]));
const examples: Example[] = [
  { id: 'a', promptIds: [1, 4], completionIds: [7, 8, 39] },
  { id: 'b', promptIds: [22], completionIds: [23, 15, 15, 1] },
];
const inSmall = (ids: ArrayLike<number>) => Array.from(ids, (id) => places.get(id)!);

async function trainedOnce(model: ReturnType<typeof tinyModel>, items: readonly Example[]) {
  const adapter = attachLora(model, { rank: 3, alpha: 6, targetModules: 'all-linear', seed: 2 });
  for (const { b } of adapter.deltas.values()) {
    model.kernels.write(
      b.value,
      Float32Array.from({ length: b.value.length }, (_, i) => Math.sin(i)),
    );
    syncCompute(model.kernels, b);
  }
  const objective = sftObjective({ withAccuracy: true });
  const { loss, metrics } = await accumulateGradients({
    model,
    arena: createArena(model.kernels),
    objective,
    step: objective.beginStep(items),
    items,
    indexes: Int32Array.from(items, (_, i) => i),
    dropoutSeed: 1,
  });
  const gradients: number[][] = [];
  for (const { grad } of adapter.parameters) gradients.push([...(await model.kernels.read(grad!))]);
  return { loss, metrics, gradients };
}

describe('a trimmed vocabulary', () => {
  it('gives loss, accuracy and LoRA gradients of a model with those tokens only, bit for bit', async () => {
    const trimmed = tinyModel(false);
    const whole = [...(await trimmed.kernels.read(trimmed.parameters.get('model.embed_tokens.weight')!.value))];
    const C = whole.length / VOCABULARY;
    const kernels = createReferenceKernels();
    const config = { ...TINY_CONFIG, vocab_size: kept.length };
    const small = createLanguageModel(config, { kernels, seed: 1, computeType: 'f32', trainable: false });
    for (const [name, { value }] of small.parameters) {
      const values =
        name === 'model.embed_tokens.weight'
          ? kept.flatMap((id) => whole.slice(id * C, (id + 1) * C))
          : [...(await trimmed.kernels.read(trimmed.parameters.get(name)!.value))];
      kernels.write(value, values);
    }
    trimmed.trimVocabulary(kept);
    const smallExamples = examples.map(({ id, promptIds, completionIds }) => ({
      id,
      promptIds: inSmall(promptIds),
      completionIds: inSmall(completionIds),
    }));
    expect(await trainedOnce(trimmed, examples)).toEqual(await trainedOnce(small, smallExamples));
  });

  it('with every token kept changes no bit of loss and gradients', async () => {
    const trimmed = tinyModel(false);
    trimmed.trimVocabulary(Array.from({ length: VOCABULARY }, (_, id) => id));
    expect(await trainedOnce(trimmed, examples)).toEqual(await trainedOnce(tinyModel(false), examples));
  });
});
