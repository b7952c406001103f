/** The examples of the README, run as they stand: what they print is what they say they print. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import * as prosody from '../src/index.ts';
import * as lazy from '../src/lazy.ts';

const README = path.resolve(import.meta.dirname, '../README.md');
const MODULES: Readonly<Record<string, object>> = { '@tuiqiao/prosody': prosody, '@tuiqiao/prosody/lazy': lazy };

const examples = [...readFileSync(README, 'utf8').matchAll(/^## ([^\n]*)$|^```js\n(.*?)^```$/gmsu)].reduce<{
  heading: string;
  found: { heading: string; code: string }[];
}>(
  ({ heading, found }, [, title, code]) =>
    title === undefined ? { heading, found: [...found, { heading, code: code! }] } : { heading: title, found },
  { heading: '', found: [] },
).found;

async function run(code: string): Promise<string[]> {
  const printed: string[] = [];
  const print = (...values: unknown[]): void => {
    printed.push(values.map((value) => (typeof value === 'string' ? value : inspect(value))).join(' '));
  };
  const body = code.replace(
    /^import (\{[^}]*\}) from '([^']+)';$/gmu,
    (_, names: string, from: string) => `const ${names} = modules[${JSON.stringify(from)}];`,
  );
  const make = Object.getPrototypeOf(run).constructor as new (...parts: string[]) => (...given: unknown[]) => unknown;
  await new make('modules', 'console', body)(MODULES, { log: print });
  return printed;
}

describe('the examples of the README', () => {
  it('are there', () => {
    expect(examples.length).toBeGreaterThanOrEqual(10);
  });

  it.each(examples.map(({ heading, code }, index) => [index + 1, heading, code] as const))(
    '%i, %s: prints what it says',
    async (_index, _heading, code) => {
      const promised = [...code.matchAll(/^\/\/ → (.*)$/gmu)].map((match) => match[1]!);
      expect(promised).not.toEqual([]);
      expect(await run(code)).toEqual(promised);
    },
  );
});
