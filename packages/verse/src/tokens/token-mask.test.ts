// The token layer: exact for tokens of several characters, parts of characters, and marks glued to characters.
import { loadStarter, type Poem, requestOf } from '@tuiqiao/corpus';
import type { Tokenizer } from '@tuiqiao/lm';
import { check, compilePlan, createInventory, type FormPlan, loadBook, type PoemAutomaton } from '@tuiqiao/prosody';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createPoemConstraint } from '../constraint.ts';
import { compileRequest, type WritingRequest } from '../request-plan.ts';
import { createTokenInventory, type TokenInventory } from '../token-inventory.ts';
import { createByteLevelTokenizer } from './byte-level.case.ts';
import { bytesOf, createTokenBytes } from './token-bytes.ts';
import { advanceBytes, markTokens, type TextPosition } from './token-mask.ts';
import { buildTokenTrie, MARKS } from './token-trie.ts';

const FORMS = ['五绝', '七绝', '五律', '七律'] as const;

function idsOf(mask: Uint32Array): number[] {
  const ids: number[] = [];
  for (const [word, value] of mask.entries()) {
    for (let bits = value; bits !== 0; bits &= bits - 1) ids.push(word * 32 + 31 - Math.clz32(bits & -bits));
  }
  return ids;
}

/** A model that prefers the same tokens at every step, whatever the poem needs: a few favourites, and no end. */
function writeAgainst(tokens: TokenInventory, automaton: PoemAutomaton, preference: (id: number) => number): number[] {
  const constraint = createPoemConstraint(automaton, tokens);
  const ids: number[] = [];
  for (;;) {
    const allowed = idsOf(constraint.mask(ids));
    if (allowed.length === 0) throw new Error(`a corner after ${constraint.lines.join('，')}`);
    let best = allowed[0]!;
    for (const id of allowed) if (preference(id) > preference(best)) best = id;
    if (best === tokens.endId) return ids;
    ids.push(best);
  }
}

