/** Any text has a verdict, whatever it is made of, and a longer text takes no more than its share longer. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CheckInput, check } from './check.ts';
import { ProsodyError } from './errors.ts';
import { MAX_TEXT_LENGTH, splitText } from './text.ts';
import type { BookName, Verdict } from './verdict.ts';

const BOOKS: readonly BookName[] = ['pingshui', 'cilin', 'xinyun', 'tongyun', 'guangyun'];
const TONES = /^[平仄？]*$/u;

const han = fc.integer({ min: 0x4e00, max: 0x9fff }).map((code) => String.fromCodePoint(code));
/** Extensions A and B to H, compatibility forms, radicals. */
const rareHan = fc
  .oneof(
    fc.integer({ min: 0x3400, max: 0x4dbf }),
    fc.integer({ min: 0x20000, max: 0x323af }),
    fc.integer({ min: 0xf900, max: 0xfaff }),
    fc.integer({ min: 0x2e80, max: 0x2fdf }),
  )
  .map((code) => String.fromCodePoint(code));
const mark = fc.constantFrom(...'，。、！？；：—…「」（）()[]【】{}〔〕 \n\r\t　\u2028□○/|');
const anything = fc.oneof(
  fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
  fc.integer({ min: 0x10000, max: 0x10ffff }).map((code) => String.fromCodePoint(code)),
  fc.constantFrom('👨‍👩‍👧', 'e\u0301', '\u202e', '\ufeff', '\0', '\ud83d', '\udc00', '﷽', '<b>', '__proto__'),
);
const text = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: han },
      { weight: 3, arbitrary: mark },
      { weight: 1, arbitrary: rareHan },
      anything,
    ),
    {
      maxLength: 160,
    },
  )
  .map((parts) => parts.join(''));

/** Lines of one length: what most of the rules are for. */
const verse = fc
  .record({
    width: fc.constantFrom(4, 5, 6, 7),
    lines: fc.array(
      fc.array(fc.oneof({ weight: 20, arbitrary: han }, rareHan, anything), { minLength: 7, maxLength: 7 }),
      {
        minLength: 1,
        maxLength: 24,
      },
    ),
  })
  .map(({ width, lines }) => lines.map((line) => line.slice(0, width).join('')).join('，'));

const request = fc.record(
  {
    text: fc.oneof(text, verse),
    title: fc.oneof(fc.constantFrom('水调歌头', '忆江南', '无题'), text),
    form: fc.constantFrom('五绝', '七绝', '五律', '七律', '五排', '七排', '古', '词'),
    tune: fc.constantFrom('浣溪沙', '水调歌头', '满江红', '忆江南', '声声慢'),
    book: fc.constantFrom(...BOOKS),
  },
  { requiredKeys: ['text'] },
) as fc.Arbitrary<CheckInput>;

