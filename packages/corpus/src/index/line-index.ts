/**
 * Novelty: where a line was copied from, and how long a run of characters a text shares with a corpus. Built from the poems
 * a model was trained on; kept in a file for the whole corpus. It does not hold the poems: `search.ts` finds those.
 */
import { foldText } from '../clean/fold-variants.ts';
import { characterCount, splitLines } from '../clean/lines.ts';
import { CorpusError } from '../errors.ts';
import type { Poem } from '../poem.ts';
import { countGrams, GramFilter } from './gram-filter.ts';
import { LineTable } from './line-table.ts';

/** Shorter lines (of ci) are common phrases, no sign of copying. */
export const MIN_LINE_CHARACTERS = 5;

export interface LineSource {
  readonly title: string;
  readonly author: string;
}

export interface CopiedLine {
  /** The line as it was given. */
  readonly line: string;
  readonly source: LineSource;
}

export interface BuildLineIndexOptions {
  /** Also keep the n-grams (default true); without them `longestSharedNgram` knows whole lines only. */
  readonly withGrams?: boolean;
}

/** What the index reads of a poem. */
export type IndexedPoem = Pick<Poem, 'author' | 'title' | 'text'>;

/** Index over the lines of `poems`, in their order: of two poems with one line, the first is named. */
export function buildLineIndex(poems: readonly IndexedPoem[], options: BuildLineIndexOptions = {}): LineIndex {
  let lineCount = 0;
  let gramCount = 0;
  const withGrams = options.withGrams ?? true;
  for (const poem of poems)
    for (const line of splitLines(poem.text)) {
      const characters = characterCount(line);
      lineCount++;
      if (withGrams) gramCount += countGrams(characters);
    }
  const table = new LineTable(lineCount);
  const grams = withGrams ? new GramFilter(gramCount) : null;
  const sources: LineSource[] = [];
  for (let poem = 0; poem < poems.length; poem++) {
    const { title, author, text } = poems[poem]!;
    sources.push({ title, author });
    for (const line of splitLines(foldText(text))) {
      if (characterCount(line) >= MIN_LINE_CHARACTERS) table.add(line, poem);
      grams?.addLine(line);
    }
  }
  return new LineIndex(table, grams, sources);
}

export class LineIndex {
  private readonly table: LineTable;
  private readonly grams: GramFilter | null;
  private readonly sources: readonly LineSource[];

  /** Use `buildLineIndex` or `LineIndex.parse`. */
  constructor(table: LineTable, grams: GramFilter | null, sources: readonly LineSource[]) {
    this.table = table;
    this.grams = grams;
    this.sources = sources;
  }

  /**
   * The lines of several indexes, without n-grams; of a line in two of them the first says where it stands. Equal sources
   * become one.
   */
  static union(indexes: readonly LineIndex[]): LineIndex {
    const numbers = new Map<string, number>();
    const sources: LineSource[] = [];
    const table = new LineTable(indexes.reduce((sum, { lineCount }) => sum + lineCount, 0));
    for (const index of indexes) {
      const own = index.sources.map((source) => {
        const name = `${source.author}\t${source.title}`;
        const number = numbers.get(name) ?? sources.push(source) - 1;
        numbers.set(name, number);
        return number;
      });
      const { hashes, poems } = index.table.entries();
      for (const [i, hash] of hashes.entries()) table.addHash(hash, own[poems[i]!]!);
    }
    return new LineIndex(table, null, sources);
  }

  /** Distinct lines of five characters or more. */
  get lineCount(): number {
    return this.table.size;
  }

  /** Where the line stands, word for word after folding variants; null when nowhere or shorter than five characters. */
  find(line: string): LineSource | null {
    const plain = splitLines(foldText(line)).join('');
    if (characterCount(plain) < MIN_LINE_CHARACTERS) return null;
    const poem = this.table.find(plain);
    return poem < 0 ? null : (this.sources[poem] ?? null);
  }

  /** Every line of a poem that stands in the corpus. */
  findCopiedLines(text: string): CopiedLine[] {
    const copied: CopiedLine[] = [];
    for (const line of splitLines(text)) {
      const source = this.find(line);
      if (source) copied.push({ line, source });
    }
    return copied;
  }

