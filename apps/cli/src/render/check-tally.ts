/** Counts of many verdicts: shares by form, and faults. */
import type { Verdict } from '@tuiqiao/prosody';

export interface Tally {
  count: number;
  length: number;
  rhyme: number;
  meter: number;
  strict: number;
  lenient: number;
}

/** Counts verdicts one by one, so that a corpus need not be held in memory. */
export class CheckTally {
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

  /** By form, commonest first, and `total` last where there are several; '' is no known form. */
  rows(): readonly (readonly [form: string, tally: Tally])[] {
    const rows = [...this.#byForm].sort((a, b) => b[1].count - a[1].count);
    if (rows.length < 2) return rows;
    const total: Tally = { count: 0, length: 0, rhyme: 0, meter: 0, strict: 0, lenient: 0 };
    for (const [, tally] of rows) for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += tally[key];
    return [...rows, ['total', total]];
  }

  /** Names of faults with how often each was found, commonest first. */
  faults(): readonly (readonly [name: string, count: number])[] {
    return [...this.#faults].sort((a, b) => b[1] - a[1]);
  }
}
