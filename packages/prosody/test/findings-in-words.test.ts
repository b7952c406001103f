import { loadStarter } from '@tuiqiao/corpus';
import { beforeAll, describe, expect, it } from 'vitest';
import { type CheckInput, check, type Finding } from '../src/index.ts';

/** Findings kept of each name and grade. */
const SAMPLE = 200;

interface Told {
  readonly input: CheckInput;
  readonly zh: Finding;
  readonly en: Finding;
}

/** Real findings, as many as the sample of every rule, name and grade. */
const samples = new Map<string, Told[]>();

/** Characters that a sentence names as fitting. */
const named = ({ suggestion = '' }: Finding): string[] => /如([^；。]+)/u.exec(suggestion)?.[1]?.split('、') ?? [];

/** The poem with another character in the place of a finding. */
function withCharacter(text: string, { line, position }: Finding, char: string): string {
  const lines = text.split(/(?<=[，。？！；：\n])/u).filter((each) => /\p{Script=Han}/u.test(each));
  const chars = [...lines[line - 1]!];
  // A pause inside a line of ci is no place.
  const places = chars.flatMap((each, i) => (/\p{Script=Han}/u.test(each) ? [i] : []));
  chars[places[position! - 1]!] = char;
  return lines.map((each, i) => (i === line - 1 ? chars.join('') : each)).join('');
}

beforeAll(async () => {
  for (const { text, labels } of await loadStarter()) {
    const input = { text, ...(labels.tune === null ? {} : { tune: labels.tune }) };
    const { findings } = check(input);
    const english = findings.length > 0 ? check(input, { lang: 'en' }).findings : [];
    for (const [i, zh] of findings.entries()) {
      const key = `${zh.rule} ${zh.name} ${zh.verdict}`;
      const own = samples.get(key) ?? [];
      samples.set(key, own);
      if (own.length < SAMPLE) own.push({ input, zh, en: english[i]! });
    }
  }
}, 120_000);

describe('what a learner is told', () => {
  it('is a sentence in both languages, with what would mend whatever is not right', () => {
    expect(samples.size).toBeGreaterThan(25);
    for (const [key, told] of samples) {
      for (const { zh, en } of told) {
        for (const { message, suggestion = '' } of [zh, en]) {
          expect(message, key).toMatch(/[。.:]$|合谱。$/u);
          expect(message + suggestion, key).not.toMatch(/undefined|NaN|null|“”/u);
        }
        expect(en.message, key).toMatch(/^[A-Z“\d]|^\p{Script=Han}+ changes/u);
        if (zh.verdict === '合') continue;
        expect(zh.suggestion, `${key} ${zh.message}`).toBeDefined();
        expect(en.suggestion, `${key} ${en.message}`).toBeDefined();
      }
    }
  });

  it('names characters that do fit: with the first of them in its place the finding is gone', () => {
    const rules = [
      'pingze',
      'shidui',
      'shinian',
      'sanpingwei',
      'sanzewei',
      'guping',
      'aoju',
      'zhuangyun',
      'cipai-tone',
    ];
    let mended = 0;
    let tried = 0;
    for (const [key, told] of samples) {
      const [rule] = key.split(' ');
      if (!rules.includes(rule!)) continue;
      for (const { input, zh } of told.slice(0, 40)) {
        const [first] = named(zh);
        if (first === undefined || zh.verdict === '合' || zh.position === undefined) continue;
        tried++;
        const after = check({ ...input, text: withCharacter(input.text, zh, first) });
        const isThere = after.findings.some(
          (other) =>
            other.rule === zh.rule &&
            other.line === zh.line &&
            other.position === zh.position &&
            other.verdict === zh.verdict,
        );
        if (!isThere) mended++;
      }
    }
    expect(tried).toBeGreaterThan(200);
    // A poem may be read by another pattern, or a ci by another variant, once a character has changed.
    expect(mended / tried).toBeGreaterThan(0.99);
  });
});
