import {
  CHAT_TEMPLATE,
  controlPrompt,
  type DatasetRow,
  END_TOKEN,
  PAD_TOKEN,
  POEM_TOKEN,
  TITLE_TOKEN,
  UNKNOWN_TOKEN,
} from '@tuiqiao/corpus';
import { createCharacterTokenizer, createTokenizer, type Tokenizer } from '@tuiqiao/lm';
import { describe, expect, it } from 'vitest';
import { createRowReader } from './row-examples.ts';

const specials = [PAD_TOKEN, UNKNOWN_TOKEN, END_TOKEN, POEM_TOKEN, TITLE_TOKEN, '<|form:七绝|>', '<|rhyme:尤|>'];
const base = { unknownToken: UNKNOWN_TOKEN, eosToken: END_TOKEN, padToken: PAD_TOKEN };
const characters = [...'白日依山盡，黃河入海流。請寫一首詩abcd\n'];
const poet = createTokenizer(createCharacterTokenizer({ ...base, specials, characters, chatTemplate: CHAT_TEMPLATE }));
/** A chat model as others have them: turns between marks. */
const chat = createTokenizer(
  createCharacterTokenizer({
    ...base,
    specials: [PAD_TOKEN, UNKNOWN_TOKEN, END_TOKEN, '<s>', '<u>', '<a>'],
    characters,
    chatTemplate:
      "{% for m in messages %}{{ '<' + m['role'][0] + '>' + m['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<a>' }}{% endif %}",
  }),
);
const plain = createTokenizer(createCharacterTokenizer({ ...base, specials: specials.slice(0, 3), characters }));

const reader = (tokenizer: Tokenizer, more: { maxLength?: number; completionOnlyLoss?: boolean } = {}) =>
  createRowReader({ tokenizer, maxLength: 100, completionOnlyLoss: true, ...more });
const texts = (tokenizer: Tokenizer, ...lists: ArrayLike<number>[]) =>
  lists.map((ids) => tokenizer.decode(Array.from(ids)));
const row = (more: Partial<DatasetRow>): DatasetRow => ({ id: 'x', messages: [], extra: {}, ...more });
const user = (content: string) => ({ role: 'user', content }) as const;
const assistant = (content: string) => ({ role: 'assistant', content }) as const;
const talk = [{ role: 'system', content: 'd' } as const, user('a'), assistant('白'), user('b')];

