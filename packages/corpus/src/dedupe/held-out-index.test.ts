import { describe, expect, it } from 'vitest';
import { toSimplified } from '../clean/to-simplified.ts';
import { loadStarter } from '../starter.ts';
import { createHeldOutIndex } from './held-out-index.ts';

const poems = (await loadStarter()).filter(({ labels }) => labels.form === '七律').slice(0, 40);
const index = createHeldOutIndex(poems.slice(0, 20));
const linesOf = (text: string) => text.split(/(?<=[，。])/u);

describe('createHeldOutIndex', () => {
  it('finds the poem itself, in either script, and the poem with half of its lines changed', () => {
    const [poem, other] = [poems[3]!, poems[30]!];
    expect(index.find(poem.text)).toBe(poem);
    expect(index.find(toSimplified(poem.text))).toBe(poem);
    const half = [...linesOf(poem.text).slice(0, 4), ...linesOf(other.text).slice(4)].join('');
    expect(index.find(half)).toBe(poem);
  });

  it('lets pass what shares fewer lines, or none', () => {
    const [poem, other] = [poems[3]!, poems[30]!];
    const few = [...linesOf(poem.text).slice(0, 3), ...linesOf(other.text).slice(3)].join('');
    expect(index.find(few)).toBeNull();
    for (const each of poems.slice(20)) expect(index.find(each.text)).toBeNull();
    expect(index.find('')).toBeNull();
  });
});
