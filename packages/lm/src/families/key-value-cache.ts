/**
 * Keys and values of past tokens in pages, per layer [pages, G, PAGE_SIZE, D], and attention over them: new sequences attend
 * within themselves (varlen), continued ones over the pages of their slot. Memory follows what is held, not what slots
 * could hold.
 */
import { type Arena, createArena, type DeviceBuffer, type FloatType, type Kernels } from '@tuiqiao/tensor';
import type { ModelConfig } from '../config.ts';
import { LmError } from '../errors.ts';
import type { CacheEntry, KeyValueCache } from '../language-model.ts';
import { PAGE_SIZE, PageTable } from './page-table.ts';

/**
 * Up to so much is asked for at once, and twice that when it is used up: the system gives memory when it is first written,
 * so room that is never used costs nothing, and what is moved costs a step as much as its products.
 */
const FIRST_BYTES = 1 << 30;
/** Small caches lie in one piece of memory: the system gives a large one in large pages, which are far quicker to get and to find. */
const LARGEST_PIECE = 1 << 27;
/** Parts of a piece begin on cache lines. */
const PART_STEP = 32;

/** What a cache holds its numbers in. */
interface CacheMemory {
  /** Memory of a step, its logits among it: each cache has its own, so that two of one model do not disturb each other. */
  readonly arena: Arena;
  /** Pages there is memory for. */
  pages: number;
  readonly keys: DeviceBuffer[];
  readonly values: DeviceBuffer[];
}

/**
 * The memory of a model's last cache that was freed: the next one lies in it. New memory is slow to come: the system clears
 * it page by page when it is first written.
 */
export class SpareCache {
  memory: CacheMemory | null = null;
}

export class DecoderCache implements KeyValueCache {
  readonly slots: number;
  readonly capacity: number;
  readonly lengths: Int32Array;
  /** Positions of a slot before its first token. */
  readonly virtualTokens: number;
  #memory: CacheMemory;
  readonly #spare: SpareCache;
  readonly #firstBytes: number;
  readonly #pages: PageTable;
  readonly #kernels: Kernels;
  readonly #type: FloatType;
  readonly #layers: number;
  /** Numbers of a position, per layer. */
  readonly #width: number;
  /** Positions that any layer sees, the newest included; Infinity where one sees all. */
  readonly #window: number;

