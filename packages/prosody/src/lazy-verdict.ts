// Verdicts whose lines and findings are put together when they are first read: a score is known before any sentence is
// worded, and who checks a corpus for its scores never asks. The properties are like others (in JSON, copies and clones).
// All objects of a class share their getters: a getter of its own would make each an object of its own kind, which costs
// more than most checks.

import type { Finding, LineReading, Verdict } from './verdict.ts';

/** What a verdict says, and how its lines and findings are put together. */
export interface VerdictParts extends Omit<Verdict, 'id' | 'lines' | 'findings'> {
  readonly id: string | undefined;
  readonly readLines: () => readonly LineReading[];
  readonly describe: () => readonly Finding[];
}

class LazyVerdict implements Verdict {
  readonly #parts: VerdictParts;
  #lines: readonly LineReading[] | undefined;
  #findings: readonly Finding[] | undefined;
  // Declared only: the constructor adds them in the order in which they are shown.
  declare readonly id?: string;
  declare readonly form: Verdict['form'];
  declare readonly start: Verdict['start'];
  declare readonly firstLineRhymes: Verdict['firstLineRhymes'];
  declare readonly tune: Verdict['tune'];
  declare readonly variant: Verdict['variant'];
  declare readonly book: Verdict['book'];
  declare readonly rhyme: Verdict['rhyme'];
  declare readonly lines: readonly LineReading[];
  declare readonly findings: readonly Finding[];
  declare readonly strict: Verdict['strict'];
  declare readonly lenient: Verdict['lenient'];
  declare readonly parallelism?: NonNullable<Verdict['parallelism']>;
  declare readonly polyphones?: NonNullable<Verdict['polyphones']>;

  constructor(parts: VerdictParts) {
    this.#parts = parts;
    if (parts.id !== undefined) this.id = parts.id;
    this.form = parts.form;
    this.start = parts.start;
    this.firstLineRhymes = parts.firstLineRhymes;
    this.tune = parts.tune;
    this.variant = parts.variant;
    this.book = parts.book;
    this.rhyme = parts.rhyme;
    Object.defineProperty(this, 'lines', LazyVerdict.#LINES);
    Object.defineProperty(this, 'findings', LazyVerdict.#FINDINGS);
    this.strict = parts.strict;
    this.lenient = parts.lenient;
    if (parts.parallelism !== undefined) this.parallelism = parts.parallelism;
    if (parts.polyphones !== undefined) this.polyphones = parts.polyphones;
  }

  static readonly #LINES: PropertyDescriptor & ThisType<LazyVerdict> = {
    enumerable: true,
    get() {
      this.#lines ??= this.#parts.readLines();
      return this.#lines;
    },
  };

  static readonly #FINDINGS: PropertyDescriptor & ThisType<LazyVerdict> = {
    enumerable: true,
    get() {
      this.#findings ??= this.#parts.describe();
      return this.#findings;
    },
  };
}

export function createVerdict(parts: VerdictParts): Verdict {
  return new LazyVerdict(parts);
}

class LazyFinding implements Finding {
  #suggest: (() => string | undefined) | undefined;
  #suggestion: string | undefined;
  declare readonly rule: Finding['rule'];
  declare readonly name: string;
  declare readonly line: number;
  declare readonly position?: number;
  declare readonly char?: string;
  declare readonly verdict: Finding['verdict'];
  declare readonly message: string;
  declare readonly suggestion?: string;

  constructor(finding: Finding, suggest: () => string | undefined) {
    this.#suggest = suggest;
    this.rule = finding.rule;
    this.name = finding.name;
    this.line = finding.line;
    if (finding.position !== undefined) this.position = finding.position;
    if (finding.char !== undefined) this.char = finding.char;
    this.verdict = finding.verdict;
    this.message = finding.message;
    Object.defineProperty(this, 'suggestion', LazyFinding.#SUGGESTION);
  }

  static readonly #SUGGESTION: PropertyDescriptor & ThisType<LazyFinding> = {
    enumerable: true,
    get() {
      if (this.#suggest !== undefined) {
        this.#suggestion = this.#suggest();
        this.#suggest = undefined;
      }
      return this.#suggestion;
    },
  };
}

/** A finding whose suggestion is worked out when it is first read: looking for characters takes longer than all the rest. */
export function withSuggestion(finding: Finding, suggest: () => string | undefined): Finding {
  return new LazyFinding(finding, suggest);
}
