import { describeOptions } from '@tuiqiao/schema';
import { describe, expect, it } from 'vitest';
import { CHOICE_LABELS, OPTION_LABELS } from '../words.ts';
import { formatRoute, parseRoute } from './route.ts';
import { type Ballot, ballotName, tallyOf, writeKey, writeVotes } from './votes.ts';

describe('the address', () => {
  it('says the room, its place and its words, and reads back what it says', () => {
    const address = formatRoute('write', { form: '七绝', theme: '秋 夜&', keep: '2:清泉石上流\n3:明月□□□', title: '' });
    expect(parseRoute(address)).toEqual({
      room: 'write',
      place: '',
      query: { form: '七绝', theme: '秋 夜&', keep: '2:清泉石上流\n3:明月□□□' },
    });
    expect(parseRoute(formatRoute('runs', {}, 'demo/sft'))).toEqual({ room: 'runs', place: 'demo/sft', query: {} });
  });

  it('opens the first room where it says nothing that is known', () => {
    for (const hash of ['', '#', '#/', '#/nowhere?a=b', '#/runs/%']) expect(parseRoute(hash).place).toBe('');
    expect(parseRoute('#/nowhere').room).toBe('write');
  });
});

describe('votes', () => {
  const duel = {
    form: '五绝',
    title: '登"高',
    prompt: '<|form:五绝|>',
    left: '=1,2',
    right: '乙\n乙',
    reader: '陳, 三',
  };
  const ballot: Ballot = {
    a: 'base',
    b: 'sft',
    votes: [
      { ...duel, a: 'left', preference: 'left' },
      { ...duel, a: 'right', preference: 'left' },
      { ...duel, a: 'right', preference: 'tie' },
    ],
  };

  it('are counted for the model, not for the side', () => {
    expect(tallyOf(ballot.votes)).toEqual({ wins: 1, losses: 1, ties: 1 });
    expect(ballotName('sft', 'base')).toBe(ballotName('base', 'sft'));
  });

  it('become a sheet that no spreadsheet takes for formulas, and a key beside it', () => {
    const sheet = writeVotes(ballot);
    expect(sheet.startsWith('\uFEFFid,form,title,left,right,preference,reader\r\n001,五绝,"登""高","\'=1,2"')).toBe(
      true,
    );
    const { key, items } = JSON.parse(writeKey(ballot));
    expect(key).toMatchObject({ a: 'base', b: 'sft', items: { '002': { a: 'right', prompt: '<|form:五绝|>' } } });
    expect(items[0].left).toBe('=1,2');
  });
});

describe('words', () => {
  it('name every option of a poem and every choice that does not name itself', () => {
    const options = describeOptions('poem');
    expect(options.map(({ path }) => path).filter((path) => OPTION_LABELS[path] === undefined)).toEqual([]);
    const choices = options.flatMap((option) => option.choices).filter((choice) => /^[a-z]/u.test(choice));
    expect(choices.filter((choice) => CHOICE_LABELS[choice] === undefined)).toEqual([]);
  });
});
