/** bitsandbytes' 4-bit and 8-bit number formats against its own recorded bytes. */
import path from 'node:path';
import {
  blockMaxima,
  dequantizeBlockwise,
  dequantizeFourBit,
  dynamicMap,
  fourBitCode,
  type NestedMaxima,
  quantizeBlockwise,
  quantizeFourBit,
} from '@tuiqiao/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSafetensorsHeader, readTensorBytes, readTensorFloats } from '../src/checkpoint/safetensors.ts';
import { expectClose, goldenFolder, hasGolden, readCase } from './golden.ts';

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

  it.each(['even.nf4', 'even.fp4', 'odd.nf4', 'odd.fp4'])('%s: the same bytes, once and twice quantised', (item) => {
    const [shape, type] = item.split('.') as [string, 'nf4' | 'fp4'];
    const weight = expected.get(`${shape}.weight`) as Float32Array;
    const { items } = readCase<{ items: Record<string, { offset?: number }> }>('quantization/bnb_4bit');

    const single = quantizeFourBit(weight, { type });
    expect(Buffer.from(single.packed).equals(expected.get(`${item}.packed`) as Uint8Array)).toBe(true);
    expect([...blockMaxima(single)]).toEqual([...expected.get(`${item}.absmax`)!]);

    const double = quantizeFourBit(weight, { type, doubleQuant: true });
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
