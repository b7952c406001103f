/** `polish` (推敲): ranked rewrites of a character, a line or a couplet of a poem; the rest of it stays as it is. */
import { randomInt } from 'node:crypto';
import { toSimplified, toTraditional } from '@tuiqiao/corpus';
import { check, detectScript, type Verdict } from '@tuiqiao/prosody';
import type { PolishOptions, RunControls } from '@tuiqiao/schema';
import {
  createTokenInventory,
  type PolishResult,
  type PolishSuggestion,
  type PolishTarget,
  polishPoem,
  type TokenInventory,
} from '@tuiqiao/verse';
import { openKernels } from './compute.ts';
import { RecipesError } from './errors.ts';
import { openLineIndexes } from './line-indexes.ts';
import { type OpenedModel, openModel } from './models.ts';
import { styleOf } from './write-request.ts';

/** A poem to be polished; what it says of itself comes before the options. */
export interface PoemToPolish {
  readonly id?: string;
  readonly text: string;
  readonly title?: string;
  readonly form?: string;
  readonly tune?: string;
  readonly book?: string;
}

export interface PolishInput extends PolishOptions {
  readonly poems: readonly PoemToPolish[];
}

/** The words of `polish` that concern one poem. */
export type PolishWords = Omit<
  PolishOptions,
  'model' | 'adapter' | 'batchSize' | 'computeType' | 'kernels' | 'threads'
>;

/** One poem as `polish --json` prints it. */
export interface PolishRecord {
  readonly id?: string;
  readonly original: { readonly text: string; readonly verdict: Verdict; readonly logprob: number };
  readonly target: PolishTarget;
  readonly suggestions: readonly {
    readonly text: string;
    readonly changes: PolishSuggestion['changes'];
    readonly logprob: number;
    readonly gain: number;
    readonly verdict: Verdict;
  }[];
  readonly model: string;
  readonly seed: number;
}

const MAX_SEED = 2 ** 31;

/** @throws RecipesError `polish-target` when more than one target is named; errors of `verse` when nothing fits */
export async function runPolish(input: PolishInput, controls: RunControls = {}): Promise<PolishRecord[]> {
  // Before the model is opened: a wrong word is told at once.
  targetOf(input);
  const seed = input.seed ?? randomInt(MAX_SEED);
  const opened = await openModel(input.model, {
    kernels: openKernels(input),
    computeType: input.computeType,
    adapters: input.adapter,
  });
  const extra = new Set(input.poems.flatMap(({ text }) => [...toTraditional(text)]));
  const tokens = createTokenInventory(opened.tokenizer, { extra });
  const records: PolishRecord[] = [];
  for (const poem of input.poems) {
    records.push(await polishRecord(opened, poem, { ...input, seed }, { ...controls, tokens }));
    controls.onEvent?.({
      type: 'progress',
      label: 'polishing',
      done: records.length,
      total: input.poems.length,
      unit: 'poems',
    });
  }
  return records;
}

/**
 * One poem on a model that is open already.
 * @param extras.tokens the vocabulary with the poem's characters, when it is at hand already
 * @param extras.named what the record calls the model; absent: its folder
 */
export async function polishRecord(
  { model, tokenizer, folder }: OpenedModel,
  poem: PoemToPolish,
  words: PolishWords & Pick<PolishOptions, 'batchSize'>,
  extras: RunControls & { readonly tokens?: TokenInventory; readonly named?: string } = {},
): Promise<PolishRecord> {
  const target = targetOf(words);
  const seed = words.seed ?? randomInt(MAX_SEED);
  const isSimplified = detectScript(poem.text) === 'simplified' && toTraditional(poem.text) !== poem.text;
  const form = poem.form ?? words.form;
  const tune = poem.tune ?? words.tune;
  const title = poem.title ?? words.title;
  const book = poem.book === undefined ? words.book : bookOf(poem.book);
  const text = isSimplified ? toTraditional(poem.text) : poem.text;
  const result = await polishPoem({
    model,
    tokenizer,
    tokens: extras.tokens ?? createTokenInventory(tokenizer, { extra: new Set(text) }),
    text,
    request: {
      ...(form === undefined ? {} : { form }),
      ...(tune === undefined ? {} : { tune }),
      ...(book === undefined ? {} : { book }),
      ...(title === undefined ? {} : { title: toTraditional(title) }),
      ...styleOf(words.style),
    },
    ...(target === undefined ? {} : { target }),
    count: words.count,
    candidates: words.candidates,
    sampling: { temperature: words.temperature },
    slots: words.batchSize,
    lineIndexes: await openLineIndexes(folder),
    seed,
    ...(extras.signal === undefined ? {} : { signal: extras.signal }),
  });
  return {
    ...(poem.id === undefined ? {} : { id: poem.id }),
    ...toRecord(isSimplified ? inSimplified(result, poem.text) : result),
    model: extras.named ?? folder,
    seed,
  };
}

function bookOf(name: string): NonNullable<PolishOptions['book']> {
  const known = (['pingshui', 'cilin', 'xinyun', 'tongyun'] as const).find((book) => book === name);
  if (known !== undefined) return known;
  throw new RecipesError('polish-target', `book: expected pingshui, cilin, xinyun or tongyun, got ${name}`);
}

function targetOf({ line, character, couplet }: PolishWords): PolishTarget | undefined {
  const named = [line, character, couplet].filter((each) => each !== undefined);
  if (named.length > 1) {
    throw new RecipesError('polish-target', 'polish: expected one of line, character and couplet, got several', {
      hint: 'One place at a time: --line 3, --character 3:5 or --couplet 2.',
    });
  }
  if (line !== undefined) return { kind: 'line', line };
  if (couplet !== undefined) return { kind: 'couplet', couplet };
  if (character === undefined) return undefined;
  const [atLine, position] = character.split(/[:：]/u).map(Number);
  return { kind: 'character', line: atLine!, position: position! };
}

function toRecord({ text, verdict, logProb, target, suggestions }: PolishResult): Omit<PolishRecord, 'model' | 'seed'> {
  return {
    original: { text, verdict, logprob: logProb },
    target,
    suggestions: suggestions.map(({ logProb: logprob, ...rest }) => ({ ...rest, logprob })),
  };
}

/** Kept characters as they were typed, new ones simplified; verdicts on what is shown. */
function inSimplified(result: PolishResult, typed: string): PolishResult {
  const own = [...typed];
  const before = [...result.text];
  const judge = (text: string, { form, tune, book }: Verdict): Verdict =>
    check({ text, book, ...(form === null ? {} : { form }), ...(tune === null ? {} : { tune }) });
  const seen = new Set<string>();
  return {
    ...result,
    text: typed,
    verdict: judge(typed, result.verdict),
    suggestions: result.suggestions.flatMap((suggestion) => {
      const after = [...suggestion.text];
      const text = after.map((character, i) => (character === before[i] ? own[i]! : toSimplified(character))).join('');
      // 回 and 廻 are one character here.
      if (seen.has(text)) return [];
      seen.add(text);
      return {
        ...suggestion,
        text,
        changes: suggestion.changes.map((change) => ({
          ...change,
          from: toSimplified(change.from),
          to: toSimplified(change.to),
        })),
        verdict: judge(text, suggestion.verdict),
      };
    }),
  };
}
