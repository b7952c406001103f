/**
 * The starter corpus that comes with the package: about 12 thousand regulated poems and ci, quality first, with the labels and
 * split of the full corpus, so that nothing has to be downloaded to begin. Column by column, brotli: 1.2 MB. Its test
 * members are the exception to "quality first": they are drawn at random, faults and all, to be the control that models are
 * measured against. Chosen by `tools/corpus/build-starter.mjs`.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress, constants } from 'node:zlib';
import { splitLines, uniformLength } from './clean/lines.ts';
import { CorpusError } from './errors.ts';
import { themeOfTitle } from './label/theme.ts';
import type { Dynasty, Poem, PoemLabels } from './poem.ts';

const STARTER_FILE = new URL('../data/starter.json.br', import.meta.url);
const FORMAT = 1;

/** Every list has one entry a poem, in one order; numbers index the lists of names. */
interface StarterColumns {
  readonly format: number;
  readonly corpusVersion: number;
  readonly names: {
    readonly authors: readonly string[];
    readonly sources: readonly { readonly source: string; readonly dynasty: Dynasty }[];
    readonly forms: readonly (string | null)[];
    readonly rhymes: readonly (string | null)[];
    readonly tunes: readonly (string | null)[];
  };
  /** UUIDs as 22 characters of base64url, other ids as they are. */
  readonly ids: readonly string[];
  readonly titles: readonly string[];
  /** Equal lines without punctuation; anything else as it is. */
  readonly texts: readonly string[];
  readonly author: readonly number[];
  readonly source: readonly number[];
  readonly form: readonly number[];
  readonly rhyme: readonly number[];
  readonly tune: readonly number[];
  /** 0 none · 1 平起 · 2 仄起; + 4 when it is known whether the first line rhymes, + 8 when it does; + 16 flawless. */
  readonly flags: readonly number[];
  /** −1 for null. */
  readonly faults: readonly number[];
  /** Difference to the poem before. */
  readonly clusterSteps: readonly number[];
  /** 0 train · 1 validation · 2 test. */
  readonly split: readonly number[];
}

const SPLITS: readonly PoemLabels['split'][] = ['train', 'validation', 'test'];
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The starter corpus. @throws CorpusError `corpus-missing`, `corpus-damaged` when the package's own file is not whole */
export async function loadStarter(): Promise<Poem[]> {
  let packed: Buffer;
  try {
    packed = await readFile(fileURLToPath(STARTER_FILE));
  } catch (cause) {
    throw new CorpusError('corpus-missing', 'load starter: expected the package’s own data file, got none', {
      hint: 'Install @tuiqiao/corpus again.',
      cause,
    });
  }
  return decodeStarter(packed);
}

/** Poems → the bytes of a starter file. */
export async function encodeStarter(poems: readonly Poem[], corpusVersion: number): Promise<Buffer> {
  const authors = new NameList<string>();
  const sources = new NameList<{ source: string; dynasty: Dynasty }>();
  const forms = new NameList<string | null>();
  const rhymes = new NameList<string | null>();
  const tunes = new NameList<string | null>();
  let lastCluster = 0;
  const clusterSteps = poems.map(({ labels }) => {
    const step = labels.cluster - lastCluster;
    lastCluster = labels.cluster;
    return step;
  });
  const columns: StarterColumns = {
    format: FORMAT,
    corpusVersion,
    ids: poems.map((poem) => packId(poem.id)),
    titles: poems.map((poem) => poem.title),
    texts: poems.map((poem) => packText(poem.text)),
    author: poems.map((poem) => authors.place(poem.author)),
    source: poems.map(({ source, dynasty }) => sources.place({ source, dynasty })),
    form: poems.map(({ labels }) => forms.place(labels.form)),
    rhyme: poems.map(({ labels }) => rhymes.place(labels.rhyme)),
    tune: poems.map(({ labels }) => tunes.place(labels.tune)),
    flags: poems.map(({ labels }) => packFlags(labels)),
    faults: poems.map(({ labels }) => labels.faults ?? -1),
    clusterSteps,
    split: poems.map(({ labels }) => SPLITS.indexOf(labels.split)),
    names: {
      authors: authors.names,
      sources: sources.names,
      forms: forms.names,
      rhymes: rhymes.names,
      tunes: tunes.names,
    },
  };
  const content = Buffer.from(JSON.stringify(columns), 'utf8');
  return promisify(brotliCompress)(content, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });
}

