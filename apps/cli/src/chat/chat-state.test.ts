import type { EngineFacts } from '@tuiqiao/recipes';
import { type ChatOptions, parseOptions } from '@tuiqiao/schema';
import { describe, expect, it } from 'vitest';
import { isTheme, readInput, startState } from './chat-state.ts';

const model = (id: string, parent: string | null) => ({ id, root: id, parent });
const FACTS: EngineFacts = {
  models: [model('base', null), model('a', 'base'), model('b', 'base')],
  contextLength: 100,
  isPoet: false,
  hasChatTemplate: true,
  kernels: '',
};
const options = (more: object = {}): ChatOptions => parseOptions('chat', more).options;

describe('a chat’s input', () => {
  it('is a message unless it begins with a command', () => {
    const state = startState(options(), FACTS);
    expect(readInput(' 秋夜\n春江 ', state, FACTS)).toEqual({ type: 'message', text: '秋夜\n春江' });
    expect(readInput('/theme 秋夜', state, FACTS)).toEqual({ type: 'message', text: '秋夜' });
    expect(readInput('/quit', state, FACTS)).toEqual({ type: 'quit' });
  });

  it('sets form and tune, one at a time, and takes them back', () => {
    const state = startState(options({ form: '七言绝句' }), FACTS);
    expect(state.form).toBe('七绝');
    expect(isTheme(state, FACTS)).toBe(true);
    readInput('/tune 浣溪沙', state, FACTS);
    expect([state.form, state.tune]).toEqual([undefined, '浣溪沙']);
    readInput('/form 五律', state, FACTS);
    expect([state.form, state.tune]).toEqual(['五律', undefined]);
    readInput('/form off', state, FACTS);
    expect(isTheme(state, FACTS)).toBe(false);
    expect(isTheme(state, { ...FACTS, isPoet: true })).toBe(true);
  });

  it('chooses an adapter; the only one there is speaks from the start', () => {
    const state = startState(options(), FACTS);
    expect(state.model).toBe('base');
    readInput('/adapter b', state, FACTS);
    expect(state.model).toBe('b');
    readInput('/adapter off', state, FACTS);
    expect(state.model).toBe('base');
    expect(startState(options(), { ...FACTS, models: FACTS.models.slice(0, 2) }).model).toBe('a');
  });

  it.each([
    ['/from 七绝', /no such command/u],
    ['/form 八绝', /expected one of 五绝/u],
    ['/tune 无此调名', /no tune called/u],
    ['/adapter c', /expected one of base a b, got c/u],
  ])('%s is refused and changes nothing', (text, message) => {
    const state = startState(options(), FACTS);
    const before = structuredClone(state);
    expect(() => readInput(text, state, FACTS)).toThrow(message);
    expect(state).toEqual(before);
  });
});
