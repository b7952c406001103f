// Verdicts of the prosody checker on poems of the starter corpus, on one thread.
import { loadStarter } from '@tuiqiao/corpus';
import { check } from '@tuiqiao/prosody';
import { summarise, timeRepetitions } from './meter.mjs';

const REGULATED = ['五绝', '七绝', '五律', '七律'];
const POEMS = 3000;

export async function runChecking({ isQuick }) {
  const poems = await loadStarter();
  const regulated = poems.filter(({ labels }) => REGULATED.includes(labels.form)).slice(0, POEMS);
  const ci = poems.filter(({ labels }) => labels.tune !== null).slice(0, POEMS);
  const repetitions = isQuick ? 3 : 7;
  const measure = async (name, list, inputOf) => {
    const inputs = list.map(inputOf);
    const laps = await timeRepetitions(repetitions, () => {
      for (const input of inputs) check(input);
    });
    return { name, unit: 'poems/s', ...summarise(laps, inputs.length) };
  };
  return {
    rows: [
      await measure('check, regulated verse', regulated, ({ text }) => ({ text })),
      await measure('check, ci of a given tune', ci, ({ text, labels }) => ({ text, tune: labels.tune })),
    ],
    note: 'starter corpus, full verdicts, one thread; the form of regulated verse is recognised, not given',
  };
}