/** @throws CorpusError `corpus-damaged` */
export async function decodeStarter(packed: Buffer): Promise<Poem[]> {
  let columns: StarterColumns;
  try {
    columns = JSON.parse((await promisify(brotliDecompress)(packed)).toString('utf8'));
  } catch (cause) {
    throw damaged('unreadable bytes', cause);
  }
  if (columns.format !== FORMAT) throw damaged(`format ${columns.format}`);
  const { names } = columns;
  let cluster = 0;
  return columns.ids.map((packedId, i) => {
    cluster += columns.clusterSteps[i]!;
    const { source, dynasty } = names.sources[columns.source[i]!]!;
    const title = columns.titles[i]!;
    const form = names.forms[columns.form[i]!]!;
    const flags = columns.flags[i]!;
    const faults = columns.faults[i]!;
    return {
      id: unpackId(packedId),
      source,
      dynasty,
      author: names.authors[columns.author[i]!]!,
      title,
      text: unpackText(columns.texts[i]!),
      labels: {
        form,
        start: (flags & 3) === 0 ? null : (flags & 3) === 1 ? '平起' : '仄起',
        firstLineRhymes: (flags & 4) === 0 ? null : (flags & 8) !== 0,
        rhyme: names.rhymes[columns.rhyme[i]!]!,
        tune: names.tunes[columns.tune[i]!]!,
        theme: source.startsWith('ci.') ? null : themeOfTitle(title),
        faults: faults < 0 ? null : faults,
        isFlawless: (flags & 16) !== 0,
        cluster,
        split: SPLITS[columns.split[i]!]!,
      },
    };
  });
}

class NameList<T> {
  readonly names: T[] = [];
  private readonly places = new Map<string, number>();

  place(name: T): number {
    const key = JSON.stringify(name);
    const known = this.places.get(key);
    if (known !== undefined) return known;
    this.places.set(key, this.names.length);
    return this.names.push(name) - 1;
  }
}

function packFlags({ start, firstLineRhymes, isFlawless }: PoemLabels): number {
  const startBits = start === null ? 0 : start === '平起' ? 1 : 2;
  const rhymeBits = firstLineRhymes === null ? 0 : firstLineRhymes ? 12 : 4;
  return startBits | rhymeBits | (isFlawless ? 16 : 0);
}

function packId(id: string): string {
  return UUID.test(id) ? Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url') : id;
}

function unpackId(packed: string): string {
  if (packed.length !== 22 || packed.includes(':')) return packed;
  const hex = Buffer.from(packed, 'base64url').toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** `length:characters`, because a couplet's punctuation says nothing that the line length does not. */
function packText(text: string): string {
  const lines = splitLines(text);
  const length = uniformLength(lines);
  const packed = `${length}${lines.join('')}`;
  return (length === 5 || length === 7) && unpackText(packed) === text ? packed : text;
}

function unpackText(packed: string): string {
  const length = Number(packed[0]);
  if (length !== 5 && length !== 7) return packed;
  const characters = [...packed.slice(1)];
  let text = '';
  for (let i = 0; i < characters.length; i += length)
    text += characters.slice(i, i + length).join('') + ((i / length) % 2 === 0 ? '，' : '。');
  return text;
}

function damaged(got: string, cause?: unknown): CorpusError {
  return new CorpusError('corpus-damaged', `load starter: expected the package’s own data file, got ${got}`, {
    hint: 'Install @tuiqiao/corpus again.',
    cause,
  });
}
