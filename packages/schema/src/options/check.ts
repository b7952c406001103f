/** Where `check` finds its poems inside a file, and what it makes of its verdicts. */
import * as z from 'zod';
import { option } from './option.ts';
import { targetFields } from './verse.ts';

/** How a file is read; `auto` goes by its name and its first line. */
export const INPUT_FORMATS = ['auto', 'text', 'jsonl', 'json', 'csv', 'tsv'] as const;
export type InputFormat = (typeof INPUT_FORMATS)[number];

function column(name: string, english: string, chinese: string) {
  return option(z.string().min(1).default(name), english, chinese, { isAdvanced: name !== 'text' && name !== 'title' });
}

const inputFields = {
  inputFormat: option(
    z.enum(INPUT_FORMATS).default('auto'),
    'How the input is read; auto goes by the name of the file and its first line.',
    '输入的格式；auto 依文件名与首行判断。',
  ),
  encoding: option(
    z.string().min(1).default('utf-8'),
    'Encoding of the input, e.g. utf-8, gb18030, big5, utf-16le.',
    '输入的编码，如 utf-8、gb18030、big5、utf-16le。',
  ),
  textColumn: column(
    'text',
    'Column (CSV) or field (JSON) of the poem; a list of lines is joined.',
    '诗文所在的列（CSV）或字段（JSON）；若为数组则逐句相接。',
  ),
  titleColumn: column('title', 'Column or field of the title.', '题目所在的列或字段。'),
  idColumn: column('id', 'Column or field of the id.', '编号所在的列或字段。'),
  formColumn: column('form', 'Column or field of the form.', '体裁所在的列或字段。'),
  tuneColumn: column('tune', 'Column or field of the tune.', '词牌所在的列或字段。'),
  bookColumn: column('book', 'Column or field of the rhyme book.', '韵书所在的列或字段。'),
};

const verdictFields = {
  csv: option(z.boolean().default(false), 'One row of CSV per poem.', '每首一行 CSV。'),
  html: option(
    z.boolean().default(false),
    'One page of HTML that needs nothing else, to read, print or project.',
    '一页自足的 HTML，可读、可印、可投影。',
  ),
  output: option(
    z.string().min(1).optional(),
    'File for the result instead of standard output; .html and .csv choose the kind.',
    '结果写入文件；扩展名 .html、.csv 决定种类。',
  ),
  parallelism: option(
    z.boolean().default(true),
    'Score the couplets of 律诗 and 排律 for 对仗.',
    '为律诗、排律各联的对仗打分。',
  ),
  polyphones: option(
    z.boolean().default(true),
    'List the characters of both tones (多音) with their readings and the one taken here.',
    '列出平仄两读的字（多音）、各读及此处所取。',
  ),
  strict: option(
    z.boolean().default(false),
    'Exit with 1 when a poem breaks a rule of the strict verdict.',
    '有诗不合严格标准时以 1 退出。',
  ),
};

/** The options of `check`, here and not among the stages': a poem is checked without any of theirs. */
export const checkSchema = z.strictObject({
  ...targetFields,
  ...inputFields,
  ...verdictFields,
});
