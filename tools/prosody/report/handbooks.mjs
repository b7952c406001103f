// False alarms: the poems that 唐诗三百首 and 千家诗 print as regulated verse, checked without being told the form.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { check } from '@tuiqiao/prosody';
import { HANDBOOK_JUDGEMENTS } from './judgements.mjs';

const file = fileURLToPath(new URL('../../../packages/prosody/test/fixtures/handbooks.tsv', import.meta.url));

/** @typedef {{ book: string, form: string, author: string, title: string, text: string }} HandbookPoem */

/** @returns {HandbookPoem[]} */
export function readHandbooks() {
  const [, ...rows] = readFileSync(path.resolve(file), 'utf8').trimEnd().split('\n');
  return rows.map((row) => {
    const [book, form, author, title, text] = row.split('\t');
    return { book, form, author, title, text };
  });
}

export function measureHandbooks() {
  const poems = readHandbooks();
  const flagged = [];
  let otherwise = 0;
  for (const poem of poems) {
    const { form, findings } = check(poem.text);
    const faults = findings.filter(({ verdict }) => verdict === '疵');
    if (form !== poem.form || findings.some(({ rule }) => rule === 'zheyao')) otherwise++;
    if (faults.length === 0) continue;
    const [kind, why] = HANDBOOK_JUDGEMENTS[/^[^，]+/u.exec(poem.text)[0]] ?? ['unjudged', ''];
    flagged.push({
      ...poem,
      kind,
      why,
      faults: faults.map(
        ({ line, position, name, char }) => `${line}${position ? `.${position}` : ''} ${name}${char ?? ''}`,
      ),
    });
  }
  return { n: poems.length, otherwise, flagged };
}