  /**
   * Characters of the longest run inside one line that the corpus has inside one line; 0 when fewer than three are shared,
   * at most 9 unless the whole line is longer and copied.
   */
  longestSharedNgram(text: string): number {
    let longest = 0;
    for (const line of splitLines(foldText(text))) {
      const whole = this.find(line) === null ? 0 : characterCount(line);
      longest = Math.max(longest, whole, this.grams?.longest(line) ?? 0);
    }
    return longest;
  }

  /**
   * The index as bytes, little-endian: magic, header length, JSON header, hash gaps and poem numbers as varints, n-gram bits,
   * then the poems' authors and titles. Worth compressing only without n-grams.
   */
  serialize(): Buffer {
    const { hashes, poems } = this.table.entries();
    const entries = encodeEntries(hashes, poems);
    const bits = this.grams?.words ?? new Uint32Array(0);
    const names = Buffer.from(this.sources.map(({ author, title }) => `${author}\t${title}`).join('\n'), 'utf8');
    const header = Buffer.from(
      JSON.stringify({
        lines: hashes.length,
        entryBytes: entries.length,
        gramWords: bits.length,
        poems: this.sources.length,
        nameBytes: names.length,
      }),
      'utf8',
    );
    const length = Buffer.alloc(4);
    length.writeUInt32LE(header.length);
    return Buffer.concat([
      MAGIC,
      length,
      header,
      entries,
      Buffer.from(bits.buffer, bits.byteOffset, bits.byteLength),
      names,
    ]);
  }

  /** @throws CorpusError `corpus-damaged` when the bytes are not an index or are cut short */
  static parse(bytes: Buffer): LineIndex {
    if (bytes.length < MAGIC.length + 4 || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged('no index');
    const headerLength = bytes.readUInt32LE(MAGIC.length);
    if (headerLength > MAX_HEADER_BYTES) throw damaged(`a header of ${headerLength} bytes`);
    let at = MAGIC.length + 4;
    const take = (length: number): Buffer => {
      if (!Number.isSafeInteger(length) || length < 0 || at + length > bytes.length) throw damaged('a cut file');
      at += length;
      return bytes.subarray(at - length, at);
    };
    let header: Record<'lines' | 'entryBytes' | 'gramWords' | 'poems' | 'nameBytes', number>;
    try {
      header = JSON.parse(take(headerLength).toString('utf8'));
    } catch (cause) {
      throw cause instanceof CorpusError ? cause : damaged('a broken header');
    }
    const entries = take(header.entryBytes);
    const bits = take(header.gramWords * 4);
    const names = take(header.nameBytes).toString('utf8');
    const sources = header.poems === 0 ? [] : names.split('\n').map(readSource);
    if (sources.length !== header.poems) throw damaged('a broken list of poems');
    const table = new LineTable(header.lines);
    decodeEntries(entries, header.lines, (hash, poem) => table.addHash(hash, poem));
    // A copy: the filter wants words aligned to four bytes, which a slice of the file need not be.
    const words = new Uint32Array(new Uint8Array(bits).buffer);
    return new LineIndex(table, words.length > 0 ? new GramFilter(0, words) : null, sources);
  }
}

const MAGIC = Buffer.from('TQLINES1', 'latin1');
/** The header is five numbers; anything longer is not ours. */
const MAX_HEADER_BYTES = 4096;

function readSource(row: string): LineSource {
  const tab = row.indexOf('\t');
  return { author: row.slice(0, tab), title: row.slice(tab + 1) };
}

function encodeEntries(hashes: Float64Array, poems: Uint32Array): Buffer {
  // A gap of 40-bit hashes takes at most 6 bytes, a poem number at most 5.
  const bytes = Buffer.allocUnsafe(hashes.length * 11);
  let at = 0;
  const put = (value: number): void => {
    let rest = value;
    while (rest >= 0x80) {
      bytes[at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    bytes[at++] = rest;
  };
  let last = 0;
  for (let i = 0; i < hashes.length; i++) {
    put(hashes[i]! - last);
    put(poems[i]!);
    last = hashes[i]!;
  }
  return bytes.subarray(0, at);
}

function decodeEntries(bytes: Buffer, count: number, visit: (hash: number, poem: number) => void): void {
  let at = 0;
  const get = (): number => {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw damaged('a cut list of lines');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
  };
  let hash = 0;
  for (let i = 0; i < count; i++) {
    hash += get();
    visit(hash, get());
  }
}

function damaged(got: string): CorpusError {
  return new CorpusError('corpus-damaged', `line index: expected a line index file, got ${got}`, {
    hint: 'Remove the file; it is built again on demand.',
  });
}
