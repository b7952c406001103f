import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { judgeCi, judgePoem, loadParts, loadReadings, loadVariants } from '../tools/eval/independent-checker.mjs';

/**
 * What the constrained writer prints, judged by a second checker that shares no code and no table with the product: it
 * reads the reference tables and knows only line patterns, so that an error of the prosody engine cannot hide itself.
 */
const root = path.resolve(import.meta.dirname, '..');
const tables = path.resolve(root, '../shared/data');
const hasTables = existsSync(tables);
const hasModel = existsSync(path.join(root, 'models/base-poet/model.safetensors'));
const COUNT = 50;

const TUNES =
  '浣溪沙 水调歌头 鹧鸪天 菩萨蛮 念奴娇 满江红 西江月 临江仙 蝶恋花 减字木兰花 贺新郎 沁园春 点绛唇 清平乐 满庭芳 玉楼春 水龙吟 虞美人 如梦令 卜算子'.split(
    ' ',
  );

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

describe.skipIf(!hasTables || !hasModel)('tuiqiao write, constrained (needs ../shared/data and the base model)', () => {
  for (const form of ['五绝', '七绝', '五律', '七律', '五排', '七排']) {
    it(`prints ${COUNT} ${form} of the right shape that keep rhyme and meter, and copies none`, async () => {
      const lines = form.endsWith('排') ? ['--lines', '12'] : [];
      const poems = await writeWith(['--form', form, '--theme', '秋夜', ...lines]);
      expect(poems).toHaveLength(COUNT);
      expect(poems.flatMap(({ novelty }) => novelty.copiedLines)).toEqual([]);
      const readings = loadReadings(path.join(tables, 'prosody/pingshui.tsv'));
      const wrong = poems.filter(({ text }) => !judgePoem(text, form, readings)!.all);
      expect(wrong.map(({ text }) => text)).toEqual([]);
    });
  }

  it(`prints ${COUNT} of each of ${TUNES.length} tunes, every one of a variant of the book`, async () => {
    const variants = loadVariants(path.join(tables, 'forms/cipu.json.gz'));
    const parts = loadParts(path.join(tables, 'prosody/cilin.tsv'));
    const wrong: string[] = [];
    for (const tune of TUNES) {
      const poems = await writeWith(['--tune', tune, '--theme', '春愁']);
      expect(poems, tune).toHaveLength(COUNT);
      for (const { text } of poems) {
        const { length, all } = judgeCi(text, variants.get(tune)!, parts);
        expect(length, text).toBe(true);
        if (!all) wrong.push(`${tune} ${text}`);
      }
    }
    // 99.9 % of a thousand.
    expect(wrong.length, wrong.join('\n')).toBeLessThanOrEqual(1);
  });
});
