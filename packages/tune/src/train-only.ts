/** Which of a model's parameters have a gradient. */
import type { LanguageModel } from '@tuiqiao/lm';
import { disableGradient, enableGradient, type Parameter } from '@tuiqiao/tensor';
import { computeTypeOf } from './micro-batch.ts';
import { softPromptParameters } from './soft-prompt/soft-prompt.ts';

/** Gradients for the listed parameters and for nothing else. */
export function trainOnly(model: LanguageModel, parameters: readonly Parameter[]): void {
  const trained = new Set(parameters);
  const all = [...model.parameters.values()];
  for (const linear of model.linears.values())
    for (const { a, b, magnitude } of linear.deltas) all.push(a, b, ...(magnitude ? [magnitude] : []));
  for (const { attention, feedForward } of model.bottlenecks) {
    for (const { down, up } of [...attention, ...feedForward]) {
      all.push(down.weight, down.bias!, up.weight, up.bias!);
    }
  }
  if (model.softPrompt !== null) all.push(...softPromptParameters(model.softPrompt));
  for (const parameter of all) {
    if (!trained.has(parameter) && parameter.requiresGrad) disableGradient(parameter);
  }
  for (const parameter of parameters) {
    if (!parameter.requiresGrad) enableGradient(model.kernels, parameter, computeTypeOf(model));
  }
}
