/** Full fine-tuning against torch: three AdamW and three SGD steps, clipped. */
import { createAdamW, createSgd, groupParameters } from '@tuiqiao/tensor';
import { describe, it } from 'vitest';
import { evaluateLoss } from '../src/evaluate-loss.ts';
import { exampleDataset } from '../src/items.ts';
import { sftObjective } from '../src/objectives/sft.ts';
import { train } from '../src/train.ts';
import {
  checksum,
  examplesOf,
  expectClose,
  hasGolden,
  loadRecordedModel,
  type PaddedBatch,
  readCase,
  readExpected,
  type Tolerance,
} from './golden.ts';

interface OptimizerRecord {
  losses: number[];
  grad_norms_before_clipping: number[];
  loss_of_first_batch_after_training: number;
  final_checksums: Record<string, [number, number, number]>;
}

interface FullCase {
  batches: PaddedBatch[];
  adamw: OptimizerRecord;
  sgd: OptimizerRecord;
  tolerance: Record<'losses' | 'grad_norms' | 'checksums' | 'tensors', Tolerance>;
}

describe.skipIf(!hasGolden)('lora/full_finetune', () => {
  it.each(['adamw', 'sgd'] as const)('three %s steps', async (name) => {
    const recorded = readCase<FullCase>('lora/full_finetune');
    const expected = await readExpected('lora/full_finetune');
    const model = await loadRecordedModel('families/qwen3', true);
    const parameters = [...model.parameters.values()];
    const optimizer =
      name === 'adamw'
        ? createAdamW(model.kernels, groupParameters(parameters, 0.01))
        : createSgd(model.kernels, [{ parameters, weightDecay: 0 }], { momentum: 0.9 });
    const seen: { loss: number; gradNorm: number }[] = [];
    await train({
      model,
      parameters,
      optimizer,
      schedule: () => (name === 'adamw' ? 1e-2 : 0.1),
      data: exampleDataset(recorded.batches.flatMap(examplesOf)),
      batching: { seed: 0, itemsPerStep: 2, isShuffled: false },
      objective: sftObjective(),
      totalSteps: 3,
      maxGradNorm: 1,
      loggingSteps: 1,
      onEvent: (event) => {
        if (event.type === 'step-end') seen.push(event);
      },
    });
    const record = recorded[name];
    const { tolerance } = recorded;
    expectClose(
      seen.map((event) => event.loss),
      record.losses,
      tolerance.losses,
      'losses',
    );
    expectClose(
      seen.map((event) => event.gradNorm),
      record.grad_norms_before_clipping,
      tolerance.grad_norms,
      'gradient norms',
    );
    const after = await evaluateLoss({ model, data: exampleDataset(examplesOf(recorded.batches[0]!)) });
    expectClose([after.eval_loss!], [record.loss_of_first_batch_after_training], tolerance.losses, 'loss after');
    for (const parameter of parameters) {
      const values = await model.kernels.read(parameter.value);
      expectClose(checksum(values), record.final_checksums[parameter.name]!, tolerance.checksums, parameter.name);
      const full = expected.get(`${name}.${parameter.name}`);
      if (full) expectClose(values, full, tolerance.tensors, parameter.name, 0.99);
    }
  });
});