/** Repeatable noise in [0, 1) of a token, a seed and nothing else. */
function noise(id: number, seed: number): number {
  let mixed = Math.imul(id + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return ((mixed ^ (mixed >>> 13)) >>> 0) / 2 ** 32;
}

describe('the token layer over byte-level tokens', () => {
  let tokenizer: Tokenizer;
  let tokens: TokenInventory;
  let heldOut: Poem[];

  beforeAll(async () => {
    const poems = await loadStarter();
    heldOut = poems.filter(({ labels }) => labels.split === 'test');
    const texts = poems.filter(({ labels }) => labels.split === 'train').slice(0, 120);
    tokenizer = createByteLevelTokenizer({ texts: texts.map(({ text }) => text), merges: 400 });
    tokens = createTokenInventory(tokenizer);
  }, 60_000);

  it('has tokens of every awkward kind to work with', () => {
    const bytes = createTokenBytes(tokenizer);
    const all = Array.from({ length: tokenizer.vocabSize }, (_, id) => bytes(id) ?? '');
    const isContinuation = (byte: string | undefined) => byte !== undefined && byte >= '\x80' && byte < '\xc0';
    // The end of one character with the beginning of the next; two characters at once; a mark with part of a character.
    expect(all.some((token) => token.length > 1 && isContinuation(token[0]) && !isContinuation(token.at(-1)))).toBe(
      true,
    );
    expect(all.some((token) => token.length >= 6)).toBe(true);
    expect(all.some((token) => token.startsWith(bytesOf('，')) && token.length > 3)).toBe(true);
    expect(tokens.isDirect).toBe(false);
  });

  it('lets nothing out that the checker finds fault with, whatever the model prefers', () => {
    const wish = fc.record(
      {
        form: fc.constantFrom(...FORMS),
        start: fc.constantFrom('平起' as const, '仄起' as const),
        firstLineRhymes: fc.boolean(),
        noRepeatedCharacters: fc.boolean(),
        allowsDoubling: fc.boolean(),
      },
      { requiredKeys: ['form'] },
    );
    const bytes = createTokenBytes(tokenizer);
    const sizes = Array.from({ length: tokenizer.vocabSize }, (_, id) => bytes(id)?.length ?? 0);
    const book = loadBook('pingshui');
    fc.assert(
      fc.property(wish, fc.integer({ min: 0, max: 9999 }), fc.integer({ min: -1, max: 1 }), (request, seed, taste) => {
        // Longest tokens first, shortest first, or none in particular: each time with its own favourites.
        const ids = writeAgainst(tokens, compileRequest(request, tokens), (id) => taste * sizes[id]! + noise(id, seed));
        const text = tokenizer.decode(ids);
        const verdict = check({ text, form: request.form });
        expect(verdict.strict, text).toEqual({ length: true, rhyme: true, meter: true, all: true });
        // 平起, 仄起 is what the second character is; one that is read both ways begins the poem as well as asked.
        const second = [...text][1]!;
        const isEither = ['平', '仄'].every((tone) => book.readings(second).some((reading) => reading.tone === tone));
        if (request.start !== undefined && !isEither) expect(verdict.start, text).toBe(request.start);
        if (request.noRepeatedCharacters) {
          const characters = [...text].filter((character) => !MARKS.includes(character));
          const again = characters.filter((character, i) => characters.indexOf(character) !== i);
          const isDoubled = (character: string) =>
            request.allowsDoubling === true && text.includes(character + character);
          expect(
            again.filter((character) => !isDoubled(character)),
            text,
          ).toEqual([]);
        }
      }),
      { numRuns: 25 },
    );
  });

  it.each(['浣溪沙', '如梦令', '菩萨蛮', '水调歌头'])('writes a flawless %s', (tune) => {
    const automaton = compileRequest({ form: '词', tune }, tokens);
    for (let seed = 0; seed < 3; seed++) {
      const text = tokenizer.decode(writeAgainst(tokens, automaton, (id) => noise(id, seed)));
      const { strict } = check({ text, tune });
      expect(strict, text).toEqual({ length: true, rhyme: true, meter: true, all: true });
    }
  });

  it('lets every flawless held-out poem out under its own request', () => {
    let flawless = 0;
    const refused: string[] = [];
    for (const poem of heldOut) {
      if (flawless === 120) break;
      const { form, start, firstLineRhymes } = requestOf(poem);
      if (!FORMS.includes(form as (typeof FORMS)[number])) continue;
      const verdict = check({ text: poem.text, form: form! });
      if (!verdict.strict.all || verdict.findings.some(({ verdict: grade }) => grade === '拗可' || grade === '多音'))
        continue;
      flawless++;
      const request: WritingRequest = {
        form: form!,
        ...(start === undefined ? {} : { start }),
        ...(firstLineRhymes === undefined ? {} : { firstLineRhymes }),
      };
      if (!accepts(tokens, compileRequest(request, tokens), tokenizer.encode(poem.text))) refused.push(poem.text);
    }
    expect(flawless).toBeGreaterThan(100);
    expect(refused).toEqual([]);
  });
});

/** Whether every token is in the mask when its turn comes, and the end after the last. */
function accepts(tokens: TokenInventory, automaton: PoemAutomaton, ids: readonly number[]): boolean {
  const constraint = createPoemConstraint(automaton, tokens);
  const has = (mask: Uint32Array, id: number) => ((mask[id >>> 5]! >>> (id & 31)) & 1) === 1;
  for (let i = 0; i < ids.length; i++) if (!has(constraint.mask(ids.slice(0, i)), ids[i]!)) return false;
  return has(constraint.mask(ids), tokens.endId);
}

describe('the mask', () => {
  /** So few characters that rhymes run out, with tokens that run across them. */
  const characters = [...'東風同紅中空公今心深陰林金音月日入木石白一不看過重家花山間還關閑有無天年前'];
  const inventory = createInventory(characters);
  const pieces = fc.array(fc.oneof(fc.constantFrom(...characters), fc.constantFrom(...MARKS)), {
    minLength: 1,
    maxLength: 4,
  });
  const token = fc.tuple(pieces, fc.nat(2), fc.nat(2)).map(([parts, head, tail]) => {
    const bytes = bytesOf(parts.join(''));
    return bytes.slice(head, Math.max(head + 1, bytes.length - tail));
  });

  it('is what trying every token by itself gives', () => {
    const plan = fc.record(
      {
        form: fc.constantFrom('五绝' as const, '七绝' as const),
        noRepeatedCharacters: fc.boolean(),
        allowsDoubling: fc.boolean(),
      },
      { requiredKeys: ['form'] },
    );
    fc.assert(
      fc.property(plan, fc.array(token, { minLength: 20, maxLength: 60 }), fc.nat(9999), (wish, extra, seed) => {
        const plainBytes = [...characters, ...MARKS].flatMap((character) => [...bytesOf(character)]);
        const vocabulary = [...new Set([...plainBytes, ...characters.map(bytesOf), ...extra])].filter(
          (bytes) => bytes !== '',
        );
        const trie = buildTokenTrie(
          vocabulary.map((bytes, id) => [id, bytes] as const),
          inventory,
        );
        const machine = compileOrSkip({ ...wish, inventory });
        if (machine === null) return;
        let position: TextPosition = { state: machine.start, pending: '' };
        for (let step = 0; !machine.isComplete(position.state); step++) {
          const mask = new Uint32Array((vocabulary.length + 31) >>> 5);
          markTokens(mask, machine, trie, position);
          const expected = vocabulary.flatMap((bytes, id) => (isAlive(machine, position, bytes) ? [id] : []));
          expect(idsOf(mask)).toEqual(expected);
          const choice = expected[Math.floor(noise(step, seed) * expected.length)]!;
          position = advanceBytes(machine, position, vocabulary[choice]!)!;
        }
      }),
      { numRuns: 12 },
    );
  });

  function compileOrSkip(plan: FormPlan): PoemAutomaton | null {
    try {
      return compilePlan(plan);
    } catch {
      return null;
    }
  }

  /** By trying: the bytes are allowed, and what they leave open some character of the inventory can close. */
  function isAlive(machine: PoemAutomaton, position: TextPosition, bytes: string): boolean {
    const after = advanceBytes(machine, position, bytes);
    if (after === null) return false;
    if (after.pending === '') return true;
    return [...characters, ...MARKS].some(
      (character) => bytesOf(character).startsWith(after.pending) && machine.advance(after.state, character) !== null,
    );
  }
});

describe('token bytes', () => {
  const tokenizerOf = (decoder: unknown, tokens: readonly string[]) =>
    ({
      specialIds: new Set([0]),
      unknownTokenId: 1,
      idToToken: (id: number) => tokens[id] ?? null,
      files: { tokenizerJson: { decoder, added_tokens: [{ id: 2 }] }, tokenizerConfig: {} },
    }) as unknown as Tokenizer;

  it('are read from byte fallback, visible spaces and plain characters; special tokens have none', () => {
    const sentencePiece = {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
      ],
    };
    const bytes = createTokenBytes(tokenizerOf(sentencePiece, ['<s>', '<unk>', '<think>', '<0xE6>', '▁春', '']));
    expect([0, 1, 2, 3, 4, 5, 6].map(bytes)).toEqual([null, null, '<think>', '\xe6', bytesOf(' 春'), null, null]);
    const plain = createTokenBytes(tokenizerOf({ type: 'Fuse' }, ['<|end|>', '<|unk|>', '春', '<0xE6>']));
    expect(plain(3)).toBe('<0xE6>');
  });
});
