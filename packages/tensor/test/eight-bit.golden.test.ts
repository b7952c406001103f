/** 8-bit state against bitsandbytes: the dynamic map, and the codes and scales of quantised blocks. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { describe, expect, it } from 'vitest';
import { dynamicMap } from '../src/index.ts';

const file = path.resolve(
  import.meta.dirname,
  '../../../../shared/golden/quantization/bnb_8bit_blockwise/expected.safetensors',
);

/** The recorded tensors' bytes by name. */
function readRecorded(): (name: string) => Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(readFileSync(file));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  return (name) => bytes.slice(...(header[name].data_offsets.map((at: number) => 8 + length + at) as [number, number]));
}

describe.skipIf(!existsSync(file))('bitsandbytes 8-bit state (golden)', () => {
  it('the signed dynamic map is theirs, number for number', () => {
    const recorded = new Float32Array(readRecorded()('code').buffer);
    expect(dynamicMap(true)).toEqual(recorded);
  });

  it.each([64, 256, 4096])('a moment is quantised to their codes and scales, blocks of %s', async (blockSize) => {
    const read = readRecorded();
    const scales = new Float32Array(read(`b${blockSize}.absmax`).buffer);
    // Their CPU back-end finds the code in a table of 65,536 entries, by the number rounded to the table's grid; ours (as
    // their GPU kernels) by the number itself. Numbers that lie on the grid are quantised alike by both.
    const grad = new Float32Array(read('weight').buffer).map((x, i) => {
      const scale = scales[Math.floor(i / blockSize)]!;
      return scale === 0 ? 0 : (Math.round((x / scale + 1) * 32767.5) / 32767.5 - 1) * scale;
    });
    const kernels = createReferenceKernels();
    const upload = (values: Float32Array) => {
      const buffer = kernels.allocate('f32', values.length);
      kernels.write(buffer, values);
      return buffer;
    };
    const blocks = Math.ceil(grad.length / blockSize);
    const [m, v] = [kernels.allocate('u8', grad.length), kernels.allocate('u8', grad.length)];
    const [mScale, vScale] = [kernels.allocate('f32', blocks), kernels.allocate('f32', blocks)];
    // With β₁ = 0 the first moment is the gradient itself.
    kernels.adamw8bit(
      kernels.allocate('f32', grad.length),
      m,
      mScale,
      v,
      vScale,
      null,
      upload(grad),
      upload(dynamicMap(true)),
      upload(dynamicMap(false)),
      {
        length: grad.length,
        learningRate: 0,
        beta1: 0,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0,
        step: 1,
        gradientScale: 1,
        blockSize,
      },
    );
    expect(await kernels.readBytes(m)).toEqual(read(`b${blockSize}.q`));
    expect(await kernels.read(mScale)).toEqual(scales);
  });
});
