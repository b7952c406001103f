/**
 * Model folders with something wrong in them, found by chance: every one is either opened and computes, or refused by an
 * LmError of one sentence. Nothing else is thrown, and nothing is allocated that the real files would not need.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createReferenceKernels } from '@tuiqiao/kernels';
import { FOUR_BIT_BLOCK, fourBitCode, type Kernels } from '@tuiqiao/tensor';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { type TensorToWrite, writeSafetensors } from '../src/checkpoint/safetensors.ts';
import { LmError } from '../src/errors.ts';
import { loadLanguageModel } from '../src/load-language-model.ts';
import { createTokenizer } from '../src/tokenizer/load-tokenizer.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'bad-files-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The fixtures have some thousand weights; caches and rotary tables are small too. */
const MOST_ELEMENTS = 1 << 22;
const kernels = bounded(createReferenceKernels());

function bounded(base: Kernels): Kernels {
  const allocate: Kernels['allocate'] = (dtype, length) => {
    if (!(length <= MOST_ELEMENTS)) throw new Error(`allocated ${length} elements for a damaged file`);
    return base.allocate(dtype, length);
  };
  return { ...base, allocate };
}

interface Fixture {
  readonly config: Record<string, unknown>;
  readonly shapes: Record<string, number[]>;
  readonly weights: Record<string, string>;
}
const fixtures = path.join(import.meta.dirname, 'fixtures/families');
const names = readdirSync(fixtures).map((file) => path.basename(file, '.json'));
const read = (name: string) => JSON.parse(readFileSync(path.join(fixtures, `${name}.json`), 'utf8')) as Fixture;
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, 'base64'));

const target = path.join(folder, 'model');
mkdirSync(target);
const weightsFile = path.join(target, 'model.safetensors');
const writeConfig = (config: unknown) => writeFileSync(path.join(target, 'config.json'), JSON.stringify(config));
const tensorsOf = ({ shapes, weights }: Fixture): TensorToWrite[] =>
  Object.entries(weights).map(
    ([name, bits]) => ({ name, dtype: 'BF16', shape: shapes[name]!, bytes: () => bytesOf(bits) }) as const,
  );

/** Opens the folder and lets the model say something; LmErrors are what is expected. */
async function outcome(): Promise<'opened' | LmError> {
  try {
    const model = await loadLanguageModel(target, { kernels, computeType: 'f32' });
    const logits = await model.extend(model.createCache(1, 4), [{ slot: 0, ids: [1, 2, 3] }]);
    expect(logits).toHaveLength(model.config.vocabSize);
    return 'opened';
  } catch (error) {
    expect(error, (error as Error).stack ?? '').toBeInstanceOf(LmError);
    const { message } = error as LmError;
    expect(message).not.toContain('\n');
    return error as LmError;
  }
}

const nasty = fc.oneof(
  fc.constantFrom(null, true, -1, 0, 1, 2, 3, 0.5, 1e308, 2 ** 24, 2 ** 53, '', 'x', '__proto__', [], {}),
  fc.array(fc.constantFrom(-1, 0, 1, 1e9, 'a', null), { maxLength: 4 }),
  fc.dictionary(fc.constantFrom('rope_type', 'type', 'factor', 'rope_theta', 'full_attention'), fc.anything(), {
    maxKeys: 3,
  }),
);

