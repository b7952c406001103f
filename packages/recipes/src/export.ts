/**
 * `export`: a model, with its adapters merged in, as a GGUF file (with a Modelfile for Ollama), or an adapter for mlx-lm or
 * PEFT. The check reads the file back and lets adapter, merged model and file say the same poems and write some.
 */
import path from 'node:path';
import { loadWeight, openModel, saveTemplate, writeGguf, writeTextFile } from '@tuiqiao/lm';
import { type ExportOptions, parseOptions, type RunControls } from '@tuiqiao/schema';
import { syncCompute } from '@tuiqiao/tensor';
import { saveAdapter, saveMlxAdapter } from '@tuiqiao/tune';
import { RecipesError } from './errors.ts';
import { compareLogits, type LogitDifference, probeExamples, probeLogits } from './logit-check.ts';
import { mergeAll, openForMerging } from './merge.ts';
import { type OpenedModel, parseAdapter } from './models.ts';
import { writeRecords } from './write.ts';

/** One form of the model in the check. */
export interface ExportCheckRow {
  readonly name: 'adapter' | 'merged' | 'file';
  /** Against the first row; null for it. */
  readonly difference: LogitDifference | null;
  /** Poems without constraints that keep every rule, of how many; null when none were written. */
  readonly poems: { readonly correct: number; readonly written: number } | null;
}

export interface ExportResult {
  readonly outputDir: string;
  readonly format: ExportOptions['format'];
  readonly files: readonly string[];
  readonly check: { readonly rows: readonly ExportCheckRow[]; readonly isSame: boolean } | null;
}

/** Divergence in nats a file may show: the rounding of its number type, with room. */
const FILE_DIVERGENCE: Readonly<Record<ExportOptions['type'], number>> = {
  F32: 1e-6,
  F16: 1e-3,
  BF16: 1e-2,
  Q8_0: 2e-2,
};

/**
 * @throws RecipesError `recipe-bad-value` when mlx or peft is asked for with none or several adapters; LmError
 *   `gguf-unsupported` for families without a GGUF layout here
 */
export async function runExport(options: ExportOptions, controls: RunControls = {}): Promise<ExportResult> {
  const opened = await openForMerging(options);
  switch (options.format) {
    case 'gguf':
    case 'ollama':
      return exportGguf(opened, options, controls);
    case 'mlx':
    case 'peft':
      return exportAdapter(opened, options);
    default:
      return options.format satisfies never;
  }
}

async function exportAdapter(opened: OpenedModel, options: ExportOptions): Promise<ExportResult> {
  const [adapter] = opened.adapters;
  if (adapter === undefined || opened.adapters.length > 1) {
    throw new RecipesError(
      'recipe-bad-value',
      `export ${options.format}: expected one adapter to convert, got ${opened.adapters.length}`,
      { hint: `tuiqiao export --format ${options.format} --adapter runs/sft` },
    );
  }
  const { outputDir, format } = options;
  if (format === 'peft' && adapter.bottlenecks.length > 0) {
    throw new RecipesError(
      'recipe-bad-value',
      `export peft: expected a kind PEFT has, got bottleneck adapters, ${adapter.name}`,
      {
        hint: "Their folder is as AdapterHub's library has it: use it as it is.",
      },
    );
  }
  const naming = { baseModelName: opened.folder, modelConfig: opened.model.config };
  if (format === 'mlx') await saveMlxAdapter(opened.model, adapter, outputDir, naming);
  else {
    await saveAdapter(opened.model.kernels, adapter, outputDir, naming);
    await saveTemplate(opened.tokenizer, outputDir);
  }
  const weights = format === 'mlx' ? 'adapters.safetensors' : 'adapter_model.safetensors';
  return { outputDir, format, files: [weights, 'adapter_config.json'], check: null };
}

async function exportGguf(opened: OpenedModel, options: ExportOptions, controls: RunControls): Promise<ExportResult> {
  const { outputDir, format, type } = options;
  const last = options.adapter.at(-1);
  const name =
    options.name ?? path.basename(path.resolve(last === undefined ? opened.folder : parseAdapter(last).folder));
  const rows: ExportCheckRow[] = [];
  const examples = options.check ? await probeExamples(opened) : [];
  const first = await probeLogits(opened, examples);
  const { vocabSize: V } = opened.model.config;
  const tell = async (row: ExportCheckRow['name']): Promise<void> => {
    if (!options.check) return;
    const difference = rows.length === 0 ? null : compareLogits(first, await probeLogits(opened, examples), V);
    rows.push({ name: row, difference, poems: await writeSome(opened, options, controls) });
  };
  await tell('adapter');
  await mergeAll(opened);
  if (options.adapter.length > 0) await tell('merged');
  const file = path.join(outputDir, `${name}.gguf`);
  await writeGguf(opened.model, opened.tokenizer, file, { type, name });
  if (options.check) {
    await readBack(opened, file);
    await tell('file');
  }
  const files = [path.basename(file)];
  if (format === 'ollama') {
    await writeTextFile(path.join(outputDir, 'Modelfile'), modelfile(opened, path.basename(file)));
    files.push('Modelfile');
  }
  const isSame = rows.every(
    ({ difference }) => difference === null || difference.meanDivergence < FILE_DIVERGENCE[type],
  );
  return { outputDir, format, files, check: options.check ? { rows, isSame } : null };
}

/** Puts the file's numbers into the model, as a reader of the file finds them. */
async function readBack({ model }: OpenedModel, file: string): Promise<void> {
  const { weights } = await openModel(file);
  for (const [name, parameter] of model.parameters) {
    await loadWeight(model.kernels, parameter, weights.get(name)!);
    syncCompute(model.kernels, parameter);
  }
}

/** Quatrains on request, without constraints: do they keep the rules? */
async function writeSome(
  opened: OpenedModel,
  { checkPoems: written, seed }: ExportOptions,
  controls: RunControls,
): Promise<ExportCheckRow['poems']> {
  if (written === 0) return null;
  const { options } = parseOptions('write', { constraints: false, allowCopies: true, seed, attempts: 1 });
  const requests = Array.from({ length: written }, (_, i) => ({ form: i % 2 === 0 ? '七绝' : '五绝' }));
  const { poems } = await writeRecords(opened, requests, options, controls);
  return { correct: poems.filter(({ verdict }) => verdict.strict.all).length, written };
}

/** Ollama's description of the model. It knows common chat templates by the one in the file; ChatML is written out. */
function modelfile({ tokenizer }: OpenedModel, file: string): string {
  const template = String(tokenizer.files.tokenizerConfig.chat_template ?? '');
  const end = tokenizer.eosTokenId === null ? null : tokenizer.idToToken(tokenizer.eosTokenId);
  const lines = [`FROM ./${file}`];
  if (template.includes('<|im_start|>')) {
    lines.push(
      'TEMPLATE """{{- range .Messages }}<|im_start|>{{ .Role }}',
      '{{ .Content }}<|im_end|>',
      '{{ end }}<|im_start|>assistant',
      '"""',
    );
  } else if (template === '') {
    lines.push('TEMPLATE """{{ .Prompt }}"""');
  }
  if (end !== null) lines.push(`PARAMETER stop "${end}"`);
  lines.push('PARAMETER temperature 0.8');
  return `${lines.join('\n')}\n`;
}
