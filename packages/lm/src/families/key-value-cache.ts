/**
 * Keys and values of past tokens, per layer [slots, capacity, G·D], and attention over them: new sequences attend within
 * themselves (varlen), continued ones over their slot of the cache.
 */
import { type Arena, createArena, type DeviceBuffer, type FloatType, type Kernels } from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';
import type { CacheEntry, KeyValueCache } from '../language-model.ts';

export class DecoderCache implements KeyValueCache {
  readonly slots: number;
  readonly capacity: number;
  readonly lengths: Int32Array;
  /** Positions of a slot before its first token. */
  readonly virtualTokens: number;
  /** Per layer. */
  readonly keys: readonly DeviceBuffer[];
  readonly values: readonly DeviceBuffer[];
  /** Memory of a step, its logits among it: each cache has its own, so that two of one model do not disturb each other. */
  readonly arena: Arena;
  readonly #kernels: Kernels;
  /** Numbers of a slot and of a position, per layer. */
  readonly #slotLength: number;
  readonly #width: number;

  constructor(
    kernels: Kernels,
    config: ModelConfig,
    type: FloatType,
    slots: number,
    capacity: number,
    virtualTokens = 0,
  ) {
    const length = slots * (capacity + virtualTokens) * config.kvHeads * config.headDim;
    const perLayer = allocateMany(kernels, type, length, 2 * config.layers);
    this.slots = slots;
    this.capacity = capacity;
    this.virtualTokens = virtualTokens;
    this.lengths = new Int32Array(slots);
    this.keys = perLayer.slice(0, config.layers);
    this.values = perLayer.slice(config.layers);
    this.arena = createArena(kernels, { keepsViews: true });
    this.#kernels = kernels;
    this.#width = config.kvHeads * config.headDim;
    this.#slotLength = this.positions * this.#width;
  }

  /** Positions a slot has room for. */
  get positions(): number {
    return this.capacity + this.virtualTokens;
  }

  copySlot(from: number, to: number): void {
    if (from === to) return;
    const length = (this.lengths[from]! + this.virtualTokens) * this.#width;
    for (const buffer of [...this.keys, ...this.values]) {
      const part = (slot: number) => buffer.view(slot * this.#slotLength, length);
      if (length > 0) this.#kernels.scale(part(to), part(from), { length, alpha: 1 });
    }
    this.lengths[to] = this.lengths[from]!;
  }
}

/** Small caches lie in one piece of memory: the system gives a large one in large pages, which are far quicker to get and to find. */
const LARGEST_PIECE = 1 << 27;
/** Parts of a piece begin on cache lines. */
const PART_STEP = 32;

function allocateMany(kernels: Kernels, type: FloatType, length: number, count: number): DeviceBuffer[] {
  const step = Math.ceil(length / PART_STEP) * PART_STEP;
  if (step * count > LARGEST_PIECE) return Array.from({ length: count }, () => kernels.allocate(type, length));
  const piece = kernels.allocate(type, step * count);
  return Array.from({ length: count }, (_, i) => piece.view(i * step, length));
}

/**
 * Rows of one `extend` call: those of entries whose slot was empty come first ("fresh"), then those that continue.
 * `lastRows` is in the order of the entries as given.
 */
export interface ExtendPlan {
  /** [N] */
  readonly ids: Int32Array;
  readonly positions: Int32Array;
  readonly slots: Int32Array;
  /** First `freshRows` rows are fresh; `freshSegments` are their offsets. */
  readonly freshRows: number;
  readonly freshSegments: Int32Array;
  /** [N − freshRows] positions each continuing row sees, itself included. */
  readonly lengths: Int32Array;
  /** [entries.length] */
  readonly lastRows: Int32Array;
}

/** @throws LmError `batch-invalid` (slot, empty entry, slot twice), `cache-full` */
export function planExtend(cache: KeyValueCache, entries: readonly CacheEntry[]): ExtendPlan {
  checkEntries(cache, entries);
  const rows = entries.reduce((sum, entry) => sum + entry.ids.length, 0);
  const ids = new Int32Array(rows);
  const positions = new Int32Array(rows);
  const slots = new Int32Array(rows);
  const lastRows = new Int32Array(entries.length);
  const freshSegments = [0];
  let row = 0;
  const place = (entry: CacheEntry, index: number): void => {
    const start = cache.lengths[entry.slot]!;
    for (const [i, id] of entry.ids.entries()) {
      ids[row] = id;
      positions[row] = start + i;
      slots[row++] = entry.slot;
    }
    lastRows[index] = row - 1;
  };
  for (const [index, entry] of entries.entries()) {
    if (cache.lengths[entry.slot] !== 0) continue;
    place(entry, index);
    freshSegments.push(row);
  }
  const freshRows = row;
  for (const [index, entry] of entries.entries()) {
    if (cache.lengths[entry.slot] !== 0) place(entry, index);
  }
  const lengths = positions.slice(freshRows).map((position) => position + 1);
  return { ids, positions, slots, freshRows, freshSegments: Int32Array.from(freshSegments), lengths, lastRows };
}

function checkEntries(cache: KeyValueCache, entries: readonly CacheEntry[]): void {
  const seen = new Set<number>();
  for (const { slot, ids } of entries) {
    if (!Number.isInteger(slot) || slot < 0 || slot >= cache.slots) {
      throw new LmError('batch-invalid', `extend: expected a slot below ${cache.slots}, got ${slot}`);
    }
    if (seen.has(slot)) throw new LmError('batch-invalid', `extend: expected each slot once, got ${slot} twice`);
    seen.add(slot);
    if (ids.length === 0) throw new LmError('batch-invalid', `extend: expected at least one id for slot ${slot}`);
    const length = cache.lengths[slot]! + ids.length;
    if (length > cache.capacity) {
      throw new LmError(
        'cache-full',
        `extend: expected at most ${cache.capacity} tokens in slot ${slot}, got ${length}`,
      );
    }
  }
}