describe('config.json', () => {
  it.each(names)('%s: any value at any key', { timeout: 60_000 }, async (name) => {
    const fixture = read(name);
    await writeSafetensors(weightsFile, tensorsOf(fixture));
    const more = [
      'partial_rotary_factor',
      'rope_scaling',
      'rope_parameters',
      'quantization_config',
      'layer_types',
      'num_experts',
    ];
    const keys = [...Object.keys(fixture.config), ...more];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...keys), nasty, async (key, value) => {
        writeConfig({ ...fixture.config, [key]: value });
        await outcome();
      }),
      { numRuns: 25, seed: 3 },
    );
  });

  it('factors of another number of pairs', async () => {
    const fixture = read('phi3_longrope');
    const scaling = fixture.config.rope_parameters as { short_factor: number[] };
    await writeSafetensors(weightsFile, tensorsOf(fixture));
    writeConfig({ ...fixture.config, rope_parameters: { ...scaling, short_factor: scaling.short_factor.slice(1) } });
    expect(await outcome()).toMatchObject({ code: 'config-malformed', message: expect.stringContaining('factors') });
  });

  it('experts without number are refused before their names are made', async () => {
    const fixture = read('qwen3_moe');
    writeConfig({ ...fixture.config, num_hidden_layers: 1024, num_experts: 4096 });
    expect(await outcome()).toMatchObject({
      code: 'config-malformed',
      message: expect.stringContaining('num_experts'),
    });
  });
});

describe('model.safetensors', () => {
  it('damaged bytes in the header', { timeout: 60_000 }, async () => {
    const fixture = read('qwen3_untied');
    writeConfig(fixture.config);
    await writeSafetensors(weightsFile, tensorsOf(fixture));
    const whole = readFileSync(weightsFile);
    const headerBytes = 8 + Number(whole.readBigUInt64LE(0));
    const change = fc.tuple(
      fc.nat(headerBytes - 1),
      fc.oneof(fc.nat(255), fc.constantFrom(0x30, 0x39, 0x2d, 0x22, 0x2c)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        writeFileSync(weightsFile, bytes);
        await outcome();
      }),
      { numRuns: 80, seed: 4 },
    );
  });

  it('cut off anywhere', async () => {
    const fixture = read('qwen3_untied');
    writeConfig(fixture.config);
    await writeSafetensors(weightsFile, tensorsOf(fixture));
    const whole = readFileSync(weightsFile);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), async (length) => {
        writeFileSync(weightsFile, whole.subarray(0, length));
        expect(await outcome()).toMatchObject({ code: 'checkpoint-malformed' });
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  it.each(['I64', 'U8', 'F8_E4M3'] as const)('weights of type %s', async (dtype) => {
    const fixture = read('qwen3_untied');
    writeConfig(fixture.config);
    const size = { I64: 8, U8: 1, F8_E4M3: 1 }[dtype];
    const tensors = tensorsOf(fixture).map((tensor, i) => {
      const count = tensor.shape.reduce((product, length) => product * length, 1);
      return i === 3 ? { ...tensor, dtype, bytes: () => new Uint8Array(size * count) } : tensor;
    });
    await writeSafetensors(weightsFile, tensors);
    const message = expect.stringContaining(`${tensors[3]!.name}: expected a float type, got ${dtype}`);
    expect(await outcome()).toMatchObject({ code: 'checkpoint-mismatch', message });
  });
});

describe('4-bit folders of bitsandbytes', () => {
  const fixture = read('qwen3_untied');
  const name = Object.keys(fixture.shapes).find((key) => key.endsWith('mlp.up_proj.weight'))!;
  const shape = fixture.shapes[name]!;
  const length = shape.reduce((product, size) => product * size, 1);
  // Every value 0.5: the highest code of each block.
  const packed = new Uint8Array(length / 2).fill(0xff);
  const maxima = new Float32Array(Math.ceil(length / FOUR_BIT_BLOCK)).fill(0.5);
  const bytes = (data: Float32Array | Uint8Array) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const state = { quant_type: 'nf4', blocksize: FOUR_BIT_BLOCK, shape, dtype: 'bfloat16' };
  const parts = (json: string): TensorToWrite[] => {
    const text = Buffer.from(json);
    const part = (suffix: string, dtype: 'U8' | 'F32', size: number[], data: Float32Array | Uint8Array) =>
      ({ name: `${name}${suffix}`, dtype, shape: size, bytes: () => bytes(data) }) as const;
    return [
      ...tensorsOf(fixture).filter((tensor) => tensor.name !== name),
      part('', 'U8', [packed.length, 1], packed),
      part('.absmax', 'F32', [maxima.length], maxima),
      part('.quant_map', 'F32', [16], fourBitCode('nf4')),
      part('.quant_state.bitsandbytes__nf4', 'U8', [text.length], text),
    ];
  };
  const config = {
    ...fixture.config,
    quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true },
  };

  it('opens when nothing is wrong', async () => {
    writeConfig(config);
    await writeSafetensors(weightsFile, parts(JSON.stringify(state)));
    expect(await outcome()).toBe('opened');
  });

  it('any value in the state, any part missing or of another type', { timeout: 60_000 }, async () => {
    writeConfig(config);
    const keys = ['blocksize', 'shape', 'nested_blocksize', 'nested_offset', 'nested_dtype', 'quant_type'];
    const damage = fc.record({
      key: fc.constantFrom(...keys),
      value: nasty,
      drop: fc.constantFrom('', '.absmax', '.quant_map', 'weight'),
      retype: fc.constantFrom('', '.absmax', '.quant_map', 'weight'),
    });
    await fc.assert(
      fc.asyncProperty(damage, async ({ key, value, drop, retype }) => {
        const isNamed = (suffix: string, tensor: TensorToWrite) => suffix !== '' && tensor.name.endsWith(suffix);
        const tensors = parts(JSON.stringify({ ...state, [key]: value }))
          .filter((tensor) => !(isNamed(drop, tensor) && tensor.name.startsWith(name)))
          .map((tensor) =>
            isNamed(retype, tensor) && tensor.name.startsWith(name)
              ? ({ ...tensor, dtype: 'I8', shape: [7], bytes: () => new Uint8Array(7) } as const)
              : tensor,
          );
        await writeSafetensors(weightsFile, tensors);
        await outcome();
      }),
      { numRuns: 60, seed: 6 },
    );
  });

  it('a state that is no JSON', async () => {
    writeConfig(config);
    await writeSafetensors(weightsFile, parts('{"shape": [4,'));
    expect(await outcome()).toMatchObject({ code: 'checkpoint-malformed', message: expect.stringContaining('JSON') });
  });
});

