/** Reading recorded cases: a tiny Hugging Face model, its inputs, and tensors to compare with. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { type LanguageModel, loadLanguageModel, readSafetensorsHeader, readTensorFloats } from '@tuiqiao/lm';
import { expect } from 'vitest';
import type { Example } from '../src/items.ts';

const root = path.resolve(import.meta.dirname, '../../../../shared/golden');

export const hasGolden = existsSync(root);

export function goldenFolder(name: string): string {
  return path.join(root, name);
}

export function readCase<T>(name: string): T {
  return JSON.parse(readFileSync(path.join(root, name, 'case.json'), 'utf8')) as T;
}

export async function readExpected(name: string): Promise<Map<string, Float32Array>> {
  const { tensors } = await readSafetensorsHeader(path.join(root, name, 'expected.safetensors'));
  const expected = new Map<string, Float32Array>();
  for (const [key, entry] of tensors) expected.set(key, await readTensorFloats(entry));
  return expected;
}

/** The recorded model in f32 on the reference kernels. */
export function loadRecordedModel(name: string, trainable = false): Promise<LanguageModel> {
  return loadLanguageModel(goldenFolder(name), { kernels: createReferenceKernels(), computeType: 'f32', trainable });
}

export interface PaddedBatch {
  readonly input_ids: readonly (readonly number[])[];
  readonly attention_mask: readonly (readonly number[])[];
  readonly labels: readonly (readonly number[])[];
}

/** The rows of a padded batch as examples: padding dropped, the leading unlabelled tokens as prompt. */
export function examplesOf(batch: PaddedBatch): Example[] {
  return batch.input_ids.map((row, b) => {
    const ids = row.filter((_, i) => batch.attention_mask[b]![i] === 1);
    const prompt = batch.labels[b]!.findIndex((label) => label >= 0);
    return { id: `row ${b}`, promptIds: ids.slice(0, prompt), completionIds: ids.slice(prompt) };
  });
}

export interface Tolerance {
  readonly abs?: number;
  readonly rel?: number;
}

/** |a − b| ≤ abs + rel·|b| for every element, or for the given share of them. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { abs = 0, rel = 0 }: Tolerance,
  what: string,
  share = 1,
): void {
  expect(actual.length, what).toBe(expected.length);
  let wrong = 0;
  let worst = '';
  let worstExcess = 0;
  for (let i = 0; i < expected.length; i++) {
    const excess = Math.abs(actual[i]! - expected[i]!) - (abs + rel * Math.abs(expected[i]!));
    if (!(excess <= 0)) wrong++;
    if (!(excess <= worstExcess)) {
      worstExcess = excess;
      worst = `element ${i}: ${actual[i]}, expected ${expected[i]}`;
    }
  }
  expect(wrong, `${what}: ${wrong} of ${expected.length} out of tolerance, ${worst}`).toBeLessThanOrEqual(
    (1 - share) * expected.length,
  );
}

/** [sum, L2 norm, Σ tᵢ·cos(0.1·i)]. */
export function checksum(values: ArrayLike<number>): [number, number, number] {
  let sum = 0;
  let squares = 0;
  let waves = 0;
  for (let i = 0; i < values.length; i++) {
    sum += values[i]!;
    squares += values[i]! ** 2;
    waves += values[i]! * Math.cos(0.1 * i);
  }
  return [sum, Math.sqrt(squares), waves];
}
