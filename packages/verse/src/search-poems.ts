/** Poems by beam search under the rules: the likeliest of a request, or in groups likely ones that differ. */
import { beamSearch } from '@tuiqiao/lm';
import { createPoemConstraint, type PoemConstraint } from './constraint.ts';
import { VerseError } from './errors.ts';
import { judge } from './judge-poem.ts';
import type { TokenInventory } from './token-inventory.ts';
import type { BeamSettings, PoemEvent, WritePoemsOptions } from './write-poems.ts';
import { copyGuard, type Job, leaningOf, tokenLimit } from './writing-jobs.ts';

/**
 * As many poems of each distinct request as it stands in the list, best first (with groups, the best of each in turn). A
 * poem that was not found is given up.
 *
 * @throws VerseError `verse-request` when a request stands in the list oftener than there are beams
 */
export async function* searchPoems(
  options: WritePoemsOptions,
  jobs: readonly Job[],
  tokens: TokenInventory | null,
): AsyncGenerator<PoemEvent> {
  const settings = options.beams!;
  const alike = new Map<string, Job[]>();
  for (const job of jobs) {
    const key = JSON.stringify(job.request);
    alike.set(key, [...(alike.get(key) ?? []), job]);
  }
  const most = Math.max(...[...alike.values()].map(({ length }) => length));
  if (most > settings.numBeams) {
    throw new VerseError(
      'verse-request',
      `write: expected at least ${most} beams for ${most} poems, got ${settings.numBeams}`,
      {
        hint: 'raise numBeams, or ask for fewer poems',
        zh: {
          message: `要写 ${most} 首，束数至少应为 ${most}，现为 ${settings.numBeams}`,
          hint: '加大 numBeams，或少写几首',
        },
      },
    );
  }
  for (const own of alike.values()) {
    const sequences = await searchOne(options, settings, own[0]!, own.length, tokens);
    for (const [place, job] of own.entries()) {
      const sequence = sequences[place] ?? { ids: [], logProbs: [], finish: 'length' as const };
      yield {
        type: 'poem',
        index: job.index,
        poem: judge(options, job, { ...sequence, allowedMass: [], refused: [] }, 1),
      };
    }
  }
}

function searchOne(
  options: WritePoemsOptions,
  { numBeams, numBeamGroups = 1, diversityPenalty = 0 }: BeamSettings,
  job: Job,
  count: number,
  tokens: TokenInventory | null,
): ReturnType<typeof beamSearch> {
  const { automaton } = job;
  const endId = options.tokenizer.eosTokenId;
  const common = {
    beams: numBeams,
    beamGroups: numBeamGroups,
    diversityPenalty,
    returnSequences: count,
    maxNewTokens: tokenLimit(options, [job], tokens),
    ...(endId === null ? {} : { stopIds: [endId] }),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  if (automaton === null || tokens === null) return beamSearch(options.model, job.prompt, common);
  // A constraint follows one text; a beam that goes on is a text of its own.
  let last: { readonly constraint: PoemConstraint; readonly mask: Uint32Array } | undefined;
  const guard = copyGuard(options, job.request);
  return beamSearch(options.model, job.prompt, {
    ...common,
    mask: (ids) => {
      const constraint = createPoemConstraint(automaton, tokens, guard);
      const mask = constraint.mask(ids);
      last = { constraint, mask };
      return mask;
    },
    bias: () => leaningOf(job, last!.constraint, last!.mask),
    reject: (_ids, id) => last!.constraint.rejects(id),
  });
}
