/** What a poem should be: the words of a writing request, and of a check. */
import { z } from 'zod';
import { option } from './option.ts';

/** 平水韵 · 词林正韵 · 中华新韵 · 中华通韵 · 廣韻 (to check only); the names of the prosody engine. */
export const BOOKS = ['pingshui', 'cilin', 'xinyun', 'tongyun', 'guangyun'] as const;

/** What a person may write instead of a name above, or of a form. */
export const VERSE_WORDS: Readonly<Record<string, string>> = {
  五絕: '五绝',
  七絕: '七绝',
  五言绝句: '五绝',
  七言绝句: '七绝',
  五言絕句: '五绝',
  七言絕句: '七绝',
  五言律诗: '五律',
  七言律诗: '七律',
  五言律詩: '五律',
  七言律詩: '七律',
  wujue: '五绝',
  qijue: '七绝',
  wulv: '五律',
  qilv: '七律',
  平水韵: 'pingshui',
  平水: 'pingshui',
  平水韻: 'pingshui',
  词林正韵: 'cilin',
  词林: 'cilin',
  詞林正韻: 'cilin',
  中华新韵: 'xinyun',
  新韵: 'xinyun',
  中華新韻: 'xinyun',
  中华通韵: 'tongyun',
  通韵: 'tongyun',
  中華通韻: 'tongyun',
  广韵: 'guangyun',
  廣韻: 'guangyun',
};

const bookField = option(
  z.enum(BOOKS).optional(),
  'Rhyme book: pingshui 平水韵, cilin 词林正韵, xinyun 中华新韵, tongyun 中华通韵, guangyun 廣韻 (check only). Absent: 平水韵 for shi, 词林正韵 for ci.',
  '韵书：pingshui 平水韵、cilin 词林正韵、xinyun 中华新韵、tongyun 中华通韵、guangyun 廣韻（只供检查）。不填则诗用平水韵，词用词林正韵。',
);

const formField = option(
  z.string().min(1).optional(),
  'Form of regulated verse: 五绝 七绝 五律 七律.',
  '近体诗体：五绝 七绝 五律 七律。',
);

const tuneField = option(
  z.string().min(1).optional(),
  'Tune of a ci, e.g. 浣溪沙; common other names are understood.',
  '词牌，如浣溪沙；常见别名亦可。',
);

export const themeField = option(z.string().min(1).optional(), 'What the poem is about, e.g. 秋夜.', '主题，如秋夜。');

export const rhymeField = option(
  z.string().min(1).optional(),
  'Rhyme group, e.g. 东 or 尤; with 词林正韵 its part, e.g. 第三部.',
  '韵部，如东、尤；词林正韵写部名，如第三部。',
);

export const requestFields = {
  form: formField,
  tune: tuneField,
  theme: themeField,
  title: option(z.string().min(1).optional(), 'Title of the poem.', '题目。'),
  style: option(
    z.string().min(1).optional(),
    'In the manner of a poet or a dynasty, e.g. 李白, 宋.',
    '仿某位诗人或某代，如李白、宋。',
  ),
  rhyme: rhymeField,
  book: bookField,
  acrostic: option(
    z.string().min(1).optional(),
    'First characters of the lines, e.g. 春江花月.',
    '藏头，各句首字，如春江花月。',
  ),
  keep: option(
    z
      .union([z.string(), z.array(z.string())])
      .transform((value) => (typeof value === 'string' ? [value] : value))
      .prefault([]),
    "Lines that must stay: `LINE:TEXT`, e.g. '2:清泉石上流'; may be given several times.",
    '保留的句子：`句序:文字`，如 2:清泉石上流，可给多次。',
  ),
  firstLine: option(z.string().min(1).optional(), 'The first line; the model goes on from it.', '首句，由此续写。'),
};

export const targetFields = {
  form: formField,
  tune: tuneField,
  book: bookField,
};
