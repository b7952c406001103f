/** The ladder: the same prompts and seeds through several models. */
import { z } from 'zod';
import { nameList, seed } from './lists.ts';
import { DEFAULT_MODEL } from './model.ts';
import { option } from './option.ts';

/** One rung. A plain string `MODEL`, or `NAME=MODEL+ADAPTER[:scale]`, is understood too. */
const rungSchema = z.strictObject({
  name: option(z.string().min(1), 'Name in tables and reports.', '表格与报告中的名字。'),
  model: option(z.string().min(1), 'Model folder.', '模型文件夹。'),
  adapter: option(
    nameList.prefault([]),
    'Adapters on it, `DIR` or `DIR:scale`.',
    '其上的适配器，`目录` 或 `目录:比例`。',
  ),
});

/** `dpo=models/base-poet+runs/dpo:0.8` → a rung; without a name, the last folder's name. */
export function parseRung(text: string): { name: string; model: string; adapter: string[] } {
  const equals = text.indexOf('=');
  const [model = '', ...adapter] = text.slice(equals + 1).split('+');
  const last = (adapter.at(-1) ?? model).replace(/:[\d.]+$/u, '');
  const name = equals > 0 ? text.slice(0, equals) : (last.split(/[\\/]/u).findLast((part) => part !== '') ?? text);
  return { name, model, adapter };
}

const rung = z.union([z.string().min(1).transform(parseRung), rungSchema]);

export const evaluateFields = {
  models: option(
    z
      .union([z.string(), z.array(rung).min(1)])
      .transform((value) => (typeof value === 'string' ? value.split(',').map(parseRung) : value))
      .prefault(DEFAULT_MODEL),
    'What is compared: `MODEL`, `NAME=MODEL+ADAPTER[:scale]`, separated by commas, or a list in the recipe.',
    '比较对象：`模型` 或 `名字=模型+适配器[:比例]`，以逗号分隔，或在配方中列出。',
  ),
  forms: option(nameList.prefault(['五绝', '七绝', '五律', '七律']), 'Forms asked for.', '所试诗体。'),
  tunes: option(nameList.prefault([]), 'Tunes of ci asked for.', '所试词牌。'),
  count: option(z.int().min(1).default(200), 'Poems of each form and model.', '每个模型、每种诗体写几首。', {
    unit: 'poems',
  }),
  constraints: option(
    z.boolean().default(false),
    'Hold the decoder to the form while writing; off, the model is judged on its own.',
    '写作时以格律约束解码；关闭则只看模型自身。',
  ),
  controlCount: option(
    z.int().min(0).default(400),
    'Held-out real poems of each form in the control row.',
    '对照行中每种诗体取多少首留出的真诗。',
    { unit: 'poems' },
  ),
  perplexity: option(
    z.boolean().default(true),
    'Measure bits per character on held-out poems too.',
    '同时测留出诗的每字比特数。',
  ),
  failUnder: option(
    z.number().min(0).max(1).optional(),
    'Exit with 1 when the last model keeps all rules in a smaller share of its poems.',
    '最后一个模型全合格律的比例低于此值时，以 1 退出。',
  ),
  seed: option(seed.default(42), 'Seed of prompts and samples.', '提示与取样的种子。'),
  outputDir: option(
    z.string().min(1).default('runs/evaluate'),
    'Where report.html, report.json and samples.jsonl go.',
    'report.html、report.json 与 samples.jsonl 的位置。',
  ),
};
