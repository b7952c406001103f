/** Number formats of bitsandbytes and GGUF against recorded bytes, and a saved 4-bit model. */
import path from 'node:path';
import {
  blockMaxima,
  createArena,
  dequantizeBlockwise,
  dequantizeFourBit,
  dynamicMap,
  fourBitCode,
  type NestedMaxima,
  quantizeBlockwise,
  quantizeFourBit,
  Tape,
} from '@tuiqiao/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { dequantizeGguf, type GgufType } from '../src/checkpoint/gguf-blocks.ts';
import { openModel } from '../src/checkpoint/open-model.ts';
import { readSafetensorsHeader, readTensorBytes, readTensorFloats } from '../src/checkpoint/safetensors.ts';
import { readFloats } from '../src/checkpoint/weight-source.ts';
import { loadLanguageModel } from '../src/load-language-model.ts';
import {
  expectClose,
  goldenFolder,
  hasGolden,
  kernelsUnderTest,
  packSequences,
  readCase,
  readExpected,
} from './golden.ts';

const TOLERANCE = { abs: 1e-6, rel: 1e-6 };

async function readTensors(name: string): Promise<Map<string, Float32Array | Uint8Array>> {
  const { tensors } = await readSafetensorsHeader(path.join(goldenFolder(name), 'expected.safetensors'));
  const values = new Map<string, Float32Array | Uint8Array>();
  for (const [key, entry] of tensors) {
    values.set(
      key,
      entry.dtype === 'U8' || entry.dtype === 'I8' ? await readTensorBytes(entry) : await readTensorFloats(entry),
    );
  }
  return values;
}

describe.skipIf(!hasGolden)('4-bit weights, against bitsandbytes', () => {
  let expected: Map<string, Float32Array | Uint8Array>;
  beforeAll(async () => {
    expected = await readTensors('quantization/bnb_4bit');
  });

  it.each(['nf4', 'fp4'] as const)('has the values of %s', (type) => {
    expect([...fourBitCode(type)]).toEqual([...expected.get(`code.${type}`)!]);
  });

  const cases = kernelsUnderTest.flatMap((each) =>
    ['even.nf4', 'even.fp4', 'odd.nf4', 'odd.fp4'].map((item) => ({ ...each, item })),
  );
  it.each(cases)('$item: the same bytes, once and twice quantised, $name', async ({ item, kernels }) => {
    if (kernels === null) return;
    const [shape, type] = item.split('.') as [string, 'nf4' | 'fp4'];
    const weight = expected.get(`${shape}.weight`) as Float32Array;
    const { items } = readCase<{ items: Record<string, { offset?: number }> }>('quantization/bnb_4bit');

    const values = kernels.allocate('f32', weight.length);
    kernels.write(values, weight);
    const single = await quantizeFourBit(kernels, values, { type });
    expect(Buffer.from(single.packed).equals(expected.get(`${item}.packed`) as Uint8Array)).toBe(true);
    expect([...blockMaxima(single)]).toEqual([...expected.get(`${item}.absmax`)!]);

    const double = await quantizeFourBit(kernels, values, { type, doubleQuant: true });
    const nested = double.maxima as NestedMaxima;
    expect(Buffer.from(double.packed).equals(single.packed)).toBe(true);
    expect([...nested.codes]).toEqual([...expected.get(`${item}.double.absmax`)!]);
    expectClose(nested.maxima, expected.get(`${item}.double.nested_absmax`)!, { rel: 1e-6 }, 'nested absmax');
    expectClose([nested.offset], [items[`${item}.double`]!.offset!], { rel: 1e-6 }, 'offset');
    expectClose(blockMaxima(double), expected.get(`${item}.double.absmax_restored`)!, TOLERANCE, 'restored absmax');

    for (const [suffix, weights] of [
      ['', single],
      ['.double', double],
    ] as const) {
      const whole = expected.get(`${item}${suffix}.dequantised`);
      const part = expected.get(`${item}${suffix}.dequantised_first_1024`);
      const golden = whole ?? part;
      if (golden === undefined) continue;
      expectClose(dequantizeFourBit(weights).subarray(0, golden.length), golden, TOLERANCE, `${item}${suffix}`);
    }
  });
});

describe.skipIf(!hasGolden)('8-bit blockwise codes, against bitsandbytes', () => {
  it('has its dynamic map', async () => {
    const expected = await readTensors('quantization/bnb_8bit_blockwise');
    expect([...dynamicMap()]).toEqual([...expected.get('code')!]);
  });

  it.each([64, 256, 4096])('blocks of %i', async (blockSize) => {
    const expected = await readTensors('quantization/bnb_8bit_blockwise');
    const quantized = quantizeBlockwise(expected.get('weight') as Float32Array, blockSize, {
      rounding: 'table',
    });
    expect([...quantized.codes]).toEqual([...expected.get(`b${blockSize}.q`)!]);
    expect([...quantized.maxima]).toEqual([...expected.get(`b${blockSize}.absmax`)!]);
    const golden = expected.get(`b${blockSize}.dequantised`);
    if (golden !== undefined) expectClose(dequantizeBlockwise(quantized), golden, TOLERANCE, 'dequantised');
  });
});

describe.skipIf(!hasGolden)('a saved 4-bit checkpoint', () => {
  const name = 'quantization/qwen3_nf4';

  it('is put together and dequantised', async () => {
    const { weights, config } = await openModel(goldenFolder(name));
    const source = weights.get('model.layers.0.self_attn.k_proj.weight')!;
    expect(source).toMatchObject({ shape: [48, 64], dtype: 'NF4' });
    const key = 'dequantised.model.layers.0.self_attn.k_proj.weight';
    expectClose(await readFloats(source), (await readExpected(name)).get(key)!, TOLERANCE, key);
    expect(config.raw.quantization_config).toBeUndefined();
  });

  it.skipIf(!hasGolden).each(
    kernelsUnderTest.flatMap((each) => [
      { ...each, how: 'dequantised', quantization: undefined },
      { ...each, how: 'its codes as they are', quantization: { type: 'nf4', doubleQuant: true } as const },
    ]),
  )('gives the recorded logits, $name kernels, $how', async ({ kernels, quantization }) => {
    if (kernels === null) return;
    const { inputs, tolerance } = readCase<{
      inputs: { input_ids: number[][]; attention_mask: number[][] };
      tolerance: { logits: { abs: number; rel: number } };
    }>(name);
    const model = await loadLanguageModel(goldenFolder(name), { kernels, computeType: 'f32', quantization });
    const sequences = inputs.input_ids.map((ids, i) => ids.filter((_, t) => inputs.attention_mask[i]![t] === 1));
    const batch = packSequences(sequences, sequences);
    const tape = new Tape(kernels, createArena(kernels), { computeType: 'f32', isRecording: false });
    const logits = await kernels.read(model.logits(batch, tape).buffer);
    expectClose(logits, (await readExpected(name)).get('logits')!, tolerance.logits, 'logits');
  });
});

describe.skipIf(!hasGolden)('GGUF blocks, against gguf-py', () => {
  it.each(['Q8_0', 'Q4_0', 'Q4_1', 'Q5_0', 'Q5_1', 'BF16', 'Q4_K', 'Q5_K', 'Q6_K'] as GgufType[])(
    '%s',
    async (type) => {
      const expected = await readTensors('quantization/gguf_types');
      const values = dequantizeGguf(type, expected.get(`${type}.bytes`) as Uint8Array);
      expectClose(values, expected.get(`${type}.dequantised`)!, TOLERANCE, type);
    },
  );
});
