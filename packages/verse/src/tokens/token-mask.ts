/**
 * From what characters may come next to what tokens may: exact for tokens of several characters, of parts of a
 * character, and of characters with marks glued to them. A token is allowed when the poem can still be finished after it.
 */
import type { AllowedSet, AutomatonState, LookAhead, PoemAutomaton } from '@tuiqiao/prosody';
import { characterLength } from './token-bytes.ts';
import type { PairTokens, PrefixSet, TokenTrie, TrieNode } from './token-trie.ts';

/** How far the text has come: whole characters in the automaton, the first bytes of the next one beside it. */
export interface TextPosition {
  readonly state: AutomatonState;
  /** Bytes of a character that is not complete; '' between characters. */
  readonly pending: string;
}

/** Stands for a mark on the path of a token. */
const MARK = -1;

/** Sets the bits of every token that may follow `position`; not the end token's. */
export function markTokens(mask: Uint32Array, automaton: PoemAutomaton, trie: TokenTrie, position: TextPosition): void {
  const walk = new TokenWalk(mask, automaton, trie);
  if (position.pending === '') walk.visit(trie.roots.get('')!, position.state);
  else walk.finish(position.state, position.pending);
}

/** What is asked of one state, asked once: thousands of tokens pass through the same few states. */
interface StateView {
  readonly state: AutomatonState;
  readonly allowed: AllowedSet;
  /** Of the states that a longer token passes; asked for when the first one does. */
  ahead: LookAhead | undefined;
  /** What follows characters of a kind, by its number. */
  readonly after: (StateView | null | undefined)[];
}

class TokenWalk {
  readonly #mask: Uint32Array;
  readonly #automaton: PoemAutomaton;
  readonly #trie: TokenTrie;
  readonly #views = new Map<AutomatonState, StateView>();
  /** Inventory indexes of the token's characters so far. */
  readonly #path: number[] = [];

  constructor(mask: Uint32Array, automaton: PoemAutomaton, trie: TokenTrie) {
    this.#mask = mask;
    this.#automaton = automaton;
    this.#trie = trie;
  }

  /** Tokens under a node whose characters so far have led to `state`. */
  visit(node: TrieNode, state: AutomatonState): void {
    this.#visit(node, this.#view(state));
  }

