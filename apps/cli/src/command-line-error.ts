/** What commander finds wrong with the words typed, as one sentence in either language. */
import type { CommanderError } from 'commander';
import { CliError } from './errors.ts';

/** Commander's sentences → ours in Chinese; its own text holds the only record of what was typed. */
const SENTENCES_ZH: readonly (readonly [RegExp, (...parts: readonly string[]) => string])[] = [
  [/^unknown option '(.+?)'/u, (option) => `没有 ${option} 这个选项`],
  [/^unknown command '(.+?)'/u, (command) => `没有 ${command} 这个命令`],
  [/^option '(.+?)' argument missing/u, (option) => `选项 ${option} 后面缺少值`],
  [/^missing required argument '(.+?)'/u, (name) => `缺少 ${name}`],
  [
    /^option '(.+?)' argument '(.*?)' is invalid\. Allowed choices are (.+?)\.?$/u,
    (option, value, choices) => `选项 ${option} 应为 ${choices!.replaceAll(', ', '、')} 之一，给的是 ${value}`,
  ],
  [/^option '(.+?)' argument '(.*?)' is invalid/u, (option, value) => `选项 ${option} 的值 ${value} 不合`],
  [/^too many arguments for '(.+?)'/u, (command) => `${command} 后面的词太多`],
  [/^too many arguments/u, () => '词太多'],
];

/** `error: unknown option '--frm'\n(Did you mean --form?)` → one sentence. */
export function toCliError(error: CommanderError, commandName: string): CliError {
  const [sentence = '', meant] = error.message
    .replace(/^error: /u, '')
    .split(/\n\(Did you mean (.+)\?\)/u)
    .map((part) => part.replace(/\n/gu, ' ').trim());
  const found = SENTENCES_ZH.find(([pattern]) => pattern.test(sentence));
  const sentenceZh = found === undefined ? sentence : found[1](...found[0].exec(sentence)!.slice(1));
  return new CliError('command-line', meant === undefined ? sentence : `${sentence}; did you mean ${meant}?`, {
    hint: `\`${commandName} --help\` lists every option.`,
    zh: {
      message: meant === undefined ? sentenceZh : `${sentenceZh}；是否想写 ${meant}？`,
      hint: `\`${commandName} --help\` 列出全部选项。`,
    },
  });
}
