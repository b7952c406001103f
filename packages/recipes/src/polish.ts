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
} from '@tuiqiao/verse';
import { openKernels } from './compute.ts';
import { RecipesError } from './errors.ts';
import { openLineIndexes } from './line-indexes.ts';
import { openModel } from './models.ts';
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
  const target = targetOf(input);
  const seed = input.seed ?? randomInt(MAX_SEED);
  const { model, tokenizer, folder } = await openModel(input.model, {
    kernels: openKernels(input),
    computeType: input.computeType,
    adapters: input.adapter,
  });
  const lineIndexes = await openLineIndexes(folder);
  const extra = new Set(input.poems.flatMap(({ text }) => [...toTraditional(text)]));
  const tokens = createTokenInventory(tokenizer, { extra });
  const records: PolishRecord[] = [];
  for (const poem of input.poems) {
    const isSimplified = detectScript(poem.text) === 'simplified' && toTraditional(poem.text) !== poem.text;
    const form = poem.form ?? input.form;
    const tune = poem.tune ?? input.tune;
    const title = poem.title ?? input.title;
    const book = poem.book === undefined ? input.book : bookOf(poem.book);
    const result = await polishPoem({
      model,
      tokenizer,
      tokens,
      text: isSimplified ? toTraditional(poem.text) : poem.text,
      request: {
        ...(form === undefined ? {} : { form }),
        ...(tune === undefined ? {} : { tune }),
        ...(book === undefined ? {} : { book }),
        ...(title === undefined ? {} : { title: toTraditional(title) }),
        ...styleOf(input.style),
      },
      ...(target === undefined ? {} : { target }),
      count: input.count,
      candidates: input.candidates,
      sampling: { temperature: input.temperature },
      slots: input.batchSize,
      lineIndexes,
      seed,
      ...(controls.signal === undefined ? {} : { signal: controls.signal }),
    });
    records.push({
      ...(poem.id === undefined ? {} : { id: poem.id }),
      ...toRecord(isSimplified ? inSimplified(result, poem.text) : result),
      model: folder,
      seed,
    });
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

function bookOf(name: string): NonNullable<PolishOptions['book']> {
  const known = (['pingshui', 'cilin', 'xinyun', 'tongyun'] as const).find((book) => book === name);
  if (known !== undefined) return known;
  throw new RecipesError('polish-target', `book: expected pingshui, cilin, xinyun or tongyun, got ${name}`);
}

function targetOf({ line, character, couplet }: PolishOptions): PolishTarget | undefined {
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
