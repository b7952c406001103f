import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

/**
 * What the constrained writer prints, judged by a second checker that shares no code and no table with the product: it
 * reads the reference tables and knows only line patterns, so that an error of the prosody engine cannot hide itself.
 */
const root = path.resolve(import.meta.dirname, '..');
const tables = path.resolve(root, '../shared/data');
const hasTables = existsSync(tables);
const hasModel = existsSync(path.join(root, 'models/base-poet/model.safetensors'));
const COUNT = 50;

interface Scheme {
  readonly form: string;
  readonly line_types: string;
  readonly rhyme_lines: readonly number[];
}

/** Tone patterns of the five core characters that a strict handbook accepts, by line type. */
const CORE: Readonly<Record<string, readonly RegExp[]>> = {
  // 仄仄脚: the third character may be 仄 and the fourth too when the next line rescues; both are checked as a pair below.
  A: [/^.仄平平仄$/, /^.仄仄平仄$/, /^.仄.仄仄$/],
  // 平平脚, with 孤平拗救.
  B: [/^平平.仄平$/, /^仄平平仄平$/],
  // 平平仄仄脚, with 特拗.
  C: [/^.平平仄仄$/, /^平平仄平仄$/],
  D: [/^.仄仄平平$/],
};
/** The two characters in front of a seven-character line's core: the second is fixed. */
const HEAD: Readonly<Record<string, RegExp>> = { A: /^.平/, B: /^.仄/, C: /^.仄/, D: /^.平/ };

function loadReadings(): Map<string, { tones: Set<string>; groups: Set<string> }> {
  const readings = new Map<string, { tones: Set<string>; groups: Set<string> }>();
  for (const row of readFileSync(path.join(tables, 'prosody/pingshui.tsv'), 'utf8').split('\n').slice(1)) {
    const [char, , group, , tone] = row.split('\t');
    if (char === undefined || group === undefined || tone === undefined) continue;
    const entry = readings.get(char) ?? { tones: new Set(), groups: new Set() };
    entry.tones.add(tone);
    if (tone === '平') entry.groups.add(group);
    readings.set(char, entry);
  }
  return readings;
}

/** Every way to read a line as 平 and 仄. */
function tonesOf(line: string, readings: ReturnType<typeof loadReadings>): string[] {
  let all = [''];
  for (const char of line) {
    const tones = readings.get(char)?.tones ?? new Set();
    all = all.flatMap((prefix) => [...tones].map((tone) => prefix + tone));
  }
  return all;
}

function fitsLine(line: string, type: string, readings: ReturnType<typeof loadReadings>): boolean {
  return tonesOf(line, readings).some(
    (tones) =>
      CORE[type]!.some((pattern) => pattern.test(tones.slice(-5))) && (tones.length === 5 || HEAD[type]!.test(tones)),
  );
}

function judge(
  lines: readonly string[],
  form: string,
  schemes: readonly Scheme[],
  readings: ReturnType<typeof loadReadings>,
) {
  const fitting = schemes
    .filter((scheme) => scheme.form === form && scheme.line_types.length === lines.length)
    .filter((scheme) => lines.every((line, i) => fitsLine(line, scheme.line_types[i]!, readings)));
  const rhymes = fitting.some((scheme) => {
    const ends = scheme.rhyme_lines.map((number) => [...lines[number - 1]!].at(-1)!);
    const shared = ends
      .map((end) => readings.get(end)!.groups)
      .reduce((a, b) => new Set([...a].filter((x) => b.has(x))));
    return shared.size > 0 && new Set(ends).size === ends.length;
  });
  return { meter: fitting.length > 0, rhyme: rhymes };
}

// ── ci ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface CiVariant {
  /** 平仄中 by slot; 。 after a rhyme, ， after a line, 、 inside one, | between stanzas. */
  readonly pattern: string;
}

const TUNES =
  '浣溪沙 水调歌头 鹧鸪天 菩萨蛮 念奴娇 满江红 西江月 临江仙 蝶恋花 减字木兰花 贺新郎 沁园春 点绛唇 清平乐 满庭芳 玉楼春 水龙吟 虞美人 如梦令 卜算子'.split(
    ' ',
  );

function loadVariants(): Map<string, readonly CiVariant[]> {
  const { tunes } = JSON.parse(gunzipSync(readFileSync(path.join(tables, 'forms/cipu.json.gz'))).toString('utf8')) as {
    tunes: readonly { name_s: string; aliases: readonly string[]; variants: readonly CiVariant[] }[];
  };
  // A tune's own name goes before what another tune is also called.
  return new Map([
    ...tunes.flatMap(({ aliases, variants }) => aliases.map((name) => [name, variants] as const)),
    ...tunes.map(({ name_s, variants }) => [name_s, variants] as const),
  ]);
}

/** Tones and parts of 词林正韵; a part's 平 and 仄 rhyme with each other only in 叶, 入 never with either. */
function loadParts(): Map<string, { tones: Set<string>; parts: Set<string> }> {
  const readings = new Map<string, { tones: Set<string>; parts: Set<string> }>();
  for (const row of readFileSync(path.join(tables, 'prosody/cilin.tsv'), 'utf8').split('\n').slice(1)) {
    const [char, , part, tone] = row.split('\t');
    if (char === undefined || part === undefined || tone === undefined) continue;
    const entry = readings.get(char) ?? { tones: new Set(), parts: new Set() };
    entry.tones.add(tone === '平' ? '平' : '仄');
    entry.parts.add(part);
    readings.set(char, entry);
  }
  return readings;
}

