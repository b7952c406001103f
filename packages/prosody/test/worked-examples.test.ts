import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { check } from '../src/check.ts';
import { checkCi } from '../src/ci/check-ci.ts';
import { simplifyCharacter } from '../src/scripts.ts';
import { WORKED_EXAMPLES } from './worked-examples.ts';

const guide = readFileSync(new URL('../../../docs/guides/prosody-examples.md', import.meta.url), 'utf8');

describe('the worked examples', () => {
  it('are more than twenty', () => expect(WORKED_EXAMPLES.length).toBeGreaterThanOrEqual(20));

  it.each(WORKED_EXAMPLES)('$author $name ($form)', ({ name, author, text, tune, form, rhyme, findings }) => {
    const verdict = tune === undefined ? check(text) : checkCi(text, { tune })!;
    expect(tune === undefined ? verdict.form : `词 ${verdict.variant}`).toBe(form);
    expect(verdict.rhyme === null ? '' : verdict.rhyme.level + verdict.rhyme.group).toBe(rhyme);
    const found = verdict.findings.map(
      (each) => `${each.line}${each.position ? `.${each.position}` : ''} ${each.name} ${each.verdict}`,
    );
    expect(found).toEqual(findings);
    // The guide tells the same.
    expect(guide).toContain(`${author}《${name}》`);
    expect(guide).toContain(text);
    for (const each of findings) expect(guide).toContain(`\`${each}\``);
    expect(Array.from(text, simplifyCharacter).join('')).toBe(text);
  });
});
