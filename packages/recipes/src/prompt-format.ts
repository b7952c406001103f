/**
 * How an adapter was asked while it learnt: control tokens or sentences, and what the chat template makes of a message. It is
 * noted beside the adapter and compared when the adapter is put on a model: asked in another way than it was taught, a
 * model forgets much of what it learnt, and nothing else would say so.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createTokenizer, type Tokenizer } from '@tuiqiao/lm';
import { promptStyleOf } from '@tuiqiao/verse';
import writeFileAtomic from 'write-file-atomic';
import { RecipesError } from './errors.ts';

export const PROMPT_FORMAT_FILE = 'prompt-format.json';
/** Transformers' own file for a template, saved beside adapters by TRL and LLaMA-Factory. */
const TEMPLATE_FILE = 'chat_template.jinja';
const TOKENIZER_CONFIG_FILE = 'tokenizer_config.json';
/** What every template is given to render. */
const PROBE = [{ role: 'user', content: '賦詩一首' }];

interface PromptFormat {
  readonly style: 'control' | 'instruction';
  /** Of the template's text; null without one. */
  readonly templateSha256: string | null;
  /** The probe rendered: templates of other words may say the same. */
  readonly rendered: string | null;
  readonly endToken: string | null;
}

function promptFormatOf(tokenizer: Tokenizer): PromptFormat {
  const { eosTokenId, hasChatTemplate, files } = tokenizer;
  const template = files.tokenizerConfig.chat_template;
  return {
    style: promptStyleOf(tokenizer),
    templateSha256: hasChatTemplate ? createHash('sha256').update(JSON.stringify(template)).digest('hex') : null,
    rendered: hasChatTemplate ? tokenizer.applyChatTemplate(PROBE, { addGenerationPrompt: true }) : null,
    endToken: eosTokenId === null ? null : tokenizer.idToToken(eosTokenId),
  };
}

/** Notes beside an adapter how it was asked. */
export async function savePromptFormat(tokenizer: Tokenizer, folder: string): Promise<void> {
  const text = JSON.stringify(promptFormatOf(tokenizer), null, 2);
  await writeFileAtomic(path.join(folder, PROMPT_FORMAT_FILE), `${text}\n`);
}

/**
 * Nothing is known of an adapter that carries neither our note nor a template of its own: it passes.
 * @throws RecipesError `template-mismatch` when the adapter learnt to be asked in another way than this tokenizer does
 */
export async function checkPromptFormat(tokenizer: Tokenizer, folder: string): Promise<void> {
  const learnt = (await readNote(folder)) ?? (await readTemplate(tokenizer, folder));
  if (learnt === null) return;
  const now = promptFormatOf(tokenizer);
  const isSameTemplate = learnt.templateSha256 === now.templateSha256 || learnt.rendered === now.rendered;
  const problem =
    learnt.style !== now.style
      ? `it was taught with ${styleWords(learnt.style)}, this model is asked with ${styleWords(now.style)}`
      : !isSameTemplate
        ? `its chat template renders a message as ${show(learnt.rendered)}, the model's as ${show(now.rendered)}`
        : learnt.endToken !== now.endToken
          ? `its answers end with ${learnt.endToken}, the model's with ${now.endToken}`
          : null;
  if (problem === null) return;
  throw new RecipesError(
    'template-mismatch',
    `${folder}: the adapter learnt another prompt than it would be given: ${problem}`,
    {
      hint: `Put it on the model and tokenizer it was trained with; where the difference is meant, remove ${PROMPT_FORMAT_FILE} (or ${TEMPLATE_FILE}) from its folder.`,
      zh: {
        message: `${folder}：适配器训练时所用的提示格式与现在的不同`,
        hint: `请配上训练时的模型与分词器；若确要如此，删去该文件夹中的 ${PROMPT_FORMAT_FILE}（或 ${TEMPLATE_FILE}）。`,
      },
    },
  );
}

function styleWords(style: PromptFormat['style']): string {
  return style === 'control' ? 'control tokens' : 'sentences';
}

function show(rendered: string | null): string {
  return rendered === null ? 'plain text' : JSON.stringify(rendered);
}

async function readNote(folder: string): Promise<PromptFormat | null> {
  const file = path.join(folder, PROMPT_FORMAT_FILE);
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(await readFile(file, 'utf8')) as PromptFormat;
  } catch {
    return null; // A damaged note says nothing; the adapter itself is read and checked elsewhere.
  }
}

/** The template that another program left beside the adapter, as if the model had it. */
async function readTemplate(tokenizer: Tokenizer, folder: string): Promise<PromptFormat | null> {
  const template = await findTemplate(folder);
  if (template === null) return null;
  const { tokenizerJson, tokenizerConfig } = tokenizer.files;
  const own = createTokenizer({ tokenizerJson, tokenizerConfig: { ...tokenizerConfig, chat_template: template } });
  try {
    return promptFormatOf(own);
  } catch {
    return null; // A template that cannot be read here is no proof of a difference.
  }
}

async function findTemplate(folder: string): Promise<string | null> {
  const file = path.join(folder, TEMPLATE_FILE);
  if (existsSync(file)) return readFile(file, 'utf8');
  const configFile = path.join(folder, TOKENIZER_CONFIG_FILE);
  if (!existsSync(configFile)) return null;
  try {
    const { chat_template: template } = JSON.parse(await readFile(configFile, 'utf8')) as { chat_template?: unknown };
    return typeof template === 'string' ? template : null;
  } catch {
    return null;
  }
}