/** Whether a text keeps a variant: its shape, the tone of every slot, and each of its rhymes in one part. */
function keepsVariant(text: string, { pattern }: CiVariant, parts: ReturnType<typeof loadParts>): boolean {
  // A number before 。 says which of the rhymes it is (none: the first), * that its tone is the other one (叶).
  const plan = [...pattern.replace(/[|\d*]/gu, '')];
  const sets = [...pattern.matchAll(/(\d*)\*?。/gu)].map(([, number]) => number ?? '');
  const written = [...text.replaceAll('\n', '')];
  if (plan.length !== written.length) return false;
  const isMark = (character: string) => '，。、'.includes(character);
  for (const [i, slot] of plan.entries()) {
    if (isMark(slot) ? slot !== written[i] : isMark(written[i]!)) return false;
    if (!isMark(slot) && slot !== '中' && !parts.get(written[i]!)?.tones.has(slot)) return false;
  }
  const ends = plan.flatMap((slot, i) =>
    slot === '。' ? [parts.get(written[i - 1]!)?.parts ?? new Set<string>()] : [],
  );
  return [...new Set(sets)].every((set) => {
    const own = ends.filter((_, i) => sets[i] === set);
    return [...own[0]!].some((part) => own.every((end) => end.has(part)));
  });
}

async function writeWith(args: readonly string[]): Promise<{ text: string; novelty: { copiedLines: unknown[] } }[]> {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [path.join(root, 'apps/cli/bin/tuiqiao.mjs'), 'write', ...args, '--count', String(COUNT), '--json', '--seed', '7'],
    { cwd: root, maxBuffer: 1 << 26 },
  );
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe.skipIf(!hasTables || !hasModel)(
  'tuiqiao write, longer forms (needs ../shared/data and the base model)',
  () => {
    it(`prints ${COUNT} 五言排律 of twelve lines that keep rhyme and meter`, async () => {
      const poems = await writeWith(['--form', '排律', '--lines', '12', '--theme', '登高']);
      expect(poems).toHaveLength(COUNT);
      const readings = loadReadings();
      // The line types of 五律 go on round: every four lines are like the four before, the first rhyming or not.
      const { forms } = JSON.parse(readFileSync(path.join(tables, 'forms/jinti.json'), 'utf8')) as {
        forms: Record<string, Scheme>;
      };
      const longer = Object.values(forms)
        .filter((scheme) => scheme.form === '五律')
        .map((scheme) => ({
          form: '五排',
          line_types: scheme.line_types + scheme.line_types.slice(4),
          rhyme_lines: [...new Set([...scheme.rhyme_lines, 10, 12])],
        }));
      const wrong = poems.filter(({ text }) => {
        const lines = text.split(/[，。\n]/).filter((line) => line !== '');
        expect(lines.map((line) => [...line].length)).toEqual(Array(12).fill(5));
        const { meter, rhyme } = judge(lines, '五排', longer, readings);
        return !meter || !rhyme;
      });
      expect(wrong.map(({ text }) => text)).toEqual([]);
    });

    it(`prints ${COUNT} of each of ${TUNES.length} tunes, every one of a variant of the book`, async () => {
      const variants = loadVariants();
      const parts = loadParts();
      const wrong: string[] = [];
      for (const tune of TUNES) {
        const poems = await writeWith(['--tune', tune, '--theme', '春愁']);
        expect(poems, tune).toHaveLength(COUNT);
        const own = variants.get(tune)!;
        for (const { text } of poems) {
          if (!own.some((variant) => keepsVariant(text, variant, parts))) wrong.push(`${tune} ${text}`);
        }
      }
      // 99.9 % of a thousand.
      expect(wrong.length, wrong.join('\n')).toBeLessThanOrEqual(1);
    });
  },
);

describe.skipIf(!hasTables || !hasModel)('tuiqiao write, constrained (needs ../shared/data and the base model)', () => {
  for (const [form, lineCount, length] of [
    ['五绝', 4, 5],
    ['七绝', 4, 7],
    ['五律', 8, 5],
    ['七律', 8, 7],
  ] as const) {
    it(`prints ${COUNT} ${form} of the right shape that keep rhyme and meter, and copies none`, async () => {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [
          path.join(root, 'apps/cli/bin/tuiqiao.mjs'),
          'write',
          '--form',
          form,
          '--count',
          String(COUNT),
          '--json',
          '--seed',
          '7',
          '--theme',
          '秋夜',
        ],
        { cwd: root, maxBuffer: 1 << 26 },
      );
      const poems = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { text: string; novelty: { copiedLines: unknown[] } });
      expect(poems).toHaveLength(COUNT);
      const readings = loadReadings();
      const { forms } = JSON.parse(readFileSync(path.join(tables, 'forms/jinti.json'), 'utf8')) as {
        forms: Record<string, Scheme>;
      };
      const wrong = poems.flatMap(({ text, novelty }) => {
        const lines = text.split(/[，。\n]/).filter((line) => line !== '');
        expect(lines.map((line) => [...line].length)).toEqual(Array(lineCount).fill(length));
        expect(novelty.copiedLines).toEqual([]);
        const { meter, rhyme } = judge(lines, form, Object.values(forms), readings);
        return meter && rhyme ? [] : [text];
      });
      expect(wrong.length / COUNT, wrong.join('\n')).toBeLessThanOrEqual(0.01);
    });
  }
});
