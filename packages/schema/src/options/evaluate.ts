/** The ladder: the same prompts and seeds through several models. */
import * as z from 'zod';
import { nameList, seed } from './lists.ts';
import { DEFAULT_MODEL } from './model.ts';
import { option } from './option.ts';

/** One rung. A plain string `MODEL`, `NAME=MODEL+ADAPTER[:scale]` or `NAME=http://HOST/v1#MODEL`, is understood too. */
export const rungSchema = z.strictObject({
  name: option(z.string().min(1), 'Name in tables and reports.', '表格与报告中的名字。'),
  model: option(
    z.string().min(1),
    "Model folder; with `url`, the model's name there.",
    '模型文件夹；有 `url` 时为那边的模型名。',
  ),
  url: option(
    z.url({ protocol: /^https?$/u }).optional(),
    'OpenAI-compatible address, e.g. http://localhost:8000/v1: the model is asked there.',
    'OpenAI 兼容接口的地址，如 http://localhost:8000/v1；向它提问。',
  ),
  apiKeyVariable: option(
    z.string().min(1).optional(),
    'Environment variable that holds the key (OPENAI_API_KEY when absent); where it is not set no key is sent.',
    '存放密钥的环境变量（不填为 OPENAI_API_KEY）；变量没有设则不发密钥。',
  ),
  promptStyle: option(
    z.enum(['instruction', 'control']).optional(),
    'How a model behind a URL is asked: a sentence (instruction, the default), or the control tokens of the shipped base.',
    '向接口后的模型如何提问：一句话（instruction，默认），或自带底本的控制记号。',
  ),
  adapter: option(
    nameList.prefault([]),
    'Adapters on it, `DIR` or `DIR:scale`.',
    '其上的适配器，`目录` 或 `目录:比例`。',
  ),
});

export type Rung = z.output<typeof rungSchema>;

const URL_START = /^https?:\/\//u;

/**
 * `dpo=models/base-poet+runs/dpo:0.8` → a rung; without a name, the last folder's name. `qwen=http://localhost:8000/v1#qwen3`
 * → a model behind a URL; without `#`, the name is the model's too.
 */
export function parseRung(text: string): Rung {
  const equals = URL_START.test(text) ? -1 : text.indexOf('=');
  const rest = text.slice(equals + 1);
  const named = equals > 0 ? text.slice(0, equals) : undefined;
  if (URL_START.test(rest)) {
    const hash = rest.indexOf('#');
    const url = hash < 0 ? rest : rest.slice(0, hash);
    const model = hash < 0 ? (named ?? 'default') : rest.slice(hash + 1);
    return { name: named ?? model, model, adapter: [], url };
  }
  const [model = '', ...adapter] = rest.split('+');
  const last = (adapter.at(-1) ?? model).replace(/:[\d.]+$/u, '');
  const name = named ?? last.split(/[\\/]/u).findLast((part) => part !== '') ?? text;
  return { name, model, adapter };
}

const rung = z.union([z.string().min(1).transform(parseRung), rungSchema]);

/** What a model can be asked beside poems on request. */
export const EVALUATION_TASKS = ['continuation', 'couplet', 'translation'] as const;
export type EvaluationTask = (typeof EVALUATION_TASKS)[number];

export const evaluateFields = {
  models: option(
    z
      .union([z.string(), z.array(rung).min(1)])
      .transform((value) => (typeof value === 'string' ? value.split(',').map(parseRung) : value))
      .prefault(DEFAULT_MODEL),
    'What is compared: `MODEL`, `NAME=MODEL+ADAPTER[:scale]` or `NAME=http://HOST/v1#MODEL`, separated by commas, or a list in the recipe.',
    '比较对象：`模型`、`名字=模型+适配器[:比例]` 或 `名字=http://主机/v1#模型`，以逗号分隔，或在配方中列出。',
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
  withConstrained: option(
    z.boolean().default(false),
    'Run every local model a second time with the decoder held to the form: both columns side by side.',
    '每个本地模型再以格律约束解码写一遍，两列并排。',
  ),
  dataset: option(
    nameList.prefault(['starter']),
    'Where held-out poems, and the poems the theme scorer learns from, come from: starter, full, or a file of poems.',
    '留出的诗与切题评分所学的诗从何而来：starter、full，或诗的文件。',
  ),
  styles: option(
    nameList.prefault([]),
    'Poets whose manner is asked for in turn, e.g. 李白,杜甫; the style score then counts poems given to the poet asked for.',
    '轮流要求仿哪些诗人，如 李白,杜甫；风格分即判给所求诗人的比例。',
  ),
  tasks: option(
    nameList.pipe(z.array(z.enum(EVALUATION_TASKS))).prefault([]),
    'Tasks with a reference, scored by BLEU, chrF and ROUGE: continuation (second half from the first), couplet (the answering line), translation (modern prose to verse; needs `corpus pull`).',
    '有标准答案的任务，以 BLEU、chrF、ROUGE 计分：continuation（由前半续后半）、couplet（对下句）、translation（白话写成诗，须先 corpus pull）。',
  ),
  taskCount: option(z.int().min(1).default(200), 'Examples of each task.', '每项任务取多少例。', {
    unit: 'examples',
  }),
  concurrency: option(
    z.int().min(1).max(64).default(4),
    'Requests at the same time to a model behind a URL.',
    '同时向接口发多少个请求。',
    { unit: 'requests', isAdvanced: true },
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
