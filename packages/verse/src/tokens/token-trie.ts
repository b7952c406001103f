/**
 * A vocabulary as a trie over characters. A token may begin with the last bytes of a character that the token before it
 * began, and end with the first bytes of one that the next must finish: roots are by the bytes a token begins with,
 * tails by those it ends with. Tokens with anything that is neither a character of the inventory nor a mark are not in it.
 */
import type { CharacterInventory } from '@tuiqiao/prosody';
import { bytesOf, characterLength } from './token-bytes.ts';

/** Marks of verse, as the automaton has them. */
export const MARKS: readonly string[] = ['，', '。', '、', '\n'];

export interface TrieNode {
  /** Ids of tokens that end here. */
  readonly tokens: readonly number[];
  /** Tokens that end with the next character: its inventory index and the id, as many as there are tokens. */
  readonly lastIndexes: Int32Array;
  readonly lastIds: Int32Array;
  /** Tokens of two characters more after which none goes on: most words of a vocabulary. */
  readonly pairs: PairTokens;
  /** Inventory indexes of the next characters that other tokens go on from, and the node of each. */
  readonly indexes: Int32Array;
  readonly children: readonly TrieNode[];
  readonly marks: ReadonlyMap<string, TrieNode>;
  /** Tokens that end with the first bytes of a further character: the characters those may become, and the ids. */
  readonly tails: readonly { readonly prefix: PrefixSet; readonly ids: readonly number[] }[];
  /** Longer tokens go on from here. */
  readonly isInner: boolean;
}

/** Flat, since every mask looks through all of them. */
export interface PairTokens {
  /** Inventory indexes of the first characters, each once. */
  readonly firsts: Int32Array;
  /** Where the tokens of each first character begin in the two lists below, and where the last ones end. */
  readonly starts: Int32Array;
  readonly seconds: Int32Array;
  readonly ids: Int32Array;
}

/** A node while the trie is being built. */
interface Draft {
  readonly tokens: number[];
  readonly children: Map<number, Draft>;
  readonly marks: Map<string, Draft>;
  readonly tails: Map<string, number[]>;
}

/** The characters that begin with certain bytes and can be finished from there, as sparse words of a bit set. */
export interface PrefixSet {
  readonly words: Int32Array;
  readonly bits: Uint32Array;
  readonly marks: readonly string[];
}

export interface TokenTrie {
  /** By the continuation bytes that tokens begin with; '' for tokens that begin with a whole character or its start. */
  readonly roots: ReadonlyMap<string, TrieNode>;
  readonly prefixes: ReadonlyMap<string, PrefixSet>;
  /** Characters and marks of the longest token. */
  readonly longest: number;
}

const isContinuation = (byte: number): boolean => byte >= 0x80 && byte < 0xc0;

/** No more bytes of a character can come from elsewhere. */
const MAX_LEAD = 3;

const emptyNode = (): Draft => ({ tokens: [], children: new Map(), marks: new Map(), tails: new Map() });

/**
 * Whether a character can be finished when its first k bytes are there, for k from 0: some tokens hold exactly the rest.
 */
export function finishable(bytes: string, hasToken: (bytes: string) => boolean): boolean[] {
  const reach = new Array<boolean>(bytes.length + 1).fill(false);
  reach[bytes.length] = true;
  for (let from = bytes.length - 1; from >= 0; from--) {
    for (let to = bytes.length; to > from && !reach[from]; to--) {
      reach[from] = reach[to]! && hasToken(bytes.slice(from, to));
    }
  }
  return reach;
}

/**
 * @param tokens every token that writes text, as [id, bytes]
 */
export function buildTokenTrie(tokens: Iterable<readonly [number, string]>, inventory: CharacterInventory): TokenTrie {
  const all = [...tokens];
  const known = new Set(all.map(([, bytes]) => bytes));
  const characterBytes = inventory.characters.map(bytesOf);
  const symbols = new Map<string, number | string>(characterBytes.map((bytes, index) => [bytes, index]));
  for (const mark of MARKS) symbols.set(bytesOf(mark), mark);
  const prefixes = collectPrefixes(characterBytes, (bytes) => known.has(bytes));
  const drafts = new Map<string, Draft>([['', emptyNode()]]);
  let longest = 1;
  for (const [id, bytes] of all) longest = Math.max(longest, insert(drafts, prefixes, symbols, id, bytes));
  const roots = new Map([...drafts].map(([lead, draft]) => [lead, freeze(draft, prefixes)]));
  return { roots, prefixes, longest };
}

