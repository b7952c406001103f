/** What was written, judged: verdict, novelty, score. */
import type { GeneratedSequence, Tokenizer } from '@tuiqiao/lm';
import { check, type Language, splitText, type Verdict } from '@tuiqiao/prosody';
import { withStanzaBreaks } from './constraint.ts';
import { noveltyOf } from './novelty.ts';
import { scorePoem } from './poem-score.ts';
import { givenLines, type WritingRequest } from './request-plan.ts';
import type { WritePoemsOptions, WrittenPoem } from './write-poems.ts';
import type { Job } from './writing-jobs.ts';

export function judge(
  options: WritePoemsOptions,
  { request, automaton }: Job,
  sequence: Omit<GeneratedSequence, 'sequence' | 'score'>,
  attempt: number,
): WrittenPoem {
  const plain = options.tokenizer.decode(sequence.ids, { skipSpecialTokens: true }).trim();
  const text = automaton === null ? plain : withStanzaBreaks(plain, automaton);
  const verdict = verdictOn(text, request, options.language);
  const hasEnded = sequence.finish === 'stop';
  const judged = {
    text,
    logProb: ownLogProbs(options.tokenizer, request, sequence).reduce((sum, x) => sum + x, 0),
    verdict,
    novelty: options.lineIndexes === undefined ? null : noveltyOf(text, options.lineIndexes, givenLines(request)),
    isAccepted: hasEnded && (automaton === null || verdict.strict.all),
  };
  return {
    ...judged,
    request,
    ids: sequence.ids,
    allowedMass: sequence.allowedMass,
    refused: sequence.refused,
    tokens: sequence.logProbs.length,
    score: scorePoem(judged, request.form),
    seed: options.seed,
    attempts: attempt,
  };
}

/** As what it was asked for; of a couplet its 对仗 as well. */
export function verdictOn(text: string, request: WritingRequest, lang: Language = 'zh'): Verdict {
  return check(
    {
      text,
      ...(request.form === undefined ? {} : { form: request.form }),
      ...(request.tune === undefined ? {} : { tune: request.tune }),
      ...(request.book === undefined ? {} : { book: request.book }),
    },
    { parallelism: request.couplet !== undefined, lang },
  );
}

/** Of what was not given: to an upper line, the tokens of the lower one. That nothing follows a couplet is nobody's choice. */
function ownLogProbs(
  tokenizer: Tokenizer,
  { couplet }: WritingRequest,
  { ids, logProbs }: Pick<GeneratedSequence, 'ids' | 'logProbs'>,
): readonly number[] {
  if (couplet === undefined) return logProbs;
  const given = splitText(couplet).lines.reduce((length, { chars }) => length + chars.length + 1, 0);
  let start = 0;
  while (start < ids.length && [...tokenizer.decode(ids.slice(0, start), { skipSpecialTokens: true })].length < given)
    start++;
  return logProbs.slice(start, ids.length);
}
