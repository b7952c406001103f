import { createReferenceKernels } from '@tuiqiao/kernels';
import { describe, expect, it } from 'vitest';
import {
  createParameter,
  disableGradient,
  enableGradient,
  fuseParameters,
  initConstant,
  initKaimingUniform,
  initNormal,
  syncCompute,
  zeroGradients,
} from './parameter.ts';
import { createRandom } from './random.ts';

const kernels = createReferenceKernels();

describe('createParameter', () => {
  it('keeps a frozen value in its own type and computes in the tape’s', () => {
    const frozen = createParameter(kernels, 'w', [2, 3], { type: 'bf16', computeType: 'bf16' });
    expect([frozen.value.dtype, frozen.compute === frozen.value, frozen.grad]).toEqual(['bf16', true, null]);
    const widened = createParameter(kernels, 'w', [2, 3], { type: 'bf16', computeType: 'f32' });
    expect([widened.value.dtype, widened.compute.dtype]).toEqual(['bf16', 'f32']);
  });

  it('gives a trained matrix an f32 master, a bf16 copy and a gradient; vectors compute in f32', () => {
    const options = { type: 'bf16', computeType: 'bf16', requiresGrad: true } as const;
    const matrix = createParameter(kernels, 'w', [2, 3], options);
    expect([matrix.value.dtype, matrix.compute.dtype, matrix.grad?.dtype]).toEqual(['f32', 'bf16', 'f32']);
    const vector = createParameter(kernels, 'norm', [3], options);
    expect(vector.compute).toBe(vector.value);
    const frozenVector = createParameter(kernels, 'norm', [3], { type: 'bf16', computeType: 'bf16' });
    expect([frozenVector.value.dtype, frozenVector.compute.dtype]).toEqual(['bf16', 'f32']);
  });
});

describe('enableGradient', () => {
  it('makes the master from the checkpoint’s value and rounds it back to the same copy', async () => {
    const parameter = createParameter(kernels, 'w', [4, 8], { type: 'bf16', computeType: 'bf16' });
    initNormal(kernels, parameter, createRandom(1), 1);
    const before = await kernels.read(parameter.value);
    enableGradient(kernels, parameter, 'bf16');
    expect(parameter.value.dtype).toBe('f32');
    expect(await kernels.read(parameter.value)).toEqual(before);
    expect(await kernels.read(parameter.compute)).toEqual(before);
    expect(parameter.grad?.length).toBe(32);
    disableGradient(parameter);
    expect([parameter.requiresGrad, parameter.grad]).toEqual([false, null]);
  });
});

describe('fuseParameters', () => {
  const pair = (requiresGrad: boolean) =>
    ['q', 'k'].map((name, i) => {
      const options = { type: 'f32', computeType: 'bf16', requiresGrad } as const;
      const parameter = createParameter(kernels, name, [2 + i, 4], options);
      initNormal(kernels, parameter, createRandom(i), 1);
      return parameter;
    });

  it.each([true, false])(
    'lays the weights one below the other and keeps their values (trained: %s)',
    async (trained) => {
      const parameters = pair(trained);
      const before = await Promise.all(parameters.map(({ compute }) => kernels.read(compute)));
      fuseParameters(kernels, parameters);
      const { fusion } = parameters[0]!;
      expect(parameters[1]!.fusion).toBe(fusion);
      expect([...(await kernels.read(fusion!.compute))]).toEqual(before.flatMap((values) => [...values]));
      expect(fusion!.grad?.length).toBe(trained ? 20 : undefined);
      initConstant(kernels, parameters[1]!, 3);
      expect((await kernels.read(fusion!.compute)).slice(8).every((x) => x === 3)).toBe(true);
      if (!trained) return;
      kernels.fill(fusion!.grad!, 1);
      expect((await kernels.read(parameters[1]!.grad!)).every((x) => x === 1)).toBe(true);
      zeroGradients(kernels, parameters);
      expect((await kernels.read(fusion!.grad!)).every((x) => x === 0)).toBe(true);
    },
  );

  it('refuses matrices that do not belong together, by name', () => {
    const [q, k] = [pair(true)[0]!, pair(false)[1]!];
    expect(() => fuseParameters(kernels, [q, k])).toThrow('got k [3, 4] bf16 frozen');
  });
});

describe('initialisation', () => {
  it('kaiming uniform fills ±1/√in, normal has its standard deviation', async () => {
    const parameter = createParameter(kernels, 'lora_A', [64, 100], { type: 'f32', computeType: 'f32' });
    initKaimingUniform(kernels, parameter, createRandom(1));
    const uniform = await kernels.read(parameter.value);
    expect(Math.max(...uniform.map(Math.abs))).toBeLessThanOrEqual(0.1);
    expect(Math.max(...uniform)).toBeGreaterThan(0.0995);
    expect(Math.min(...uniform)).toBeLessThan(-0.0995);
    initNormal(kernels, parameter, createRandom(1), 0.02);
    const normal = await kernels.read(parameter.value);
    const std = Math.sqrt(normal.reduce((sum, x) => sum + x * x, 0) / normal.length);
    expect(Math.abs(std / 0.02 - 1)).toBeLessThan(5 / Math.sqrt(2 * normal.length));
    syncCompute(kernels, parameter);
  });
});
