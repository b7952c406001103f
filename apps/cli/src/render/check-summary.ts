/** What many verdicts say together, as a table for a terminal. */
import { type Language, translate } from '../messages.ts';
import type { Colours } from '../session.ts';
import type { CheckTally } from './check-tally.ts';
import { formatPercent } from './numbers.ts';
import { renderTable } from './table.ts';

/** How many fault names are listed. */
const FAULTS_SHOWN = 6;

export function renderSummary(tally: CheckTally, language: Language, colours: Colours): string {
  const text = (key: Parameters<typeof translate>[1]) => translate(language, key);
  const table = renderTable(
    [
      { title: text('form') },
      ...(['poems', 'length', 'rhyme', 'meter', 'strictAll', 'lenientAll'] as const).map((key) => ({
        title: text(key),
        isNumber: true,
      })),
    ],
    tally
      .rows()
      .map(([form, part]) => [
        form === '' ? text('unknownForm') : form === 'total' ? text('total') : form,
        part.count,
        ...[part.length, part.rhyme, part.meter, part.strict, part.lenient].map((count) =>
          formatPercent(count / part.count),
        ),
      ]),
    colours,
  );
  const faults = tally.faults().slice(0, FAULTS_SHOWN);
  if (faults.length === 0) return table;
  return `${table}\n\n${text('commonFaults')} ${faults.map(([name, count]) => `${colours.red(name)} ${count}`).join(' · ')}`;
}
