/** Recorded reference values, read from beside the repository; and the kernels to hold against them. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createNativeKernels, createReferenceKernels, KernelsError } from '@tuiqiao/kernels';
import type { Kernels } from '@tuiqiao/tensor';
import { expect } from 'vitest';
import { readSafetensorsHeader, readTensorFloats } from '../src/checkpoint/safetensors.ts';
import type { PackedBatch } from '../src/language-model.ts';

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
  const values = new Map<string, Float32Array>();
  for (const [key, entry] of tensors) values.set(key, await readTensorFloats(entry));
  return values;
}

export interface KernelsUnderTest {
  readonly name: 'reference' | 'native';
  /** Null when they are not built on this machine: the tests are then skipped, visibly. */
  readonly kernels: Kernels | null;
}

export const kernelsUnderTest: readonly KernelsUnderTest[] = [
  { name: 'reference', kernels: createReferenceKernels() },
  { name: 'native', kernels: createNative() },
];

function createNative(): Kernels | null {
  try {
    return createNativeKernels();
  } catch (error) {
    if (error instanceof KernelsError && error.code === 'native-missing') return null;
    throw error;
  }
}

/** Sequences packed end to end; every position with a label other than −100 (but the first) is predicted. */
export function packSequences(sequences: readonly number[][], labels: readonly number[][]): PackedBatch {
  const segments = [0];
  const lossRows: number[] = [];
  const targets: number[] = [];
  for (const [s, sequence] of sequences.entries()) {
    const start = segments.at(-1)!;
    for (let t = 1; t < sequence.length; t++) {
      const label = labels[s]![t] ?? -100;
      if (label === -100) continue;
      lossRows.push(start + t - 1);
      targets.push(label);
    }
    segments.push(start + sequence.length);
  }
  return {
    ids: Int32Array.from(sequences.flat()),
    positions: Int32Array.from(sequences.flatMap((sequence) => [...sequence.keys()])),
    segments: Int32Array.from(segments),
    lossRows: Int32Array.from(lossRows),
    targets: Int32Array.from(targets),
  };
}

/** |a − b| ≤ abs + rel·|b| for every element; the worst one is named. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: { abs?: number; rel?: number },
  name: string,
): void {
  expect(actual.length, `${name}: length`).toBe(expected.length);
  const { abs = 0, rel = 0 } = tolerance;
  let worst = 0;
  let message = '';
  for (let i = 0; i < actual.length; i++) {
    const excess = Math.abs(actual[i]! - expected[i]!) - abs - rel * Math.abs(expected[i]!);
    if (!(excess <= worst)) {
      worst = excess;
      message = `${name}[${i}]: expected ${expected[i]} ± ${abs} ± ${rel}×, got ${actual[i]}`;
    }
  }
  expect(message).toBe('');
}
