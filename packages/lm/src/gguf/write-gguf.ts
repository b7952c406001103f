/**
 * Models as GGUF files, tokenizer and chat template included, under the names and with the layout llama.cpp expects
 * (its convert_hf_to_gguf.py is the reference): norms and routers in F32, matrices in the type asked for.
 */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { dequantizeParameter } from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';
import { normaliseFrozenRows } from '../families/normalised-head.ts';
import type { LanguageModel } from '../language-model.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import { BAICHUAN_13B_LAYERS, GGUF_ARCHITECTURES, gemmaQueryScalar, ggufArchitectureOf } from './gguf-architectures.ts';
import { encodeGguf, GGML_TYPE, type GgufType, ggufBytes } from './gguf-blocks.ts';
import { HeaderWriter } from './gguf-header.ts';
import { type GgufPiece, ggufLayout, reorderRows, usualFusion } from './gguf-layout.ts';
import { ALIGNMENT, ggufMetadata, hasPlainFactors, ropeFactorTensors } from './gguf-metadata.ts';

const Q8_BLOCK = 32;

export interface WriteGgufOptions {
  /** Type of matrices whose rows it divides; others are F16. Default BF16. */
  readonly type?: GgufType;
  readonly name?: string;
}

interface PlannedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: GgufType;
  /** The values, in order, whole rows at a time. */
  readonly values: () => AsyncIterable<Float32Array>;
}

/**
 * Writes one file, complete before its name appears.
 * @throws LmError `gguf-unsupported` for families, rotary scalings and settings that the format has no place for;
 *   `checkpoint-write-failed`
 */
export async function writeGguf(
  model: LanguageModel,
  tokenizer: Tokenizer,
  file: string,
  { type = 'BF16', name = path.basename(file, '.gguf') }: WriteGgufOptions = {},
): Promise<void> {
  const { config } = model;
  const architecture = requireSupported(config);
  const planned = plan(model, architecture, type);
  let end = 0;
  const placed = planned.map((tensor) => {
    const offset = align(end);
    end = offset + ggufBytes(tensor.type, count(tensor.shape));
    return { ...tensor, offset };
  });
  const header = new HeaderWriter();
  header.bytes(new TextEncoder().encode('GGUF'));
  header.u32(3);
  header.u64(placed.length);
  const fields = ggufMetadata(config, architecture, tokenizer, type, name);
  header.u64(fields.length);
  for (const [key, value] of fields) header.field(key, value);
  for (const { name: tensorName, shape, type: kind, offset } of placed) {
    header.text(tensorName);
    header.u32(shape.length);
    for (const size of [...shape].reverse()) header.u64(size);
    header.u32(GGML_TYPE[kind]);
    header.u64(offset);
  }
  header.pad(ALIGNMENT);
  await writeWhole(file, async (write) => {
    await write(header.finish());
    for (const { type: kind, shape, values } of placed) {
      for await (const rows of values()) await write(encodeGguf(kind, rows));
      const bytes = ggufBytes(kind, count(shape));
      await write(new Uint8Array(align(bytes) - bytes));
    }
  });
}

function plan(model: LanguageModel, architecture: string, type: GgufType): PlannedTensor[] {
  const { config } = model;
  const { hasPairedRows = false } = GGUF_ARCHITECTURES[architecture]!;
  const layout = ggufLayout(config, hasPairedRows, usualFusion(config)).map(
    ({ name, shape, pieces, addend }): PlannedTensor => ({
      name,
      shape,
      type: tensorType(name, shape, type),
      values: () => valuesOf(model, pieces, addend),
    }),
  );
  const factors = [...ropeFactorTensors(config, architecture)].map(
    ([name, values]): PlannedTensor => ({
      name,
      shape: [values.length],
      type: 'F32',
      values: async function* () {
        yield values;
      },
    }),
  );
  return [...factors, ...layout];
}

async function* valuesOf(
  model: LanguageModel,
  pieces: readonly GgufPiece[],
  addend: number,
): AsyncGenerator<Float32Array> {
  for (const { parameter: name, firstRow, rows, pairedHeads } of pieces) {
    const whole = await readWeight(model, name);
    const width = whole.length / model.parameters.get(name)!.shape[0]!;
    const values = whole.subarray(firstRow * width, (firstRow + rows) * width);
    const placed = pairedHeads === 0 ? values : reorderRows(values, rows, pairedHeads);
    yield addend === 0 ? placed : placed.map((value) => value + addend);
  }
}