describe('a row as token ids', () => {
  it('is the chat template’s prompt, then the answer and the end token', () => {
    const [example] = reader(chat).examples(row({ messages: [user('寫一首詩')], completion: '白日' }), 'alpaca');
    expect(texts(chat, example!.promptIds, example!.completionIds)).toEqual(['<u>寫一首詩<|end|><a>', '白日<|end|>']);
  });

  it('passes control tokens as they are, without those the vocabulary does not know', () => {
    const content = `<|form:七绝|><|tune:何滿子|><|rhyme:尤|><|title|>流`;
    const [example] = reader(poet).examples(row({ messages: [user(content)], completion: '白日' }), 'messages');
    expect(texts(poet, example!.promptIds, example!.completionIds)).toEqual([
      '<|form:七绝|><|rhyme:尤|><|title|>流<|poem|>',
      '白日<|end|>',
    ]);
    expect(Array.from(example!.promptIds)).toEqual(
      poet.encode(controlPrompt({ form: '七绝', rhyme: '尤', title: '流' })),
    );
  });

  it('learns every answer of a conversation, each after all that was said before', () => {
    const examples = reader(chat).examples(row({ messages: talk, completion: '日' }), 'sharegpt');
    expect(examples.map(({ id, promptIds, completionIds }) => [id, ...texts(chat, promptIds, completionIds)])).toEqual([
      ['x#1', '<s>d<|end|><u>a<|end|><a>', '白<|end|>'],
      ['x#2', '<s>d<|end|><u>a<|end|><a>白<|end|><u>b<|end|><a>', '日<|end|>'],
    ]);
  });

  it('learns the answers whose messages do not say otherwise, and none when all do', () => {
    const [system, asked, answered, next] = talk;
    const learnt = (more: Partial<DatasetRow>) =>
      reader(chat)
        .examples(row({ messages: talk, completion: '日', ...more }), 'messages')
        .map(({ promptIds, completionIds }) => texts(chat, promptIds, completionIds));
    const masked = [system!, asked!, { ...answered!, isContext: true as const }, next!];
    expect(learnt({ messages: masked })).toEqual([['<s>d<|end|><u>a<|end|><a>白<|end|><u>b<|end|><a>', '日<|end|>']]);
    expect(learnt({ isCompletionContext: true })).toEqual([['<s>d<|end|><u>a<|end|><a>', '白<|end|>']]);
    expect(learnt({ messages: masked, isCompletionContext: true })).toEqual([]);
    const whole = reader(chat, { completionOnlyLoss: false });
    expect(() => whole.examples(row({ messages: masked, completion: '日' }), 'messages')).toThrow(/mask of their own/);
  });

  it('learns the completion alone of TRL’s prompt and completion', () => {
    const examples = reader(chat).examples(row({ messages: talk, completion: '日' }), 'prompt-completion');
    expect(examples.map(({ completionIds }) => texts(chat, completionIds)[0])).toEqual(['日<|end|>']);
  });

  it('learns the prompt too when asked to', () => {
    const examples = reader(chat, { completionOnlyLoss: false }).examples(
      row({ messages: [user('a')], completion: '日' }),
      'alpaca',
    );
    expect(examples).toHaveLength(1);
    expect(texts(chat, examples[0]!.promptIds, examples[0]!.completionIds)).toEqual(['', '<u>a<|end|><a>日<|end|>']);
  });

  it('is a text without a prompt', () => {
    const [example] = reader(chat).examples(row({ text: '白日依山盡' }), 'text');
    expect(texts(chat, example!.promptIds, example!.completionIds)).toEqual(['', '白日依山盡<|end|>']);
  });

  it('is plain text for a model without a chat template, and says so', () => {
    const reading = reader(plain);
    const [example] = reading.examples(row({ messages: talk, completion: '日' }), 'prompt-completion');
    expect(texts(plain, example!.promptIds, example!.completionIds)).toEqual(['d\na\n白\nb', '日<|end|>']);
    expect(reading.warnings().map(({ code }) => code)).toEqual(['dataset-no-template']);
  });

  it('is cut at maxLength without its end token, counted and told; a prompt that fills it is left out', () => {
    const reading = reader(chat, { maxLength: 8 });
    const [cut] = reading.examples(row({ messages: [user('a')], completion: '白日依山盡' }), 'alpaca');
    expect(texts(chat, cut!.completionIds)).toEqual(['白日依山']);
    expect(reading.examples(row({ messages: [user('abcda')], completion: '白' }), 'alpaca')).toEqual([]);
    expect(reading.examples(row({ messages: [user('a')], completion: '白' }), 'alpaca')).toHaveLength(1);
    expect(reading.warnings()).toEqual([
      {
        type: 'run-warning',
        code: 'dataset-truncated',
        message:
          '1 of 3 examples are longer than 8 tokens and were cut; 1 left out, their prompt alone is longer; raise maxLength to keep them whole',
      },
    ]);
  });

  it('warns when more than a tenth of the characters are unknown', () => {
    const few = reader(poet);
    few.examples(row({ messages: [user('請寫一首詩白日依山')], completion: '白日依山盡，黃河入海深。' }), 'alpaca');
    expect(few.warnings()).toEqual([]);
    const many = reader(poet);
    many.examples(row({ messages: [user('请写一首诗')], completion: '白日' }), 'alpaca');
    expect(many.warnings().map(({ message }) => message)).toEqual([
      "50 % of the characters of the prompts are not in the model's vocabulary and are read as unknown; its characters are traditional",
    ]);
  });

  it('is a pair that remembers that it was cut', () => {
    const pair = row({ messages: [user('a')], chosen: '白日依山', rejected: '白日' });
    expect(
      texts(chat, ...Object.values(reader(chat).pair(pair)!).filter((value) => typeof value !== 'string')),
    ).toEqual(['<u>a<|end|><a>', '白日依山<|end|>', '白日<|end|>']);
    expect(reader(chat, { maxLength: 7 }).pair(pair)).toMatchObject({ isTruncated: true, chosenIds: { length: 3 } });
    expect(reader(chat, { maxLength: 4 }).pair(pair)).toBeNull();
  });
});
