import { Command, CommanderError, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { toCliError } from './command-line-error.ts';

/** What commander itself throws for these words. */
function refuse(...words: readonly string[]): CommanderError {
  const program = new Command('tuiqiao').exitOverride().configureOutput({ outputError: () => undefined });
  program
    .command('write')
    .option('--form <value>')
    .addOption(new Option('--lang <language>').choices(['zh', 'en']))
    .exitOverride();
  program.command('show').argument('<file>').exitOverride();
  try {
    program.parse(words, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error;
    throw error;
  }
  throw new Error('commander took it');
}

describe('what commander refuses, told in both languages', () => {
  it.each([
    [
      ['write', '--fomr', '七绝'],
      "unknown option '--fomr'; did you mean --form?",
      '没有 --fomr 这个选项；是否想写 --form？',
    ],
    [['wrte'], "unknown command 'wrte'; did you mean write?", '没有 wrte 这个命令；是否想写 write？'],
    [['write', '--form'], "option '--form <value>' argument missing", '选项 --form <value> 后面缺少值'],
    [['show'], "missing required argument 'file'", '缺少 file'],
    [['show', 'a', 'b'], "too many arguments for 'show'. Expected 1 argument but got 2.", 'show 后面的词太多'],
    [
      ['write', '--lang', 'fr'],
      "option '--lang <language>' argument 'fr' is invalid. Allowed choices are zh, en.",
      '选项 --lang <language> 应为 zh、en 之一，给的是 fr',
    ],
  ])('%j', (words, message, zh) => {
    const error = toCliError(refuse(...words), 'tuiqiao write');
    expect(error.message).toBe(message);
    expect(error.zh?.message).toBe(zh);
    expect(error.zh?.hint).toContain('tuiqiao write --help');
  });
});
