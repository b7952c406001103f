/**
 * Whole verse lines → the poem they stand in: an open-addressing table of 40-bit hashes. A hit is wrong once in about
 * 10¹² / lines look-ups (2.7 million lines: 2.5 per million).
 */
import { hashLine } from '../dedupe/line-hash.ts';

const HASH_RANGE = 2 ** 40;
const LOW_RANGE = 2 ** 32;
const MAX_LOAD = 0.6;
const SLOT_RANGE = 2 ** 23;
const TIE_RANGE = 2 ** 10;

export class LineTable {
  private mask: number;
  private low: Uint32Array;
  private high: Uint8Array;
  /** Poem index + 1; 0 = empty slot. */
  private poem: Uint32Array;
  private used = 0;

  constructor(expectedLines: number) {
    const slots = slotsFor(expectedLines);
    this.mask = slots - 1;
    this.low = new Uint32Array(slots);
    this.high = new Uint8Array(slots);
    this.poem = new Uint32Array(slots);
  }

  get size(): number {
    return this.used;
  }

  /** The first poem that has a line keeps it. */
  add(line: string, poem: number): void {
    this.addHash(hashLine(line) % HASH_RANGE, poem);
  }

  /** Poem index, or −1. */
  find(line: string): number {
    return this.poem[this.slotOf(hashLine(line) % HASH_RANGE)]! - 1;
  }

  addHash(hash: number, poem: number): void {
    if (this.used + 1 > (this.mask + 1) * MAX_LOAD) this.grow();
    const slot = this.slotOf(hash);
    if (this.poem[slot] !== 0) return;
    this.low[slot] = hash % LOW_RANGE;
    this.high[slot] = Math.floor(hash / LOW_RANGE);
    this.poem[slot] = poem + 1;
    this.used++;
  }

  /** All entries, hashes ascending. */
  entries(): { hashes: Float64Array; poems: Uint32Array } {
    // The top 30 bits of the hash and 23 bits of the slot sort as one exact double; the few ties are put in order after.
    if (this.mask + 1 > SLOT_RANGE) throw new RangeError(`LineTable: expected at most ${SLOT_RANGE} slots`);
    const order = new Float64Array(this.used);
    let at = 0;
    for (let slot = 0; slot <= this.mask; slot++)
      if (this.poem[slot] !== 0) order[at++] = Math.floor(this.hashAt(slot) / TIE_RANGE) * SLOT_RANGE + slot;
    order.sort();
    const hashes = new Float64Array(this.used);
    const poems = new Uint32Array(this.used);
    for (let i = 0; i < order.length; i++) {
      const slot = order[i]! % SLOT_RANGE;
      const hash = this.hashAt(slot);
      let place = i;
      for (; place > 0 && hashes[place - 1]! > hash; place--) {
        hashes[place] = hashes[place - 1]!;
        poems[place] = poems[place - 1]!;
      }
      hashes[place] = hash;
      poems[place] = this.poem[slot]! - 1;
    }
    return { hashes, poems };
  }

  private hashAt(slot: number): number {
    return this.high[slot]! * LOW_RANGE + this.low[slot]!;
  }

  // The slot that holds the hash, or the empty one where it belongs.
  private slotOf(hash: number): number {
    const low = hash % LOW_RANGE;
    const high = Math.floor(hash / LOW_RANGE);
    let slot = (low ^ (high << 7)) & this.mask;
    while (this.poem[slot] !== 0 && !(this.low[slot] === low && this.high[slot] === high))
      slot = (slot + 1) & this.mask;
    return slot;
  }

  private grow(): void {
    const { low, high, poem } = this;
    const slots = low.length * 2;
    this.mask = slots - 1;
    this.low = new Uint32Array(slots);
    this.high = new Uint8Array(slots);
    this.poem = new Uint32Array(slots);
    this.used = 0;
    for (let slot = 0; slot < poem.length; slot++)
      if (poem[slot] !== 0) this.addHash(high[slot]! * LOW_RANGE + low[slot]!, poem[slot]! - 1);
  }
}

function slotsFor(lines: number): number {
  let slots = 1024;
  while (slots * MAX_LOAD < lines) slots *= 2;
  return slots;
}