/** What every verdict owes its reader. */
function expectSound(verdict: Verdict, input: CheckInput): void {
  const lengths = splitText(input.text).lines.map((line) => line.chars.length);
  expect(verdict.lines).toHaveLength(lengths.length);
  for (const [index, line] of verdict.lines.entries()) {
    expect(line.readings).toHaveLength(lengths[index]!);
    expect(line.tones).toMatch(TONES);
    expect([...line.tones]).toHaveLength(lengths[index]!);
  }
  for (const finding of verdict.findings) {
    expect(finding.message).not.toMatch(/undefined|NaN|\[object/u);
    expect(finding.message).not.toBe('');
    if (lengths.length === 0) continue;
    expect(finding.line).toBeGreaterThanOrEqual(1);
    if (finding.position !== undefined && finding.line <= lengths.length) {
      expect(finding.position).toBeLessThanOrEqual(Math.max(1, lengths[finding.line - 1]!));
    }
  }
  const { strict, lenient } = verdict;
  expect(strict.all).toBe(strict.length && strict.rhyme && strict.meter);
  if (strict.all) expect(lenient.all).toBe(true);
  if (strict.all) expect(verdict.findings.filter((finding) => finding.verdict === '疵')).toEqual([]);
  expect(JSON.parse(JSON.stringify(verdict))).toEqual(verdict);
}

describe('any text', () => {
  it('has a sound verdict, in any form, tune and book, in both languages', () => {
    fc.assert(
      fc.property(request, fc.constantFrom('zh' as const, 'en' as const), (input, lang) => {
        expectSound(check(input, { lang, parallelism: true }), input);
      }),
      { numRuns: 400 },
    );
  });

  it('has the same verdict when it is asked for twice', () => {
    fc.assert(
      fc.property(request, (input) => {
        expect(check(input)).toEqual(check(input));
      }),
      { numRuns: 60 },
    );
  });

  it('of more than the greatest length is refused in one sentence', () => {
    for (const char of ['月', '\ud800', '𠮷', '(', '\n']) {
      let thrown: unknown;
      try {
        check(char.repeat(1 << 20));
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(ProsodyError);
      expect(thrown).toMatchObject({
        code: 'PROSODY_TEXT_TOO_LONG',
        message: expect.stringMatching(/^check: expected a poem of at most 200000 characters, got \d+$/u),
      });
    }
  });
});

/** The innermost notes first, a level a turn: slow, and plainly right. */
function removeNotesByLevels(given: string): string {
  for (let before = given; ; ) {
    const after = before.replace(/（[^（）]*）|\([^()]*\)|〔[^〔〕]*〕|\[[^[\]]*\]|【[^【】]*】|\{[^{}]*\}/gu, '');
    if (after === before) return after;
    before = after;
  }
}

describe('notes in brackets', () => {
  it('vanish however they are nested, one kind inside another', () => {
    const brackets = fc.array(fc.constantFrom('(', ')', '[', ']', '（', '）', '月', '，'), { maxLength: 24 });
    fc.assert(
      fc.property(brackets, (parts) => {
        const given = parts.join('');
        const lines = (value: string) => splitText(value).lines.map((line) => line.text);
        // Crossed pairs may be read either way; properly nested ones only one way.
        fc.pre(isNested(given));
        expect(lines(given)).toEqual(lines(removeNotesByLevels(given)));
      }),
      { numRuns: 400 },
    );
  });
});

function isNested(given: string): boolean {
  const open: string[] = [];
  for (const char of given) {
    if ('([（'.includes(char)) open.push(char);
    const opener = '([（'[')]）'.indexOf(char)];
    if (opener !== undefined && open.includes(opener) && open.pop() !== opener) return false;
  }
  return true;
}

const SHAPES: Readonly<Record<string, (length: number) => string>> = {
  'one character': (length) => '月'.repeat(length),
  'lines of one': (length) => '月，'.repeat(length / 2),
  'lines of five that break the rules': (length) => '春江潮水连，'.repeat(length / 6),
  'lines of seven that break the rules': (length) => '无边落木萧萧下，'.repeat(length / 8),
  'nested notes': (length) => '('.repeat(length / 2) + ')'.repeat(length / 2),
  'notes that never close': (length) => '（['.repeat(length / 2),
  pauses: (length) => '月、'.repeat(length / 2),
  'lone surrogates': (length) => '\ud800'.repeat(length),
  'an extension': (length) => '𠮷'.repeat(length / 2),
};

describe('a text eight times as long', () => {
  const SHORT = 2000;
  /** 8 if time is linear, 64 if it is quadratic; what collecting garbage adds lies between. */
  const MOST_TIMES = 28;
  /** Below this the clock of the processor says nothing. */
  const LEAST_MICROSECONDS = 2000;
  /** Other tests run beside this one: a quadratic cost stays one however often it is measured, noise does not. */
  const TRIES = 5;

  function cost(input: CheckInput): number {
    const before = process.cpuUsage();
    JSON.stringify(check(input));
    const { user, system } = process.cpuUsage(before);
    return user + system;
  }

  /** Measured until the ratio of the least costs is that of linear time, or as often as is allowed. */
  function leastRatio(short: CheckInput, long: CheckInput): number {
    let [leastShort, leastLong] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    let ratio = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < TRIES && ratio >= MOST_TIMES; turn++) {
      leastShort = Math.min(leastShort, cost(short));
      leastLong = Math.min(leastLong, cost(long));
      ratio = leastLong / Math.max(LEAST_MICROSECONDS, leastShort);
    }
    return ratio;
  }

  it.each(Object.keys(SHAPES))('of %s takes no more than its share longer', (name) => {
    const shape = SHAPES[name]!;
    for (const options of [{}, { form: '七律' }, { form: '五排' }, { tune: '浣溪沙' }]) {
      const ratio = leastRatio({ text: shape(SHORT), ...options }, { text: shape(8 * SHORT), ...options });
      expect(ratio, JSON.stringify(options)).toBeLessThan(MOST_TIMES);
    }
    expect(8 * SHORT).toBeLessThan(MAX_TEXT_LENGTH);
  });
});
