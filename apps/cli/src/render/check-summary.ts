/** What many verdicts say together: shares by form, and the commonest faults. */
import type { Verdict } from '@tuiqiao/prosody';
import { type Language, translate } from '../messages.ts';
import type { Colours } from '../session.ts';
import { formatPercent } from './numbers.ts';
import { renderTable } from './table.ts';

interface Tally {
  count: number;
  length: number;
  rhyme: number;
  meter: number;
  strict: number;
  lenient: number;
}

/** How many fault names are listed. */
const FAULTS_SHOWN = 6;

/** Counts verdicts one by one, so that a corpus need not be held in memory. */
export class CheckSummary {
  readonly #byForm = new Map<string, Tally>();
  readonly #faults = new Map<string, number>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(verdict: Verdict): void {
    this.#count++;
    const form = verdict.tune ?? verdict.form ?? '';
    const tally = this.#byForm.get(form) ?? { count: 0, length: 0, rhyme: 0, meter: 0, strict: 0, lenient: 0 };
    tally.count++;
    tally.length += Number(verdict.strict.length);
    tally.rhyme += Number(verdict.strict.rhyme);
    tally.meter += Number(verdict.strict.meter);
    tally.strict += Number(verdict.strict.all);
    tally.lenient += Number(verdict.lenient.all);
    this.#byForm.set(form, tally);
    for (const finding of verdict.findings) {
      if (finding.verdict === '疵') this.#faults.set(finding.name, (this.#faults.get(finding.name) ?? 0) + 1);
    }
  }

  render(language: Language, colours: Colours): string {
    const text = (key: Parameters<typeof translate>[1]) => translate(language, key);
    const rows = [...this.#byForm].sort((a, b) => b[1].count - a[1].count);
    const total = rows.reduce<Tally>(
      (sum, [, tally]) => ({
        count: sum.count + tally.count,
        length: sum.length + tally.length,
        rhyme: sum.rhyme + tally.rhyme,
        meter: sum.meter + tally.meter,
        strict: sum.strict + tally.strict,
        lenient: sum.lenient + tally.lenient,
      }),
      { count: 0, length: 0, rhyme: 0, meter: 0, strict: 0, lenient: 0 },
    );
    const shown = rows.length > 1 ? [...rows, [text('total'), total] as const] : rows;
    const table = renderTable(
      [
        { title: text('form') },
        ...(['poems', 'length', 'rhyme', 'meter', 'strictAll', 'lenientAll'] as const).map((key) => ({
          title: text(key),
          isNumber: true,
        })),
      ],
      shown.map(([form, tally]) => [
        form === '' ? text('unknownForm') : form,
        tally.count,
        ...[tally.length, tally.rhyme, tally.meter, tally.strict, tally.lenient].map((part) =>
          formatPercent(part / tally.count),
        ),
      ]),
      colours,
    );
    const faults = [...this.#faults].sort((a, b) => b[1] - a[1]).slice(0, FAULTS_SHOWN);
    if (faults.length === 0) return table;
    return `${table}\n\n${text('commonFaults')} ${faults.map(([name, count]) => `${colours.red(name)} ${count}`).join(' · ')}`;
  }
}