/** A weight as the decoder multiplies by it: rows of a normalised head (Baichuan 2) are written at their length 1. */
async function readWeight({ kernels, config, parameters }: LanguageModel, name: string): Promise<Float32Array> {
  const parameter = parameters.get(name)!;
  const isNormalised = config.architecture.isHeadNormalised && name === `${config.architecture.names.head}.weight`;
  return kernels.read(
    isNormalised ? normaliseFrozenRows(kernels, parameter).value : dequantizeParameter(kernels, parameter),
  );
}

/** The architecture to write. @throws LmError `gguf-unsupported` */
function requireSupported(config: ModelConfig): string {
  const architecture = ggufArchitectureOf(config.modelType);
  if (architecture === null) {
    const known = Object.values(GGUF_ARCHITECTURES).map(({ modelType }) => modelType);
    throw unsupported(`a model_type among ${[...known, 'mistral'].join(', ')}`, config.modelType);
  }
  const { ropeScaling, layers, tieWordEmbeddings, architecture: traits } = config;
  const isKnown =
    ropeScaling === null ||
    ropeScaling.type === 'linear' ||
    (architecture === 'llama' && hasPlainFactors(config)) ||
    (architecture === 'phi3' && ropeScaling.type === 'longrope');
  if (!isKnown) {
    throw unsupported(
      'rotary scaling to be absent, linear, llama3 of a Llama or longrope of a Phi-3',
      `${ropeScaling.type} of a ${config.modelType}`,
    );
  }
  switch (architecture) {
    case 'gemma':
    case 'gemma2':
      if (!tieWordEmbeddings) throw unsupported(`a ${config.modelType} whose head is its embedding`, 'another head');
      break;
    case 'qwen3moe':
      if (!traits.experts!.isNormalised || !traits.experts!.isRouted.every(Boolean)) {
        throw unsupported('norm_topk_prob and experts in every layer', 'a Qwen3-MoE without');
      }
      break;
    case 'baichuan':
      if (traits.isAlibi !== (layers === BAICHUAN_13B_LAYERS)) {
        throw unsupported(`ALiBi in a Baichuan of ${BAICHUAN_13B_LAYERS} layers and no other`, `${layers} layers`);
      }
      break;
    default:
  }
  if (architecture === 'gemma2' || architecture === 'gemma3') requireGemma(config, architecture);
  return architecture;
}

/** Scales and bounds of scores that the format takes for granted. */
function requireGemma(config: ModelConfig, architecture: string): void {
  const { attentionScale, attentionSoftCap, logitSoftCap } = config.architecture;
  const expected = gemmaQueryScalar(architecture, config);
  const scalar = 1 / attentionScale! ** 2;
  if (Math.abs(scalar - expected) > 1e-6 * expected) {
    throw unsupported(`query_pre_attn_scalar to be ${expected} in a ${config.modelType} of this size`, `${scalar}`);
  }
  const isBounded = attentionSoftCap !== null;
  if (architecture === 'gemma2' ? !isBounded || logitSoftCap === null : isBounded) {
    throw unsupported(
      architecture === 'gemma2' ? 'soft caps of scores and logits' : 'no soft cap of scores',
      `attn_logit_softcapping ${attentionSoftCap}, final_logit_softcapping ${logitSoftCap}`,
    );
  }
}

function unsupported(expected: string, got: string): LmError {
  return new LmError('gguf-unsupported', `gguf: expected ${expected}, got ${got}`, {
    hint: 'convert the merged Hugging Face folder with llama.cpp’s own convert_hf_to_gguf.py',
  });
}

/** llama.cpp wants norms, biases and routers in F32. */
function tensorType(name: string, shape: readonly number[], wanted: GgufType): GgufType {
  if (shape.length < 2 || name.endsWith('.ffn_gate_inp.weight')) return 'F32';
  return wanted === 'Q8_0' && shape.at(-1)! % Q8_BLOCK !== 0 ? 'F16' : wanted;
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function align(offset: number): number {
  return Math.ceil(offset / ALIGNMENT) * ALIGNMENT;
}

async function writeWhole(
  file: string,
  write: (put: (data: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(path.dirname(file), { recursive: true });
    const handle = await open(temporary, 'w');
    try {
      await write(async (data) => {
        let done = 0;
        while (done < data.length) done += (await handle.write(data, done)).bytesWritten;
      });
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new LmError('checkpoint-write-failed', `write: could not write ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
}
