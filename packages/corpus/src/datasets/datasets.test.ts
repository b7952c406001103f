import { mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CorpusError } from '../errors.ts';
import { loadStarter } from '../starter.ts';
import { datasetInfoEntry, readDatasetInfo } from './dataset-info.ts';
import { DATASET_FORMATS, type DatasetFormat, type DatasetRow } from './dataset-row.ts';
import { POEM_COLUMNS, poemColumns } from './poem-columns.ts';
import { loadDatasetRows, MAX_LINE_BYTES, readDatasetRows } from './read-dataset.ts';
import { formatRow, writeDatasetFile } from './write-dataset.ts';

let folder = '';
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-datasets-'));
});

const temporary = (extension = '.jsonl') => path.join(folder, `${++files}${extension}`);
async function written(content: string | Uint8Array, extension = '.jsonl'): Promise<string> {
  const file = temporary(extension);
  await writeFile(file, content);
  return file;
}
const lines = (...rows: unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n');
const read = async (row: unknown) => (await loadDatasetRows(await written(lines(row))))[0]!;

async function refusal(run: () => Promise<unknown>): Promise<CorpusError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof CorpusError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

const extra = {
  form: '五絕',
  rhyme_book: 'pingshui',
  rhyme: '尤',
  cipai: null,
  author: '王之渙',
  nested: { a: [1, 'x'] },
};
const POEM = '白日依山盡，黃河入海流。';
const FAULTY = '白日依山盡，黃河入海深。';
const prompt = [{ role: 'user', content: '寫一首“登樓”詩\n押尤韻' }] as const;
const conversation = [
  { role: 'system', content: '你是詩人。' },
  { role: 'user', content: '問一' },
  { role: 'assistant', content: '答一' },
  { role: 'user', content: '問二' },
] as const;

function rowsOf(format: DatasetFormat): DatasetRow[] {
  if (format === 'text') {
    return [
      { id: 'a', messages: [], text: `登樓\n${POEM}`, extra },
      { id: 'b', messages: [], text: '𠀀 " \\ \u2028', extra: {} },
    ];
  }
  const answer = format.endsWith('preference') ? { chosen: POEM, rejected: FAULTY } : { completion: POEM };
  return [
    { id: 'a', messages: [...prompt], ...answer, extra },
    { id: '7', messages: [...conversation], ...answer, extra: {} },
  ];
}

describe('a dataset file', () => {
  for (const format of DATASET_FORMATS) {
    for (const extension of ['.jsonl', '.json']) {
      it(`${format}${extension}: comes back as it was, its format seen from its columns`, async () => {
        const file = temporary(extension);
        const report = await writeDatasetFile(file, rowsOf(format), format);
        expect(await loadDatasetRows(file)).toEqual(rowsOf(format));
        const bytes = await readFile(file);
        expect(report).toMatchObject({ rows: 2, sizeBytes: bytes.length });
        expect(report.sha256).toMatch(/^[0-9a-f]{64}$/u);
      });
    }

    it(`${format}: comes back through the entry of dataset_info.json that describes it`, async () => {
      const own = await mkdtemp(path.join(folder, 'info-'));
      // The entry is for plain prompts; conversations have one column in these formats only.
      const hasOneColumn = /sharegpt|messages|text/u.test(format);
      const rows = rowsOf(format).slice(0, hasOneColumn ? 2 : 1);
      await writeDatasetFile(path.join(own, 'x.jsonl'), rows, format);
      await writeFile(path.join(own, 'dataset_info.json'), JSON.stringify({ x: datasetInfoEntry('x.jsonl', format) }));
      const entry = (await readDatasetInfo(own))!.entry('x');
      expect(await loadDatasetRows(entry.file, { layout: entry.layout! })).toEqual(rows);
    });
  }

  it('keeps a poem’s metadata as columns', async () => {
    const poem = (await loadStarter()).find(({ labels }) => labels.tune !== null)!;
    const columns = poemColumns(poem);
    expect(Object.keys(columns)).toEqual([...POEM_COLUMNS]);
    expect(columns).toMatchObject({ form: '词', cipai: poem.labels.tune, rhyme_book: 'cilin', author: poem.author });
    const file = temporary();
    await writeDatasetFile(file, [{ id: poem.id, messages: [], text: poem.text, extra: columns }], 'text');
    expect((await loadDatasetRows(file))[0]!.extra).toEqual(columns);
  });

  it('is written whole or not at all', async () => {
    const own = await mkdtemp(path.join(folder, 'whole-'));
    const file = path.join(own, 'x.jsonl');
    const broken = async function* () {
      yield rowsOf('text')[0]!;
      throw new Error('the source broke');
    };
    await expect(writeDatasetFile(file, broken(), 'text')).rejects.toThrow('the source broke');
    expect(await readdir(own)).toEqual([]);
  });

  it('is read as a stream: rows before a broken line come out, a limit stops reading', async () => {
    const file = await written(`${lines({ text: 'a' }, { text: 'b' })}\nbroken`);
    const seen: string[] = [];
    await expect(async () => {
      for await (const row of readDatasetRows(file)) seen.push(row.text!);
    }).rejects.toThrow('row 3');
    expect(seen).toEqual(['a', 'b']);
    expect(await loadDatasetRows(file, { limit: 2 })).toHaveLength(2);
  });

  it('may have a byte order mark, blank lines, Windows line ends and lines across chunks', async () => {
    const long = '字'.repeat(200_000);
    const text = `\uFEFF${JSON.stringify({ text: long })}\r\n\r\n${JSON.stringify({ text: 'b' })}`;
    expect((await loadDatasetRows(await written(text))).map((row) => row.text!.length)).toEqual([200_000, 1]);
  });
});

describe('a message with a loss mask of its own', () => {
  const turn = (role: string, content: string, mask: object = {}) => ({ role, content, ...mask });

  it.each([[{ train: false }], [{ loss: false }], [{ weight: 0 }], [{ train: 0, weight: 0 }]])(
    '%o: is read and not learnt, and stays so when written',
    async (mask) => {
      const row = await read({
        messages: [
          turn('user', 'q1', mask),
          turn('assistant', 'a1', mask),
          turn('user', 'q2'),
          turn('assistant', 'a2', mask),
        ],
      });
      expect(row.messages.map(({ isContext }) => isContext)).toEqual([undefined, true, undefined]);
      expect(row).toMatchObject({ completion: 'a2', isCompletionContext: true });
      for (const format of ['messages', 'sharegpt'] as const) {
        const file = temporary();
        await writeDatasetFile(file, [row], format);
        expect(await loadDatasetRows(file)).toEqual([{ ...row, id: expect.any(String) }]);
      }
    },
  );

  it('that asks for what is usual changes nothing', async () => {
    const row = await read({ messages: [turn('user', 'q'), turn('assistant', 'a', { train: true, weight: 1 })] });
    expect(row.isCompletionContext).toBeUndefined();
  });

  it.each([
    [{ weight: 0.5 }, 'to be true, false, 1 or 0'],
    [{ train: true, weight: 0 }, 'to agree'],
  ])('%o: is refused', async (mask, message) => {
    const error = await refusal(() => read({ messages: [turn('user', 'q'), turn('assistant', 'a', mask)] }));
    expect(error.message).toContain(message);
  });

  it('cannot ask to learn a question', async () => {
    const error = await refusal(() => read({ messages: [turn('user', 'q', { train: true }), turn('assistant', 'a')] }));
    expect(error.code).toBe('dataset-unsupported');
  });
});

describe('a row', () => {
  it.each([
    ['alpaca with input and history', { instruction: 'q2', input: 'more', output: 'a2', history: [['q1', 'a1']] }],
    [
      'sharegpt with a system column',
      {
        conversations: [
          { from: 'human', value: 'q1' },
          { from: 'gpt', value: 'a1' },
          { from: 'human', value: 'q2\nmore' },
          { from: 'gpt', value: 'a2' },
        ],
        system: '',
      },
    ],
    [
      'conversations under OpenAI names',
      {
        conversations: [
          { role: 'user', content: 'q1' },
          { role: 'assistant', content: 'a1' },
          { role: 'user', content: 'q2\nmore' },
          { role: 'assistant', content: 'a2' },
        ],
      },
    ],
    [
      'TRL with message lists',
      {
        prompt: [
          { role: 'user', content: 'q1' },
          { role: 'assistant', content: 'a1' },
          { role: 'user', content: 'q2\nmore' },
        ],
        completion: [{ role: 'assistant', content: 'a2' }],
      },
    ],
  ])('%s says the same as the others', async (_, row) => {
    const { messages, completion } = await read(row);
    expect(messages.map(({ role, content }) => `${role}:${content}`)).toEqual([
      'user:q1',
      'assistant:a1',
      'user:q2\nmore',
    ]);
    expect(completion).toBe('a2');
  });

  it.each([
    [
      'ms-swift',
      {
        messages: [
          { role: 'user', content: 'q' },
          { role: 'assistant', content: 'c' },
        ],
        rejected_response: 'r',
      },
    ],
    [
      'TRL without a prompt column',
      {
        chosen: [
          { role: 'user', content: 'q' },
          { role: 'assistant', content: 'c' },
        ],
        rejected: [
          { role: 'user', content: 'q' },
          { role: 'assistant', content: 'r' },
        ],
      },
    ],
    [
      'sharegpt',
      {
        conversations: [{ from: 'human', value: 'q' }],
        chosen: { from: 'gpt', value: 'c' },
        rejected: { from: 'gpt', value: 'r' },
      },
    ],
    ['alpaca', { instruction: 'q', input: '', chosen: 'c', rejected: 'r' }],
  ])('%s preference is a prompt and two answers', async (_, row) => {
    const { messages, chosen, rejected } = await read(row);
    expect([messages, chosen, rejected]).toEqual([[{ role: 'user', content: 'q' }], 'c', 'r']);
  });

  it('without an answer is a prompt', async () => {
    expect(await read({ prompt: 'q', form: '七絕' })).toEqual({
      id: expect.stringMatching(/^\d+\.jsonl:1$/u),
      messages: [{ role: 'user', content: 'q' }],
      extra: { form: '七絕' },
    });
  });

  it.each([
    ['alpaca', { id: 'x', messages: [{ role: 'user', content: 'q' }], extra: {} }, 'expected answer, got prompt'],
    [
      'alpaca',
      { id: 'x', messages: [{ role: 'assistant', content: 'q' }], completion: 'a', extra: {} },
      'must be user and assistant in turn',
    ],
    [
      'text',
      { id: 'x', messages: [{ role: 'user', content: 'q' }], completion: 'a', extra: {} },
      'expected text, got answer',
    ],
    [
      'messages',
      { id: 'x', messages: [{ role: 'user', content: 'q' }], completion: 'a', extra: { system: 's' } },
      'the extra column "system"',
    ],
  ] satisfies [DatasetFormat, DatasetRow, string][])(
    'is refused by %s when it has no room for it',
    (format, row, reason) => {
      expect(() => formatRow(row, format)).toThrow(reason);
    },
  );
});

describe('a bad file', () => {
  const ok = { instruction: 'q', input: '', output: 'a' };
  it.each([
    [
      'a missing answer',
      lines(ok, { ...ok, output: undefined }),
      'row 2: expected text in column "output", got nothing',
    ],
    ['an answer that is no text', lines({ ...ok, output: 3 }), 'row 1: expected text in column "output", got 3'],
    ['an empty answer', lines({ ...ok, output: ' ' }), 'row 1: expected text in column "output", got an empty one'],
    [
      'unknown columns',
      lines({ question: 'q', answer: 'a' }),
      'row 1: expected columns of a known format, got ["question","answer"]',
    ],
    [
      'a broken line',
      `${lines(ok)}\n\n{"instruction"`,
      'row 2 (line 3): expected one JSON object a line, got "{\\"instruction\\""',
    ],
    ['a list as a line', lines(ok, [1]), 'row 2: expected an object, got [1]'],
    ['a broken list', '[{"a":1},', 'expected a JSON list, got a broken one'],
    ['a list of text', '["a"]', 'row 1: expected an object, got "a"'],
    [
      'bad history',
      lines({ ...ok, history: [['q']] }),
      'row 1: expected turns [question, answer] in column "history", got ["q"]',
    ],
    [
      'mixed kinds',
      lines({ prompt: 'q', completion: 'a' }, { prompt: 'q' }),
      'row 2: expected the same kind of row as before (answer), got one of prompt',
    ],
    [
      'KTO',
      lines({ prompt: 'q', completion: 'a', label: true }),
      'row 1: column "label" makes this a KTO row (one answer, good or bad), which is not trained in this version',
    ],
    [
      'LLaMA-Factory’s KTO',
      lines({ ...ok, kto_tag: false }),
      'row 1: column "kto_tag" makes this a KTO row (one answer, good or bad), which is not trained in this version',
    ],
    [
      'tools',
      lines({ messages: [{ role: 'user', content: 'q' }], tools: [{}] }),
      'row 1: column "tools" describes tools, and tool calls are not trained',
    ],
    [
      'a tool’s turn',
      lines({ conversations: [{ from: 'observation', value: '' }] }),
      'row 1: column "conversations" has a turn of "observation", and tool calls are not trained',
    ],
    [
      'a tool call',
      lines({ messages: [{ role: 'assistant', content: null, tool_calls: [{}] }] }),
      'row 1: column "messages" has a turn of "assistant", and tool calls are not trained',
    ],
    [
      'no question',
      lines({ instruction: '', input: '', output: 'a' }),
      'row 1: expected text in column "instruction", got an empty one',
    ],
    [
      'an unknown role',
      lines({ messages: [{ role: 'poet', content: 'q' }] }),
      'row 1: expected "role" to be one of user, assistant, system, got "poet"',
    ],
    [
      'two turns of one role',
      lines({
        messages: [
          { role: 'user', content: 'q' },
          { role: 'user', content: 'q' },
        ],
      }),
      'row 1: expected user and assistant in turn in column "messages", got user as turn 2',
    ],
    [
      'no messages',
      lines({ messages: [] }),
      'row 1: expected a list of messages in column "messages", got an empty one',
    ],
    [
      'a message without content',
      lines({ messages: [{ role: 'user' }] }),
      'row 1: expected text in column "content", got nothing',
    ],
    [
      'chosen as text in sharegpt',
      lines({ conversations: [{ from: 'human', value: 'q' }], chosen: 'c', rejected: 'r' }),
      'row 1: expected one message {"from", "value"} in column "chosen", got "c"',
    ],
    [
      'answers without a prompt',
      lines({ chosen: 'c', rejected: 'r' }),
      'row 1: expected a column "prompt" beside "chosen" and "rejected", got none',
    ],
    [
      'two conversations',
      lines({
        chosen: [
          { role: 'user', content: 'q' },
          { role: 'assistant', content: 'c' },
        ],
        rejected: [
          { role: 'user', content: 'other' },
          { role: 'assistant', content: 'r' },
        ],
      }),
      'row 1: expected "chosen" and "rejected" to differ in their last answer only, got other differences',
    ],
    ['nothing', '\n \n', 'expected at least one row, got an empty file'],
    ['other bytes', new Uint8Array([0x7b, 0xb4, 0xba, 0x7d]), 'row 1: expected UTF-8 text, got other bytes'],
    ['one line without end', ' '.repeat(MAX_LINE_BYTES + 1), `line 1: expected at most ${MAX_LINE_BYTES} bytes a line`],
  ])('with %s is refused in one sentence', async (_, content, sentence) => {
    const file = await written(content as string);
    const { message } = await refusal(() => loadDatasetRows(file));
    expect(message.replace(/^[^,:]*[,:] /u, '')).toBe(sentence);
    expect(message).toContain(path.basename(file));
  });

  it.each([
    ['.csv', 'a,b', /expected a file of \.json, \.jsonl, \.ndjson, got \.csv$/u],
    ['', '{}', /got no extension$/u],
  ])('with the extension "%s" is refused', async (extension, content, sentence) => {
    const file = await written(content, extension);
    expect((await refusal(() => loadDatasetRows(file))).message).toMatch(sentence);
  });

  it('that is not there, or is a folder, is said so', async () => {
    const absent = path.join(folder, 'absent.jsonl');
    expect((await refusal(() => loadDatasetRows(absent))).code).toBe('dataset-missing');
    const directory = await mkdtemp(path.join(folder, 'x-'));
    expect((await refusal(() => loadDatasetRows(directory))).code).toBe('dataset-unsupported');
  });
});

describe('dataset_info.json', () => {
  async function info(table: unknown): Promise<string> {
    const own = await mkdtemp(path.join(folder, 'info-'));
    await writeFile(path.join(own, 'dataset_info.json'), typeof table === 'string' ? table : JSON.stringify(table));
    return own;
  }
  const entryOf = async (entry: unknown) => (await readDatasetInfo(await info({ x: entry })))!.entry('x');

  it('reads what LLaMA-Factory reads: with `columns`, those and no others', async () => {
    const own = await info({
      all: { file_name: 'x.json', formatting: 'alpaca' },
      some: { file_name: 'x.json', columns: { prompt: 'instruction', response: 'output' } },
      chat: { file_name: 'y.json', formatting: 'openai' },
      pairs: { file_name: 'z.json', formatting: 'openai', ranking: true },
    });
    await writeFile(
      path.join(own, 'x.json'),
      lines({ instruction: 'q', input: 'more', output: 'a', kto_tag: null, system: 's' }),
    );
    await writeFile(
      path.join(own, 'y.json'),
      lines({
        messages: [
          { role: 'user', content: 'q' },
          { role: 'assistant', content: 'a' },
        ],
      }),
    );
    const answer = (content: string) => ({ role: 'assistant', content });
    const pair = { messages: [{ role: 'user', content: 'q' }], chosen: answer('c'), rejected: answer('r') };
    await writeFile(path.join(own, 'z.json'), lines(pair));
    const table = (await readDatasetInfo(own))!;
    const load = async (name: string) =>
      (await loadDatasetRows(table.entry(name).file, { layout: table.entry(name).layout! }))[0]!;
    expect((await load('all')).messages).toEqual([
      { role: 'system', content: 's' },
      { role: 'user', content: 'q\nmore' },
    ]);
    expect(await load('some')).toMatchObject({
      messages: [{ role: 'user', content: 'q' }],
      extra: { input: 'more', system: 's' },
    });
    expect(await load('chat')).toMatchObject({ messages: [{ role: 'user', content: 'q' }], completion: 'a' });
    expect(await load('pairs')).toMatchObject({ messages: [{ content: 'q' }], chosen: 'c', rejected: 'r' });
  });

  it('is null where there is none', async () => {
    expect(await readDatasetInfo(folder)).toBeNull();
  });

  it('maps columns and tags', async () => {
    const own = await info({
      poems: {
        file_name: 'p.json',
        ranking: true,
        columns: { prompt: '題', query: '注', chosen: '好', rejected: '壞' },
        num_samples: 5,
      },
      chats: {
        file_name: 'c.json',
        formatting: 'sharegpt',
        columns: { messages: '話' },
        tags: { role_tag: '誰', content_tag: '言', user_tag: '客', assistant_tag: '主' },
        split: 'train',
        hf_hub_url: 'someone/somewhere',
      },
      corpus: { file_name: 't.json', columns: { prompt: '文' } },
      plain: { file_name: 'plain.json' },
    });
    await writeFile(path.join(own, 'p.json'), JSON.stringify([{ 題: 'q', 注: 'n', 好: 'c', 壞: 'r' }]));
    await writeFile(
      path.join(own, 'c.json'),
      lines({
        話: [
          { 誰: '客', 言: 'q' },
          { 誰: '主', 言: 'a' },
        ],
      }),
    );
    await writeFile(path.join(own, 't.json'), lines({ 文: 't', 人: '李白' }));
    const table = (await readDatasetInfo(own))!;
    expect(table.names).toEqual(['poems', 'chats', 'corpus', 'plain']);
    const load = async (name: string) => {
      const { file, layout } = table.entry(name);
      return (await loadDatasetRows(file, { layout: layout! }))[0]!;
    };
    expect(await load('poems')).toMatchObject({
      messages: [{ content: 'q\nn' }],
      chosen: 'c',
      rejected: 'r',
      extra: {},
    });
    expect(table.entry('poems').numSamples).toBe(5);
    expect(await load('chats')).toMatchObject({ messages: [{ role: 'user', content: 'q' }], completion: 'a' });
    expect(await load('corpus')).toMatchObject({ text: 't', extra: { 人: '李白' } });
    expect(table.entry('plain')).toEqual({ name: 'plain', file: path.join(own, 'plain.json') });
  });

  it.each([
    [{ file_nmae: 'x' }, '"file_nmae" is not understood; did you mean "file_name"?'],
    [{}, 'expected a file_name, got nothing'],
    [{ hf_hub_url: 'a/b' }, 'hf_hub_url names data that is not on this machine'],
    [{ file_name: 'x', subset: 'zh' }, 'subset "zh" cannot be used: a file has no subsets'],
    [{ file_name: 'x', split: 'test' }, 'split "test" cannot be used: a file has no splits'],
    [{ file_name: 'x', folder: 'data' }, 'folder "data" cannot be used: files are named by file_name'],
    [
      { file_name: 'x', formatting: 'shargpt' },
      'expected formatting to be one of alpaca, sharegpt, openai, got "shargpt"; did you mean "sharegpt"?',
    ],
    [{ file_name: 'x', ranking: 'yes' }, 'expected ranking to be true or false, got "yes"'],
    [{ file_name: 'x', columns: { promt: 'q' } }, '"promt" is not understood; did you mean "prompt"?'],
    [{ file_name: 'x', columns: { images: 'q' } }, '"images" is not understood'],
    [{ file_name: 'x', columns: { prompt: 3 } }, 'expected prompt to name a column, got 3'],
    [{ file_name: 'x', tags: ['role'] }, 'expected a map of column names, got ["role"]'],
    [{ file_name: 'x', num_samples: 0.5 }, 'expected num_samples to be a whole number from 1, got 0.5'],
    ['x', 'expected a map such as {"file_name": "poems.jsonl"}, got "x"'],
  ])('refuses %j in one sentence', async (entry, sentence) => {
    const { message } = await refusal(() => entryOf(entry));
    expect(message).toMatch(/dataset_info\.json: x/u);
    expect(message.endsWith(sentence), message).toBe(true);
  });

  it.each(['not json', '[1]'])('refuses a table that is %s', async (text) => {
    expect((await refusal(async () => readDatasetInfo(await info(text)))).code).toBe('dataset-info-malformed');
  });
});
