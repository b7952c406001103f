/**
 * Folders that transformers saved with bitsandbytes' 4-bit weights. Beside each packed `x.weight` lie `.absmax`,
 * `.quant_map`, the JSON `.quant_state.bitsandbytes__nf4` (or `fp4`) and, with double quantisation, `.nested_absmax` and
 * `.nested_quant_map`. Here they become one weight of the shape the JSON states.
 */
import { dequantizeFourBit, FOUR_BIT_BLOCK, type FourBitWeights, fourBitCode, NESTED_BLOCK } from '@tuiqiao/tensor';
import { LmError } from '../errors.ts';
import { isJsonObject, type Json } from '../tokenizer/json.ts';
import type { Checkpoint } from './checkpoint.ts';
import { readTensorBytes, readTensorFloats, type TensorEntry } from './safetensors.ts';
import { sourceOfEntry, type WeightSource, type WeightSources } from './weight-source.ts';

const STATE = /^(.*)\.quant_state\.bitsandbytes__(nf4|fp4)$/;
const PARTS = ['absmax', 'quant_map', 'nested_absmax', 'nested_quant_map'] as const;
/** The JSON is about 170 bytes. */
const MAX_STATE_BYTES = 65_536;

interface State {
  readonly type: 'nf4' | 'fp4';
  readonly shape: readonly number[];
  /** Null without double quantisation. */
  readonly nestedOffset: number | null;
}

/**
 * Every weight of a checkpoint, 4-bit ones put together.
 * @throws LmError `checkpoint-malformed` when a part is missing or does not fit, `model-feature-unsupported` for other
 *   block sizes
 */
export async function weightSources(checkpoint: Checkpoint): Promise<WeightSources> {
  const sources = new Map<string, WeightSource>();
  const used = new Set<string>();
  for (const [key, entry] of checkpoint) {
    const match = STATE.exec(key);
    if (match === null) continue;
    const name = match[1]!;
    const state = await readState(entry, match[2] as 'nf4' | 'fp4');
    sources.set(name, fourBitSource(checkpoint, name, state));
    for (const part of [key, name, ...PARTS.map((suffix) => `${name}.${suffix}`)]) used.add(part);
  }
  for (const [name, entry] of checkpoint) if (!used.has(name)) sources.set(name, sourceOfEntry(entry));
  return sources;
}

async function readState(entry: TensorEntry, type: 'nf4' | 'fp4'): Promise<State> {
  if (entry.dtype !== 'U8' || entry.end - entry.begin > MAX_STATE_BYTES) {
    throw malformed(entry, `at most ${MAX_STATE_BYTES} bytes of JSON`, `${entry.dtype} [${entry.shape.join(', ')}]`);
  }
  const text = Buffer.from(await readTensorBytes(entry)).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw malformed(entry, 'JSON', (cause as Error).message);
  }
  if (!isJsonObject(json)) throw malformed(entry, 'a JSON object', text);
  const { shape, blocksize, nested_blocksize: nestedBlock, nested_offset: offset } = json as Json;
  if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw malformed(entry, 'a shape', JSON.stringify(shape));
  }
  if (blocksize !== FOUR_BIT_BLOCK || (nestedBlock !== undefined && nestedBlock !== NESTED_BLOCK)) {
    throw new LmError(
      'model-feature-unsupported',
      `${entry.name}: expected blocks of ${FOUR_BIT_BLOCK} and nested ones of ${NESTED_BLOCK}, got ${blocksize} and ${nestedBlock}`,
    );
  }
  if (nestedBlock !== undefined && typeof offset !== 'number') throw malformed(entry, 'a nested_offset', `${offset}`);
  return { type, shape: shape as number[], nestedOffset: nestedBlock === undefined ? null : (offset as number) };
}

function fourBitSource(checkpoint: Checkpoint, name: string, { type, shape, nestedOffset }: State): WeightSource {
  const length = shape.reduce((product, size) => product * size, 1);
  const blocks = Math.ceil(length / FOUR_BIT_BLOCK);
  const part = (suffix: string, dtype: string, elements: number): TensorEntry => {
    const key = suffix === '' ? name : `${name}.${suffix}`;
    const entry = checkpoint.get(key);
    const held = entry?.shape.reduce((product, size) => product * size, 1);
    if (entry === undefined || entry.dtype !== dtype || held !== elements) {
      throw new LmError(
        'checkpoint-malformed',
        `${key}: expected ${elements} elements of ${dtype} for a 4-bit weight [${shape.join(', ')}], got ${
          entry === undefined ? 'no such tensor' : `${held} of ${entry.dtype}`
        }`,
      );
    }
    return entry;
  };
  const packed = part('', 'U8', Math.ceil(length / 2));
  const isNested = nestedOffset !== null;
  const absmax = part('absmax', isNested ? 'U8' : 'F32', blocks);
  const nested = isNested ? part('nested_absmax', 'F32', Math.ceil(blocks / NESTED_BLOCK)) : null;
  const map = checkpoint.has(`${name}.quant_map`) ? part('quant_map', 'F32', 16) : null;
  const fourBit = async (): Promise<FourBitWeights> => {
    if (map !== null) await requireCode(map, type);
    const codes = await readTensorBytes(packed);
    const maxima =
      nested === null
        ? await readTensorFloats(absmax)
        : {
            codes: await readTensorBytes(absmax),
            maxima: await readTensorFloats(nested),
            offset: Math.fround(nestedOffset!),
          };
    return { type, length, packed: codes, maxima };
  };
  return {
    name,
    shape,
    dtype: type.toUpperCase(),
    async *floats() {
      yield dequantizeFourBit(await fourBit());
    },
    bf16Bits: null,
    fourBit,
  };
}

/** The 16 values are fixed for each type; a file with others is of another make. */
async function requireCode(map: TensorEntry, type: 'nf4' | 'fp4'): Promise<void> {
  const values = await readTensorFloats(map);
  const code = fourBitCode(type);
  if (values.some((value, i) => Math.abs(value - code[i]!) > 1e-6)) {
    throw malformed(map, `the values of ${type}`, [...values].join(' '));
  }
}

function malformed(entry: TensorEntry, expected: string, got: string): LmError {
  return new LmError('checkpoint-malformed', `${entry.name}: expected ${expected}, got ${got}`);
}