describe('tokenizer.json', () => {
  const good = {
    version: '1.0',
    added_tokens: [
      { id: 3, content: '<end>', special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
    ],
    normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: {},
    },
    decoder: { type: 'ByteLevel' },
    model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'], unk_token: null },
  };

  /** Encodes and decodes; LmErrors are what is expected. */
  function use(tokenizerJson: Record<string, unknown>, tokenizerConfig: Record<string, unknown> = {}): void {
    try {
      const tokenizer = createTokenizer({ tokenizerJson, tokenizerConfig });
      tokenizer.decode(tokenizer.encode('ab <end>春'));
      tokenizer.applyChatTemplate([{ role: 'user', content: '春' }]);
    } catch (error) {
      expect(error, (error as Error).stack ?? '').toBeInstanceOf(LmError);
    }
  }

  it('any value anywhere', () => {
    const junk = fc.oneof(
      nasty,
      fc.constantFrom({ type: 'Nothing' }, { type: 'Sequence' }, { type: 'Split' }, [[]], [null]),
    );
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(good)), junk, (key, value) => use({ ...good, [key]: value })),
      { numRuns: 300, seed: 7 },
    );
    const inner = fc.constantFrom(...Object.keys(good.model), 'byte_fallback', 'continuing_subword_prefix');
    fc.assert(
      fc.property(inner, junk, (key, value) => use({ ...good, model: { ...good.model, [key]: value } })),
      { numRuns: 300, seed: 8 },
    );
    const roles = fc.constantFrom('bos_token', 'eos_token', 'chat_template', 'added_tokens_decoder');
    fc.assert(
      fc.property(roles, junk, (key, value) => use(good, { [key]: value })),
      { numRuns: 200, seed: 9 },
    );
  });

  it('whatever JSON there is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (json) => use(json as Record<string, unknown>)),
      { numRuns: 100, seed: 10 },
    );
  });
});
