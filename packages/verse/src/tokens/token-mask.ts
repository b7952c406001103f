/**
 * From what characters may come next to what tokens may: exact for tokens of several characters, of parts of a
 * character, and of characters with marks glued to them. A token is allowed when the poem can still be finished after it.
 */
import type { AllowedSet, AutomatonState, LookAhead, PoemAutomaton } from '@tuiqiao/prosody';
import { characterLength } from './token-bytes.ts';
import type { PrefixSet, TokenTrie, TrieNode } from './token-trie.ts';

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
  readonly allowed: AllowedSet;
  /** Of the states that a longer token passes; asked for when the first one does. */
  ahead: LookAhead | undefined;
  /** What follows characters of a kind. */
  readonly after: Map<number, AutomatonState | null>;
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
    const view = this.#view(state);
    switch (view.allowed.kind) {
      case 'end':
        return;
      case 'mark':
        this.#visitMark(node, state, view.allowed.mark);
        return;
      case 'characters':
        this.#visitCharacters(node, state, view, view.allowed.bits);
        return;
      default:
        view.allowed satisfies never;
    }
  }

  #view(state: AutomatonState): StateView {
    const known = this.#views.get(state);
    if (known !== undefined) return known;
    const view: StateView = {
      allowed: this.#automaton.allowed(state),
      ahead: undefined,
      after: new Map<number, AutomatonState | null>(),
    };
    this.#views.set(state, view);
    return view;
  }

  #visitMark(node: TrieNode, state: AutomatonState, mark: string): void {
    const child = node.marks.get(mark);
    if (child !== undefined) {
      this.#add(child.tokens);
      if (child.isInner) this.#descend(MARK, child, this.#automaton.advance(state, mark));
    }
    for (const { prefix, ids } of node.tails) if (prefix.marks.includes(mark)) this.#add(ids);
  }

  #visitCharacters(node: TrieNode, state: AutomatonState, view: StateView, bits: Uint32Array): void {
    this.#addLast(node, bits);
    const { indexes, children, tails } = node;
    for (let i = 0; i < indexes.length; i++) {
      const index = indexes[i]!;
      if (((bits[index >>> 5]! >>> (index & 31)) & 1) === 0 || this.#isRepeated(index)) continue;
      const child = children[i]!;
      const next = this.#after(state, view, index);
      if (next === null) continue;
      this.#path.push(index);
      const following = child.endsNext ? this.#view(next).allowed : null;
      // Nearly every word of a vocabulary has two characters: no need to visit the second.
      if (following?.kind === 'characters') this.#addLast(child, following.bits);
      else if (following === null) this.visit(child, next);
      this.#path.pop();
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

  #after(state: AutomatonState, view: StateView, index: number): AutomatonState | null {
    view.ahead ??= this.#automaton.lookAhead(state, this.#trie.longest);
    const { ahead, after } = view;
    const kind = ahead.kindOf(index);
    if (kind === null) return this.#automaton.advanceIndex(state, index);
    let next = after.get(kind);
    if (next === undefined) {
      next = ahead.after(index);
      after.set(kind, next);
    }
    return next;
  }

  #descend(symbol: number, child: TrieNode, state: AutomatonState | null): void {
    if (state === null) return;
    this.#path.push(symbol);
    this.visit(child, state);
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