function freeze(draft: Draft, prefixes: ReadonlyMap<string, PrefixSet>): TrieNode {
  const { tokens, children, marks, tails } = draft;
  const last = lastTokens(children);
  const inner = [...children].filter(([, child]) => isInner(child));
  const others = inner.filter(([, child]) => !endsNext(child));
  return {
    tokens,
    lastIndexes: Int32Array.from(last, ([index]) => index),
    lastIds: Int32Array.from(last, ([, id]) => id),
    pairs: listPairs(inner.filter(([, child]) => endsNext(child))),
    indexes: Int32Array.from(others, ([index]) => index),
    children: others.map(([, child]) => freeze(child, prefixes)),
    marks: new Map([...marks].map(([mark, child]) => [mark, freeze(child, prefixes)])),
    tails: [...tails].map(([prefix, ids]) => ({ prefix: prefixes.get(prefix)!, ids })),
    isInner: isInner(draft),
  };
}

/** Tokens that end with the next character. */
const lastTokens = (children: ReadonlyMap<number, Draft>): (readonly [number, number])[] =>
  [...children].flatMap(([index, child]) => child.tokens.map((id) => [index, id] as const));

function listPairs(children: readonly (readonly [number, Draft])[]): PairTokens {
  const seconds = children.map(([, child]) => lastTokens(child.children));
  const starts = new Int32Array(children.length + 1);
  for (const [i, own] of seconds.entries()) starts[i + 1] = starts[i]! + own.length;
  return {
    firsts: Int32Array.from(children, ([index]) => index),
    starts,
    seconds: Int32Array.from(seconds.flat(), ([index]) => index),
    ids: Int32Array.from(seconds.flat(), ([, id]) => id),
  };
}

/** Whether all that goes on from here ends with the next character. */
const endsNext = ({ children, marks, tails }: Draft): boolean =>
  marks.size + tails.size === 0 && ![...children.values()].some(isInner);

function isInner({ children, marks, tails }: Draft): boolean {
  return children.size + marks.size + tails.size > 0;
}

/** Puts one token in its place; returns how many symbols it holds, 0 when it is left out. */
function insert(
  roots: Map<string, Draft>,
  prefixes: ReadonlyMap<string, PrefixSet>,
  symbols: ReadonlyMap<string, number | string>,
  id: number,
  bytes: string,
): number {
  let at = 0;
  while (at < bytes.length && isContinuation(bytes.charCodeAt(at))) at++;
  if (at > MAX_LEAD) return 0;
  const path: (number | string)[] = [];
  const lead = bytes.slice(0, at);
  let tail = '';
  while (at < bytes.length) {
    const length = characterLength(bytes.charCodeAt(at));
    if (length === 0) return 0;
    const character = bytes.slice(at, at + length);
    if (character.length < length) {
      if (!prefixes.has(character)) return 0;
      tail = character;
    } else {
      const symbol = symbols.get(character);
      if (symbol === undefined) return 0;
      path.push(symbol);
    }
    at += length;
  }
  let node = roots.get(lead);
  if (node === undefined) {
    node = emptyNode();
    roots.set(lead, node);
  }
  for (const symbol of path) node = childOf(node, symbol);
  if (tail === '') node.tokens.push(id);
  else node.tails.set(tail, [...(node.tails.get(tail) ?? []), id]);
  return path.length + 1;
}

function childOf(node: Draft, symbol: number | string): Draft {
  const existing = typeof symbol === 'number' ? node.children.get(symbol) : node.marks.get(symbol);
  if (existing !== undefined) return existing;
  const child = emptyNode();
  if (typeof symbol === 'number') node.children.set(symbol, child);
  else node.marks.set(symbol, child);
  return child;
}

function collectPrefixes(
  characterBytes: readonly string[],
  hasToken: (bytes: string) => boolean,
): Map<string, PrefixSet> {
  const words = new Map<string, Map<number, number>>();
  for (const [index, bytes] of characterBytes.entries()) {
    if (bytes.length < 2) continue;
    const reach = finishable(bytes, hasToken);
    for (let length = 1; length < bytes.length; length++) {
      if (!reach[length]) continue;
      const prefix = bytes.slice(0, length);
      let own = words.get(prefix);
      if (own === undefined) {
        own = new Map();
        words.set(prefix, own);
      }
      own.set(index >>> 5, (own.get(index >>> 5) ?? 0) | (1 << (index & 31)));
    }
  }
  const marks = new Map<string, string[]>();
  for (const mark of MARKS) {
    const bytes = bytesOf(mark);
    const reach = finishable(bytes, hasToken);
    for (let length = 1; length < bytes.length; length++) {
      if (reach[length]) marks.set(bytes.slice(0, length), [...(marks.get(bytes.slice(0, length)) ?? []), mark]);
    }
  }
  const prefixes = new Map<string, PrefixSet>();
  for (const prefix of new Set([...words.keys(), ...marks.keys()])) {
    const own = words.get(prefix) ?? new Map<number, number>();
    prefixes.set(prefix, {
      words: Int32Array.from(own.keys()),
      bits: Uint32Array.from(own.values()),
      marks: marks.get(prefix) ?? [],
    });
  }
  return prefixes;
}
