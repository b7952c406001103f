/** What a recipe asks of the base that is not trained: 4-bit layers, a trimmed vocabulary. */
import { chineseTokens } from '@tuiqiao/lm';
import type { SftRecipe } from '@tuiqiao/schema';
import type { FourBitType } from '@tuiqiao/tensor';
import type { Adapter } from '@tuiqiao/tune';
import { RecipesError } from './errors.ts';
import type { OpenedModel } from './models.ts';

type MethodRecipe = Pick<SftRecipe, 'quantization' | 'trimVocabulary' | 'lora'> & { readonly finetuning: string };

/** What trains the base itself. */
const TRAINS_BASE = new Set(['full', 'freeze', 'bitfit']);

/**
 * How the linear layers are kept, for `openModel`; undefined: as they are.
 * @throws RecipesError `recipe-bad-value` when the base is to be trained itself
 */
export function quantizationOf({
  quantization,
  finetuning,
}: MethodRecipe): { type: FourBitType; doubleQuant: boolean } | undefined {
  if (quantization.bits === undefined && quantization.type === undefined) return undefined;
  if (TRAINS_BASE.has(finetuning)) {
    throw new RecipesError('recipe-bad-value', `quantization: expected finetuning lora, got ${finetuning}`, {
      hint: 'A 4-bit weight cannot be trained; an adapter over it can.',
    });
  }
  return { type: quantization.type ?? 'nf4', doubleQuant: quantization.doubleQuant };
}

/** Sentences for the run's notes. */
export function quantizationNotes(recipe: MethodRecipe): string[] {
  const quantization = quantizationOf(recipe);
  if (quantization === undefined) return [];
  return [
    `The base is held in 4 bits (${quantization.type}${quantization.doubleQuant ? ', scales quantised too' : ''}).`,
  ];
}

/** What the base's log-probabilities depend on, for keys of caches; empty for a plain base. */
export function baseKey(recipe: MethodRecipe): string {
  const quantization = quantizationOf(recipe);
  return `${quantization === undefined ? '' : ` ${JSON.stringify(quantization)}`}${recipe.trimVocabulary ? ' trimmed' : ''}`;
}

/**
 * Trims embedding and head to the tokens of Chinese text and those given, when the recipe asks for it.
 * @param adapters on the model, the one that is trained among them
 * @param ids every sequence of the run
 * @returns sentences for the run's notes
 * @throws RecipesError `recipe-bad-value` when embedding or head is trained or replaced
 */
export function trimVocabulary(
  recipe: MethodRecipe,
  { model, tokenizer }: OpenedModel,
  adapters: Iterable<Adapter>,
  ids: Iterable<ArrayLike<number>>,
): string[] {
  if (!recipe.trimVocabulary) return [];
  const { embedding, head } = model.config.architecture.names;
  const isVocabularyWeight = (name: string): boolean => name === `${embedding}.weight` || name === `${head}.weight`;
  const replaced = [
    ...[...adapters].flatMap(({ saved }) => [...saved.keys()].filter(isVocabularyWeight)),
    ...recipe.lora.modulesToSave.filter((module) => [embedding, head].some((name) => name.endsWith(module))),
  ];
  if (TRAINS_BASE.has(recipe.finetuning) || replaced.length > 0) {
    const got =
      replaced.length > 0 ? `an adapter that holds ${replaced.join(', ')}` : `finetuning ${recipe.finetuning}`;
    throw new RecipesError('recipe-bad-value', `trimVocabulary: expected a frozen embedding and head, got ${got}`, {
      hint: 'Only what is frozen can be trimmed: train an adapter on the linear layers.',
    });
  }
  const kept = new Set(chineseTokens(tokenizer));
  for (const sequence of ids) for (let i = 0; i < sequence.length; i++) kept.add(sequence[i]!);
  const { vocabSize: V, hiddenSize: C, tieWordEmbeddings } = model.config;
  const bytes = model.computeType === 'bf16' ? 2 : 4;
  model.trimVocabulary(kept);
  const saved = (V - kept.size) * C * bytes * (tieWordEmbeddings ? 1 : 2);
  const count = (n: number): string => n.toLocaleString('en');
  return [
    `Vocabulary trimmed to ${count(kept.size)} of ${count(V)} tokens: ${Math.round(saved / 1e6)} MB less of embedding${tieWordEmbeddings ? '' : ' and head'}. The loss is that of the model with the others ruled out.`,
  ];
}