  #visit(node: TrieNode, view: StateView): void {
    const { allowed } = view;
    switch (allowed.kind) {
      case 'end':
        return;
      case 'mark':
        this.#visitMark(node, view.state, allowed.mark);
        return;
      case 'characters':
        this.#addLast(node, allowed.bits);
        this.#addPairs(node.pairs, view, allowed.bits);
        this.#visitCharacters(node, view, allowed.bits);
        return;
      default:
        allowed satisfies never;
    }
  }

  #view(state: AutomatonState): StateView {
    const known = this.#views.get(state);
    if (known !== undefined) return known;
    const view: StateView = { state, allowed: this.#automaton.allowed(state), ahead: undefined, after: [] };
    this.#views.set(state, view);
    return view;
  }

  #visitMark(node: TrieNode, state: AutomatonState, mark: string): void {
    const child = node.marks.get(mark);
    if (child !== undefined) {
      this.#add(child.tokens);
      const next = child.isInner ? this.#automaton.advance(state, mark) : null;
      if (next !== null) this.#descend(MARK, child, this.#view(next));
    }
    for (const { prefix, ids } of node.tails) if (prefix.marks.includes(mark)) this.#add(ids);
  }

  #visitCharacters({ indexes, children, tails }: TrieNode, view: StateView, bits: Uint32Array): void {
    for (let i = 0; i < indexes.length; i++) {
      const index = indexes[i]!;
      if (((bits[index >>> 5]! >>> (index & 31)) & 1) === 0 || this.#isRepeated(index)) continue;
      const next = this.#after(view, index);
      if (next !== null) this.#descend(index, children[i]!, next);
    }
    for (const { prefix, ids } of tails) if (this.#hasCharacter(prefix, bits)) this.#add(ids);
  }

  /** Tokens that end with the next character. */
  #addLast({ lastIndexes, lastIds }: TrieNode, bits: Uint32Array): void {
    const mask = this.#mask;
    const mayRepeat = !this.#automaton.forbidsRepeats || this.#path.length === 0;
    for (let i = 0; i < lastIndexes.length; i++) {
      const index = lastIndexes[i]!;
      if (((bits[index >>> 5]! >>> (index & 31)) & 1) === 0) continue;
      if (!mayRepeat && this.#isRepeated(index)) continue;
      const id = lastIds[i]!;
      mask[id >>> 5]! |= 1 << (id & 31);
    }
  }

  /** Tokens that end with the character after the next: nearly every word of a vocabulary has two. */
  #addPairs({ firsts, starts, seconds, ids }: PairTokens, view: StateView, bits: Uint32Array): void {
    const mask = this.#mask;
    const mayRepeat = !this.#automaton.forbidsRepeats;
    for (let i = 0; i < firsts.length; i++) {
      const first = firsts[i]!;
      if (((bits[first >>> 5]! >>> (first & 31)) & 1) === 0 || this.#isRepeated(first)) continue;
      const following = this.#after(view, first)?.allowed;
      if (following?.kind !== 'characters') continue;
      this.#path.push(first);
      for (let j = starts[i]!; j < starts[i + 1]!; j++) {
        const second = seconds[j]!;
        if (((following.bits[second >>> 5]! >>> (second & 31)) & 1) === 0) continue;
        if (!mayRepeat && this.#isRepeated(second)) continue;
        const id = ids[j]!;
        mask[id >>> 5]! |= 1 << (id & 31);
      }
      this.#path.pop();
    }
  }

  #after(view: StateView, index: number): StateView | null {
    view.ahead ??= this.#automaton.lookAhead(view.state, this.#trie.longest);
    const kind = view.ahead.kindOf(index);
    if (kind === null) {
      const own = this.#automaton.advanceIndex(view.state, index);
      return own === null ? null : this.#view(own);
    }
    let next = view.after[kind];
    if (next === undefined) {
      const state = view.ahead.after(index);
      next = state === null ? null : this.#view(state);
      view.after[kind] = next;
    }
    return next;
  }

  #descend(symbol: number, child: TrieNode, view: StateView): void {
    this.#path.push(symbol);
    this.#visit(child, view);
    this.#path.pop();
  }

  /** Tokens that go on with a character of which the first bytes are there. */
  finish(state: AutomatonState, pending: string): void {
    const { allowed } = this.#view(state);
    if (allowed.kind === 'end') return;
    for (const [lead, root] of this.#trie.roots) {
      if (lead === '') continue;
      const bytes = pending + lead;
      const prefix = this.#trie.prefixes.get(bytes);
      if (prefix !== undefined) {
        const isOpen =
          allowed.kind === 'mark' ? prefix.marks.includes(allowed.mark) : this.#hasCharacter(prefix, allowed.bits);
        // Nothing can follow the lead inside such a token: it would not be UTF-8.
        if (isOpen) this.#add(root.tokens);
        continue;
      }
      const character = decodeCharacter(bytes);
      const next = character === null ? null : this.#automaton.advance(state, character);
      if (next === null) continue;
      this.#add(root.tokens);
      // The automaton itself remembers this character: it is no part of the token's path.
      if (root.isInner) this.visit(root, next);
    }
  }

  /** Whether a character on the token's own path may not come again; what was written before it the bits know. */
  #isRepeated(index: number): boolean {
    if (!this.#automaton.forbidsRepeats) return false;
    const place = this.#path.indexOf(index);
    // 叠字: directly after itself, once.
    return place >= 0 && !(this.#automaton.allowsDoubling && place === this.#path.length - 1);
  }

  #hasCharacter({ words, bits }: PrefixSet, allowed: Uint32Array): boolean {
    for (let i = 0; i < words.length; i++) {
      for (let rest = bits[i]! & allowed[words[i]!]!; rest !== 0; rest &= rest - 1) {
        if (!this.#isRepeated(words[i]! * 32 + 31 - Math.clz32(rest & -rest))) return true;
      }
    }
    return false;
  }

  #add(ids: readonly number[]): void {
    for (const id of ids) this.#mask[id >>> 5]! |= 1 << (id & 31);
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The character that the bytes are, complete; null when they are not one. */
function decodeCharacter(bytes: string): string | null {
  if (characterLength(bytes.charCodeAt(0)) !== bytes.length) return null;
  try {
    return decoder.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
  } catch {
    return null;
  }
}

/** Where the text stands after a token's bytes; null when they are not allowed there. `onCharacter` hears each whole one. */
export function advanceBytes(
  automaton: PoemAutomaton,
  position: TextPosition,
  bytes: string,
  onCharacter?: (character: string) => void,
): TextPosition | null {
  let { state, pending } = position;
  for (const byte of bytes) {
    pending += byte;
    const length = characterLength(pending.charCodeAt(0));
    if (length === 0) return null;
    if (pending.length < length) continue;
    const character = decodeCharacter(pending);
    const next = character === null ? null : automaton.advance(state, character);
    if (next === null) return null;
    onCharacter?.(character!);
    state = next;
    pending = '';
  }
  return { state, pending };
}
