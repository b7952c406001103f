import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from './program.ts';

function leaves(command: Command): Command[] {
  const inner = command.commands.filter((child) => child.name() !== 'help');
  return inner.length === 0 ? [command] : inner.flatMap(leaves);
}

function fullHelp(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  return text;
}

const languages = await Promise.all(
  (['zh', 'en'] as const).map(async (language) => [language, leaves((await createProgram(language)).program)] as const),
);

describe.each(languages)('the program in %s', (language, commands) => {
  it('has commands', () => {
    expect(commands.length).toBeGreaterThan(4);
  });

  it.each(commands.map((command) => [command.name(), command] as const))('%s: help with examples', (_name, command) => {
    const text = fullHelp(command);
    expect(text).toMatch(
      language === 'zh' ? /^例：\n {2}.*(tuiqiao|npm run) /mu : /^Examples:\n {2}.*(tuiqiao|npm run) /mu,
    );
    expect(command.description()).not.toBe('');
    if (language === 'zh') expect(text).toMatch(/^选项：/mu);
  });
});
