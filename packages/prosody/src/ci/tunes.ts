/** The 817 tunes of 《钦定词谱》 with 龙榆生's variants: found by any of their names, parsed when first asked for. */
import { simplifyCharacter } from '../scripts.ts';
import { useTable } from '../table-store.ts';
import type { Tune } from './tune.ts';
import { parseBody, parseHeader, type TuneHeader } from './tune-format.ts';

interface NameIndex {
  readonly headers: readonly TuneHeader[];
  readonly ids: ReadonlyMap<string, number>;
}

/** Longer than the name of any tune, in UTF-16 units. */
const LONGEST_PLAIN_NAME = 24;
/** What parts a name from a title, or from another name. */
const MAY_END_NAME = /[・·‧•\s（(]/u;

let nameIndex: NameIndex | undefined;
const parsed: (Tune | undefined)[] = [];
let all: readonly Tune[] | undefined;

/**
 * A tune by its name or an alias (别名), traditional or simplified; a title behind a dot, space or bracket is left out
 * (念奴娇·赤壁怀古), and of 《全宋词》's `别名・本名` (katakana dot) the second is taken. Where two tunes share an alias,
 * the one whose pattern the Song texts under it fit best; an alias whose texts mostly do not fit is not followed.
 */
export function findTune(nameOrAlias: string): Tune | undefined {
  // A line of verse is no name: most texts without a heading are known by this alone.
  if (nameOrAlias.length > LONGEST_PLAIN_NAME && !MAY_END_NAME.test(nameOrAlias)) return undefined;
  // Compared in simplified script: traditional to simplified loses nothing that tells two tunes apart.
  const name = Array.from(nameOrAlias.trim(), simplifyCharacter).join('');
  const { ids } = names();
  const dotted = name.split('・');
  const candidates = [
    name,
    ...(dotted.length > 1 ? [dotted.at(-1)!, dotted[0]!] : []),
    name.split(/[·‧•\s（(]/u, 1)[0]!,
  ];
  for (const candidate of candidates) {
    const id = ids.get(candidate);
    if (id !== undefined) return tuneAt(id);
  }
  return undefined;
}

/** Every tune, in the book's order. */
export function tunes(): readonly Tune[] {
  all ??= useTable('tunes').CIPU.map((_, id) => tuneAt(id));
  return all;
}

function tuneAt(id: number): Tune {
  const known = parsed[id];
  if (known !== undefined) return known;
  const header = names().headers[id]!;
  const body = parseBody(useTable('tunes').CIPU[id]!);
  const tune: Tune = {
    id,
    name: header.name,
    traditional: header.traditional,
    aliases: [...header.aliases].sort((a, b) => b.hits - a.hits).map((alias) => alias.name),
    corpusCount: header.corpusCount,
    variants: body.variants,
    practices: body.practices,
  };
  parsed[id] = tune;
  return tune;
}

function names(): NameIndex {
  if (nameIndex !== undefined) return nameIndex;
  const headers = useTable('tunes').CIPU.map(parseHeader);
  const ids = new Map<string, number>();
  const strength = new Map<string, number>();
  for (const [id, header] of headers.entries()) {
    for (const alias of header.aliases) {
      // The book's word counts as one text: it decides where no collection uses the name.
      const own = alias.hits - alias.misses + (alias.isInBook ? 1 : 0);
      if (own < (strength.get(alias.name) ?? 0)) continue;
      strength.set(alias.name, own);
      ids.set(alias.name, id);
    }
  }
  for (const [id, header] of headers.entries()) ids.set(header.name, id);
  nameIndex = { headers, ids };
  return nameIndex;
}
