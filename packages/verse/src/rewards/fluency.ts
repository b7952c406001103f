/** As likely as verse is: log-probability per token under the frozen reference, against that of poets' poems. */
import { clamp, type PoemReward, type RewardExample } from './poem-reward.ts';

/** Mean and standard deviation over real poems of the mean log-probability per token, in nats. */
export interface FluencyCentre {
  readonly mean: number;
  readonly deviation: number;
}

/** Deviations from the mean between which nothing is lost: nobody need write likelier than the poets. */
const LOWEST = -1;
const HIGHEST = 2;
/** Deviations beyond those at which nothing is left. */
const FADE = 2;

/**
 * 1 between one deviation below and two above the mean of real poems, fading to 0 two deviations further out. What is
 * too likely fades as well: a text of one character is the likeliest of all. NaN (does not apply) without a measure.
 *
 * @param centres by form, or tune for ci; '' for all others
 */
export function createFluencyReward(centres: ReadonlyMap<string, FluencyCentre>): PoemReward {
  return {
    name: 'fluency',
    range: [0, 1],
    score: (_text, example) => {
      const centre = centreOf(centres, example);
      if (example.meanLogProb === undefined || centre === undefined) return Number.NaN;
      const distance = (example.meanLogProb - centre.mean) / Math.max(1e-6, centre.deviation);
      const outside = Math.max(LOWEST - distance, distance - HIGHEST, 0);
      return clamp(1 - outside / FADE, 0, 1);
    },
  };
}

function centreOf(centres: ReadonlyMap<string, FluencyCentre>, { request }: RewardExample): FluencyCentre | undefined {
  return centres.get(request.tune ?? request.form ?? '') ?? centres.get(request.form ?? '') ?? centres.get('');
}

/** Centres from measured poems; forms with fewer than `least` poems share the centre of all. */
export function fluencyCentres(
  measured: readonly { readonly form: string; readonly meanLogProb: number }[],
  least = 8,
): Map<string, FluencyCentre> {
  const byForm = new Map<string, number[]>();
  for (const { form, meanLogProb } of measured) {
    byForm.set(form, [...(byForm.get(form) ?? []), meanLogProb]);
  }
  const centres = new Map<string, FluencyCentre>();
  if (measured.length > 1) centres.set('', centreOfValues(measured.map(({ meanLogProb }) => meanLogProb)));
  for (const [form, values] of byForm)
    if (values.length >= Math.max(2, least)) centres.set(form, centreOfValues(values));
  return centres;
}

function centreOfValues(values: readonly number[]): FluencyCentre {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / (values.length - 1)) };
}
