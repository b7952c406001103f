/**
 * Tasks with a reference: the second half of a poem from its first (continuation), the answering line of a couplet
 * (couplet), and a poem from its paraphrase in modern prose (translation). What came is held against what the poet wrote
 * by BLEU, chrF and ROUGE: low for everybody, since a good poem need not be the one that exists; useful beside each other.
 */
import { findPulled, readParaphrases, splitLines, toTraditional } from '@tuiqiao/corpus';
import type { EvaluateRecipe, EvaluationTask } from '@tuiqiao/schema';
import { createRandom } from '@tuiqiao/tensor';
import { RecipesError } from '../errors.ts';
import type { HeldOutPoem } from '../held-out.ts';

/** One example, ready to be asked either way. */
export interface TaskExample {
  /** What a reader is shown. */
  readonly given: string;
  readonly reference: string;
  /** For models that continue text: what stands before the answer, after the prompt of `request`. */
  readonly prefix: string;
  readonly request: HeldOutPoem['request'];
  /** For models that are asked in sentences. */
  readonly instruction: string;
  /** The answer ends with its first mark of this kind. */
  readonly endsAt?: '。';
}

export interface LoadedTask {
  readonly name: EvaluationTask;
  readonly examples: readonly TaskExample[];
}

/** Couplets of these places in a 律诗 should be parallel; the answering line of the first of them is asked for. */
const MIDDLE_COUPLET = 1;

/** @throws RecipesError `dataset-not-found` when `translation` is asked for and the full corpus was not pulled */
export async function loadTasks(recipe: EvaluateRecipe, heldOut: readonly HeldOutPoem[]): Promise<LoadedTask[]> {
  const tasks: LoadedTask[] = [];
  for (const name of recipe.tasks) {
    const all = await examplesOf(name, heldOut);
    createRandom(recipe.seed).fork(name).shuffle(all);
    tasks.push({ name, examples: all.slice(0, recipe.taskCount) });
  }
  return tasks;
}

async function examplesOf(name: EvaluationTask, heldOut: readonly HeldOutPoem[]): Promise<TaskExample[]> {
  switch (name) {
    case 'continuation':
      return heldOut.flatMap(continuationOf);
    case 'couplet':
      return heldOut.flatMap(coupletOf);
    case 'translation':
      return translations();
    default:
      return name satisfies never;
  }
}

/** Sentences with their marks; a couplet of regulated verse is one. */
function sentencesOf(text: string): string[] {
  return text.replaceAll('\n', '').match(/[^。]+。/gu) ?? [];
}

function continuationOf({ poem, request, name }: HeldOutPoem): TaskExample[] {
  const sentences = sentencesOf(poem.text);
  if (sentences.length < 2) return [];
  const half = Math.ceil(sentences.length / 2);
  const prefix = sentences.slice(0, half).join('');
  return [
    {
      given: prefix,
      prefix,
      reference: sentences.slice(half).join(''),
      request,
      instruction: `下面是一首${name}的前半：${prefix}请续写后半，只写后半的正文，用逗号和句号断句。`,
    },
  ];
}

function coupletOf({ poem, request }: HeldOutPoem): TaskExample[] {
  const sentences = sentencesOf(poem.text);
  const couplet = sentences[MIDDLE_COUPLET];
  if (poem.labels.tune !== null || sentences.length !== 4 || couplet === undefined) return [];
  const at = couplet.indexOf('，');
  if (at < 0) return [];
  const first = couplet.slice(0, at);
  return [
    {
      given: first,
      prefix: sentences.slice(0, MIDDLE_COUPLET).join('') + couplet.slice(0, at + 1),
      reference: couplet.slice(at + 1),
      request,
      instruction: `请对出下句，字数相同，平仄相反，词性相对：${first}。只写下句，以句号结尾。`,
      endsAt: '。',
    },
  ];
}

/** 《水墨唐诗》: 176 poems with a paraphrase, simplified in the source. */
async function translations(): Promise<TaskExample[]> {
  const pulled = await findPulled();
  const pairs = pulled === null ? null : await readParaphrases(pulled.folder);
  if (pairs === null) {
    throw new RecipesError('dataset-not-found', 'evaluate: the paraphrases for the translation task are not here yet', {
      hint: 'Run `tuiqiao corpus pull` once.',
    });
  }
  return pairs.map(({ title, paragraphs, paraphrase }) => {
    const reference = toTraditional(paragraphs.join(''));
    const lines = splitLines(reference);
    const length = [...(lines[0] ?? '')].length;
    const isEven = lines.every((line) => [...line].length === length);
    const form = isEven
      ? ({ '4×5': '五绝', '4×7': '七绝', '8×5': '五律', '8×7': '七律' } as const)[`${lines.length}×${length}` as '4×5']
      : undefined;
    return {
      given: paraphrase,
      reference,
      prefix: '',
      // Control tokens have no room for prose: such a model is told title and form only.
      request: { form: form ?? '古', title: toTraditional(title) },
      instruction: `请把下面这段白话写成一首${form ?? '古诗'}，共${lines.length}句：${paraphrase}\n只写正文，用逗号和句号断句。`,
    };
  });
}

/** The answer without what a chatty model writes around it, and cut where the task ends. */
export function trimAnswer(text: string, { endsAt }: TaskExample): string {
  const plain = text.replaceAll(/\s/gu, '');
  if (endsAt === undefined) return plain;
  const end = plain.indexOf(endsAt);
  return end < 0 ? plain : plain.slice(0, end + 1);
}
