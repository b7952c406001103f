/**
 * Rows of dataset files as token ids: the prompt as the model's chat template renders it, then the answer and the end
 * token. What had to be cut or could not be read is counted, and told once for all rows.
 */
import type { DatasetFormat, DatasetMessage, DatasetRow } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import type { RunWarning } from '@tuiqiao/schema';
import type { Example, PreferencePair } from '@tuiqiao/tune';
import { promptStyleOf } from '@tuiqiao/verse';
import { RecipesError } from './errors.ts';

export interface RowReaderOptions {
  readonly tokenizer: Tokenizer;
  /** Tokens of prompt and answer together. */
  readonly maxLength: number;
  /** false: the loss falls on the prompt too. */
  readonly completionOnlyLoss: boolean;
}

export interface RowReader {
  /**
   * The examples of a row: one for each answer of a conversation that its message does not exempt, each with everything
   * before it as its prompt. None when the prompt alone is too long.
   */
  examples(row: DatasetRow, format: DatasetFormat): Example[];
  /** null when the prompt alone is too long. The row must have chosen and rejected. */
  pair(row: DatasetRow): PreferencePair | null;
  /** Of all rows read so far. */
  warnings(): RunWarning[];
}

/** Share of unknown characters that is worth a warning: a rare character here and there is not. */
const UNKNOWN_SHARE = 0.1;

/** The base model's control tokens in a text, whether its vocabulary knows them or not. */
const CONTROL_TOKEN = /<\|(?:form|tune|rhyme|start|first|era|author|theme):[^|<>]*\|>/gu;

export function createRowReader({ tokenizer, maxLength, completionOnlyLoss }: RowReaderOptions): RowReader {
  const isControl = promptStyleOf(tokenizer) === 'control';
  const end = tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId];
  const counts = { examples: 0, cut: 0, dropped: 0 };
  const prompts = { tokens: 0, unknown: 0 };
  const answers = { tokens: 0, unknown: 0 };

  const count = (ids: readonly number[], into: { tokens: number; unknown: number }): void => {
    into.tokens += ids.length;
    if (tokenizer.unknownTokenId !== null) for (const id of ids) if (id === tokenizer.unknownTokenId) into.unknown++;
  };

  const promptOf = (messages: readonly DatasetMessage[]): number[] => {
    const said = messages.map(({ role, content }) => ({ role, content: isControl ? knownControls(content) : content }));
    // A template says its special tokens itself; plain text gets what the tokenizer puts before any text.
    const ids = tokenizer.hasChatTemplate
      ? tokenizer.encode(tokenizer.applyChatTemplate(said, { addGenerationPrompt: true }), { addSpecialTokens: false })
      : tokenizer.encode(said.map(({ content }) => content).join('\n'));
    count(ids, prompts);
    return ids;
  };

  /** As in poem prompts: a value without a token of its own is left out instead of spelt in unknown characters. */
  const knownControls = (text: string): string =>
    text.replace(CONTROL_TOKEN, (token) => (tokenizer.tokenToId(token) === null ? '' : token));

  const answerOf = (text: string): number[] => {
    const ids = tokenizer.encode(text, { addSpecialTokens: false });
    count(ids, answers);
    return [...ids, ...end];
  };

  /** Cuts the end off, the end token with it: a model must not learn to stop where we cut. */
  const fit = (id: string, promptIds: number[], completionIds: number[]): Example[] => {
    counts.examples++;
    if (promptIds.length >= maxLength) {
      counts.dropped++;
      return [];
    }
    const room = maxLength - promptIds.length;
    if (completionIds.length <= room) return [{ id, promptIds, completionIds }];
    counts.cut++;
    return [{ id, promptIds, completionIds: completionIds.slice(0, room) }];
  };

  return {
    examples: (row, format) => {
      if (row.text !== undefined) {
        const ids = tokenizer.encode(row.text);
        count(ids, answers);
        return fit(row.id, [], [...ids, ...end]);
      }
      const masked = row.messages.some(({ isContext }) => isContext) || row.isCompletionContext === true;
      if (masked && !completionOnlyLoss) {
        throw new RecipesError(
          'dataset-unsupported',
          `${row.id}: expected messages without a mask of their own where the loss falls on everything, got one`,
          {
            hint: 'Set completionOnlyLoss: true (train_on_prompt: false): then each answer counts as its message says.',
          },
        );
      }
      if (!completionOnlyLoss) return fit(row.id, [], [...promptOf(row.messages), ...answerOf(row.completion ?? '')]);
      const answer: DatasetMessage = {
        role: 'assistant',
        content: row.completion ?? '',
        ...(row.isCompletionContext === true ? { isContext: true } : {}),
      };
      const whole = [...row.messages, answer];
      const answersAt = whole.flatMap(({ role, isContext }, i) => (role === 'assistant' && !isContext ? [i] : []));
      // TRL's prompt is never learnt, whoever speaks in it.
      const learnt = format === 'prompt-completion' ? answersAt.slice(-1) : answersAt;
      return learnt.flatMap((i, turn) =>
        fit(
          learnt.length === 1 ? row.id : `${row.id}#${turn + 1}`,
          promptOf(whole.slice(0, i)),
          answerOf(whole[i]!.content),
        ),
      );
    },
    pair: (row) => {
      counts.examples++;
      const promptIds = promptOf(row.messages);
      if (promptIds.length >= maxLength) {
        counts.dropped++;
        return null;
      }
      const room = maxLength - promptIds.length;
      const [chosenIds, rejectedIds] = [answerOf(row.chosen ?? ''), answerOf(row.rejected ?? '')];
      const isTruncated = Math.max(chosenIds.length, rejectedIds.length) > room;
      if (isTruncated) counts.cut++;
      return {
        id: row.id,
        promptIds,
        chosenIds: chosenIds.slice(0, room),
        rejectedIds: rejectedIds.slice(0, room),
        ...(typeof row.extra.margin === 'number' ? { margin: row.extra.margin } : {}),
        ...(isTruncated ? { isTruncated } : {}),
      };
    },
    warnings: () => {
      const found: RunWarning[] = [];
      const warn = (code: string, message: string) => found.push({ type: 'run-warning', code, message });
      if (counts.cut + counts.dropped > 0) {
        const left = counts.dropped === 0 ? '' : `; ${counts.dropped} left out, their prompt alone is longer`;
        warn(
          'dataset-truncated',
          `${counts.cut} of ${counts.examples} examples are longer than ${maxLength} tokens and were cut${left}; raise maxLength to keep them whole`,
        );
      }
      for (const [name, { tokens, unknown }] of [
        ['prompts', prompts],
        ['answers', answers],
      ] as const) {
        if (tokens === 0 || unknown / tokens <= UNKNOWN_SHARE) continue;
        const why = isControl ? '; its characters are traditional' : '';
        warn(
          'dataset-unknown-characters',
          `${Math.round((100 * unknown) / tokens)} % of the characters of the ${name} are not in the model's vocabulary and are read as unknown${why}`,
        );
      }
      if (!tokenizer.hasChatTemplate && prompts.tokens > 0) {
        warn('dataset-no-template', 'the model has no chat template: prompts are given to it as plain text');
      }
      return found;
    },
  };
}
