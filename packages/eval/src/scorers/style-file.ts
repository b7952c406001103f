/** The shipped style classifiers: dynasties and poets, with the accuracy measured when they were trained. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import type { Rate } from '../intervals.ts';
import type { Calibration } from '../reference/calibration.ts';
import { openStyle, type StyleClassifier, type StyleWeights } from './style.ts';

const STYLE_FILE = new URL('../../data/style.bin.br', import.meta.url);
const FORMAT = 1;

/** How far a classifier can be trusted. */
export interface StyleAccuracy {
  /** Held-out poems given to the right label. */
  readonly accuracy: Rate;
  /** Mean share of the right ones over the labels. */
  readonly balancedAccuracy: number;
  /** Share of the commonest label among the held-out poems: what always saying it would reach. */
  readonly majority: number;
  /** Of the probabilities the classifier states, on the same poems. */
  readonly calibration: Calibration;
  /** Poems trained on. */
  readonly trainedOn: number;
}

export interface StylePart extends StyleAccuracy {
  readonly classifier: StyleClassifier;
}

export interface StyleModel {
  readonly dynasty: StylePart;
  readonly author: StylePart;
}

type PartName = keyof StyleModel;
type StoredPart = StyleAccuracy & { readonly weights: StyleWeights };

interface Header {
  readonly format: number;
  readonly parts: Readonly<Record<PartName, StyleAccuracy & { readonly weights: Omit<StyleWeights, 'nibbles'> }>>;
}

const PARTS: readonly PartName[] = ['dynasty', 'author'];

/** Header as JSON with its length in front, then the weights of both parts. */
export async function encodeStyle(parts: Readonly<Record<PartName, StoredPart>>): Promise<Buffer> {
  const bare = (name: PartName): Header['parts'][PartName] => {
    const { weights, ...facts } = parts[name];
    const { nibbles: _nibbles, ...rest } = weights;
    return { ...facts, weights: rest };
  };
  const header: Header = { format: FORMAT, parts: { dynasty: bare('dynasty'), author: bare('author') } };
  const text = Buffer.from(JSON.stringify(header), 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const bytes = Buffer.concat([length, text, ...PARTS.map((name) => parts[name].weights.nibbles)]);
  return promisify(brotliCompress)(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
}

/** @throws RangeError when the bytes are no style file of this format */
export async function decodeStyle(packed: Buffer): Promise<StyleModel> {
  const bytes = await promisify(brotliDecompress)(packed);
  const end = 4 + bytes.readUInt32LE(0);
  const header = JSON.parse(bytes.toString('utf8', 4, end)) as Header;
  if (header.format !== FORMAT) throw new RangeError(`decodeStyle: expected format ${FORMAT}, got ${header.format}`);
  let at = end;
  const part = (name: PartName): StylePart => {
    const { weights, ...facts } = header.parts[name];
    const size = (weights.labels.length * weights.buckets) / 2;
    const nibbles = new Uint8Array(bytes.subarray(at, at + size));
    if (nibbles.length !== size) throw new RangeError(`decodeStyle: expected ${size} bytes, got ${nibbles.length}`);
    at += size;
    return { ...facts, classifier: openStyle({ ...weights, nibbles }) };
  };
  const dynasty = part('dynasty');
  return { dynasty, author: part('author') };
}

/** The classifiers that come with the package. */
export async function loadStyle(): Promise<StyleModel> {
  return decodeStyle(await readFile(fileURLToPath(STYLE_FILE)));
}
