/**
 * Which pages of a key/value cache hold which positions of which sequence. Bookkeeping only: no keys, no values.
 *
 * A page is written once: sequences with the same beginning share its whole pages (`share`), and what is not yet full is
 * copied. Pages that nobody uses any more are taken first when one is needed, the last used before the others, so that
 * memory stays as large as the most that was ever held at a time.
 */

/** Positions of a page, a power of two. Fewer waste less behind the end of a sequence; a table of them is longer. */
export const PAGE_SIZE = 16;
const NO_PAGE = -1;

export class PageTable {
  /** Of each slot: the page of positions i·PAGE_SIZE …; NO_PAGE where it was given back. */
  readonly #pages: number[][];
  /** Sequences that hold a page. */
  readonly #holders: number[] = [];
  readonly #free: number[] = [];

  constructor(slots: number) {
    this.#pages = Array.from({ length: slots }, () => []);
  }

  /** Pages that exist: all numbers are below. */
  get size(): number {
    return this.#holders.length;
  }

  /** Pages that some slot holds. */
  get held(): number {
    return this.#holders.length - this.#free.length;
  }

  /** Pages for the first `positions` of a slot, new ones where it has none. */
  reserve(slot: number, positions: number): void {
    const pages = this.#pages[slot]!;
    while (pages.length * PAGE_SIZE < positions) pages.push(this.#take());
  }

  /** Gives back what only holds positions before `position`. */
  forgetBefore(slot: number, position: number): void {
    const pages = this.#pages[slot]!;
    for (let i = Math.min(pages.length, Math.floor(position / PAGE_SIZE)) - 1; i >= 0 && pages[i] !== NO_PAGE; i--) {
      this.#giveBack(pages[i]!);
      pages[i] = NO_PAGE;
    }
  }

  /** Gives back what only holds positions from `positions` on. */
  truncate(slot: number, positions: number): void {
    const pages = this.#pages[slot]!;
    while ((pages.length - 1) * PAGE_SIZE >= positions) {
      const page = pages.pop()!;
      if (page !== NO_PAGE) this.#giveBack(page);
    }
  }

  /** `to` holds the first `positions` of `from`: whole pages together with it, the rest in a page whose numbers are to be copied. */
  share(from: number, to: number, positions: number): { readonly from: number; readonly to: number } | null {
    this.truncate(to, 0);
    const whole = Math.floor(positions / PAGE_SIZE);
    const [source, target] = [this.#pages[from]!, this.#pages[to]!];
    for (const page of source.slice(0, whole)) {
      target.push(page);
      if (page !== NO_PAGE) this.#holders[page]!++;
    }
    if (whole * PAGE_SIZE === positions) return null;
    target.push(this.#take());
    return { from: source[whole]!, to: target[whole]! };
  }

  /** Whether a slot's page of a position is another's too. */
  isShared(slot: number, position: number): boolean {
    const page = this.#pages[slot]![Math.floor(position / PAGE_SIZE)];
    return page !== undefined && page !== NO_PAGE && this.#holders[page]! > 1;
  }

  /** A page of its own in the place of one that is shared. */
  separate(slot: number, position: number): { readonly from: number; readonly to: number } {
    const pages = this.#pages[slot]!;
    const place = Math.floor(position / PAGE_SIZE);
    const from = pages[place]!;
    pages[place] = this.#take();
    this.#giveBack(from);
    return { from, to: pages[place] };
  }

  /** Whether a slot still holds a position that it once had. */
  holds(slot: number, position: number): boolean {
    return (this.#pages[slot]![Math.floor(position / PAGE_SIZE)] ?? NO_PAGE) !== NO_PAGE;
  }

  /** Where positions lie: `page · PAGE_SIZE + position mod PAGE_SIZE`. */
  rowsOf(slots: Int32Array, positions: Int32Array): Int32Array {
    return positions.map((position, n) => {
      const page = this.#pages[slots[n]!]![Math.floor(position / PAGE_SIZE)]!;
      return page * PAGE_SIZE + (position % PAGE_SIZE);
    });
  }

  /** The pages of each slot, a row for each, as wide as the longest (at least 1). */
  tablesOf(slots: Int32Array): { readonly tables: Int32Array; readonly width: number } {
    const width = slots.reduce((most, slot) => Math.max(most, this.#pages[slot]!.length), 1);
    const tables = new Int32Array(slots.length * width).fill(NO_PAGE);
    for (const [row, slot] of slots.entries()) tables.set(this.#pages[slot]!, row * width);
    return { tables, width };
  }

  #take(): number {
    const page = this.#free.pop() ?? this.#holders.length;
    this.#holders[page] = 1;
    return page;
  }

  #giveBack(page: number): void {
    this.#holders[page]!--;
    if (this.#holders[page] === 0) this.#free.push(page);
  }
}