  constructor(
    kernels: Kernels,
    config: ModelConfig,
    type: FloatType,
    slots: number,
    capacity: number,
    virtualTokens: number,
    spare: SpareCache,
    firstBytes = FIRST_BYTES,
  ) {
    this.slots = slots;
    this.capacity = capacity;
    this.virtualTokens = virtualTokens;
    this.lengths = new Int32Array(slots);
    this.#spare = spare;
    this.#firstBytes = firstBytes;
    this.#pages = new PageTable(slots);
    this.#kernels = kernels;
    this.#type = type;
    this.#layers = config.layers;
    this.#width = config.kvHeads * config.headDim;
    const { windows } = config.architecture;
    this.#window = Math.max(
      ...Array.from({ length: config.layers }, (_, layer) => windows[layer] ?? Number.POSITIVE_INFINITY),
    );
    // Less than is needed would be moved once it is used up.
    const isEnough = spare.memory !== null && spare.memory.pages >= this.#firstPages;
    this.#memory = isEnough ? spare.memory! : newMemory(kernels);
    if (isEnough) spare.memory = null;
  }

  get arena(): Arena {
    return this.#memory.arena;
  }

  free(): void {
    const { pages } = this.#memory;
    if (pages > 0 && pages * this.#pageBytes <= this.#firstBytes) this.#spare.memory = this.#memory;
    this.#memory = newMemory(this.#kernels);
    this.lengths.fill(0);
    for (let slot = 0; slot < this.slots; slot++) this.#pages.truncate(slot, 0);
  }

  /** Pages that slots hold at present, those that several share counted once. */
  get heldPages(): number {
    return this.#pages.held;
  }

  /** Of each layer [pages, G, PAGE_SIZE, D]; they move when the cache grows. */
  get keys(): readonly DeviceBuffer[] {
    return this.#memory.keys;
  }

  get values(): readonly DeviceBuffer[] {
    return this.#memory.values;
  }

  truncate(slot: number, length: number): void {
    const positions = this.#positionsOf('truncate', slot, length);
    this.#pages.truncate(slot, positions);
    this.lengths[slot] = length;
    // What comes next is written behind them.
    if (positions % PAGE_SIZE > 0 && this.#pages.isShared(slot, positions)) {
      this.#copyPage(this.#pages.separate(slot, positions));
    }
  }

  copySlot(from: number, to: number, length = this.lengths[from]!): void {
    if (from === to) return;
    const copied = this.#pages.share(from, to, this.#positionsOf('copySlot', from, length));
    if (copied !== null) this.#copyPage(copied);
    this.lengths[to] = length;
  }

  /** Memory for so many more tokens of a slot; what no layer will see again is given up. */
  reserve(slot: number, tokens: number): void {
    const start = this.virtualTokens + this.lengths[slot]!;
    this.#pages.forgetBefore(slot, start - this.#window + 1);
    this.#pages.reserve(slot, start + tokens);
    this.#grow();
  }

  /** Where `keys` and `values` hold positions (virtual ones counted) of slots: see `PageTable.rowsOf`. */
  rowsOf(slots: Int32Array, positions: Int32Array): Int32Array {
    return this.#pages.rowsOf(slots, positions);
  }

  /** See `PageTable.tablesOf`. */
  tablesOf(slots: Int32Array): { readonly tables: Int32Array; readonly width: number } {
    return this.#pages.tablesOf(slots);
  }

  /** Positions of the first `length` tokens of a slot, all of which that the next token will see must still be there. */
  #positionsOf(operation: string, slot: number, length: number): number {
    const most = this.lengths[slot] ?? 0;
    if (!(length >= 0 && length <= most)) {
      throw new LmError('batch-invalid', `${operation}: expected 0 to ${most} tokens of slot ${slot}, got ${length}`);
    }
    if (length === 0) return 0;
    const positions = this.virtualTokens + length;
    const first = Math.max(0, positions - this.#window + 1);
    if (first < positions && !this.#pages.holds(slot, first)) {
      const kept = `slot ${slot} keeps ${this.#window} positions of ${most}`;
      throw new LmError('batch-invalid', `${operation}: expected more than ${length} tokens, ${kept}`);
    }
    return positions;
  }

  #copyPage({ from, to }: { readonly from: number; readonly to: number }): void {
    this.#grow();
    const length = PAGE_SIZE * this.#width;
    for (const buffer of [...this.keys, ...this.values]) {
      this.#kernels.scale(buffer.view(to * length, length), buffer.view(from * length, length), { length, alpha: 1 });
    }
  }

  /** Memory for every page there is; of a large cache layer by layer, so that little is held twice. */
  #grow(): void {
    const { pages: before, keys, values } = this.#memory;
    if (this.#pages.size <= before) return;
    const pageLength = PAGE_SIZE * this.#width;
    let pages = before || this.#firstPages;
    while (pages < this.#pages.size) pages *= 2;
    const allocate = allocatorOf(this.#kernels, this.#type, pages * pageLength, 2 * this.#layers);
    const enlarge = (buffer: DeviceBuffer | undefined): DeviceBuffer => {
      const larger = allocate();
      const length = before * pageLength;
      if (buffer !== undefined) this.#kernels.scale(larger.view(0, length), buffer, { length, alpha: 1 });
      return larger;
    };
    for (let layer = 0; layer < this.#layers; layer++) {
      keys[layer] = enlarge(keys[layer]);
      values[layer] = enlarge(values[layer]);
    }
    this.#memory.pages = pages;
  }

  /** All that the slots could hold, within bounds. */
  get #firstPages(): number {
    const most = this.slots * Math.ceil((this.virtualTokens + this.capacity) / PAGE_SIZE);
    return Math.max(1, Math.min(most, Math.floor(this.#firstBytes / this.#pageBytes)));
  }

  get #pageBytes(): number {
    return 2 * this.#layers * PAGE_SIZE * this.#width * (this.#type === 'bf16' ? 2 : 4);
  }
}

function newMemory(kernels: Kernels): CacheMemory {
  return { arena: createArena(kernels, { keepsViews: true }), pages: 0, keys: [], values: [] };
}

/** Gives `count` buffers of a length, one after the other. */
function allocatorOf(kernels: Kernels, type: FloatType, length: number, count: number): () => DeviceBuffer {
  const step = Math.ceil(length / PART_STEP) * PART_STEP;
  if (step * count > LARGEST_PIECE) return () => kernels.allocate(type, length);
  const piece = kernels.allocate(type, step * count);
  let given = 0;
  return () => piece.view(step * given++, length);
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
