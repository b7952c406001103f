/** What a poem should be: the words of a writing request, and of a check. */
import * as z from 'zod';
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
  排律: '五排',
  五言排律: '五排',
  七言排律: '七排',
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

/** The forms that can be written under rules, and other names for them → their names here. */
export const VERSE_FORMS: Readonly<Record<string, string>> = Object.fromEntries(
  ['五绝', '七绝', '五律', '七律', '五排', '七排']
    .map((form): [string, string] => [form, form])
    .concat(Object.entries(VERSE_WORDS).filter(([, form]) => /^[五七][绝律排]$/u.test(form))),
);

const bookField = option(
  z.enum(BOOKS).optional(),
  'Rhyme book: pingshui 平水韵, cilin 词林正韵, xinyun 中华新韵, tongyun 中华通韵, guangyun 廣韻 (check only). Absent: 平水韵 for shi, 词林正韵 for ci.',
  '韵书：pingshui 平水韵、cilin 词林正韵、xinyun 中华新韵、tongyun 中华通韵、guangyun 廣韻（只供检查）。不填则诗用平水韵，词用词林正韵。',
);

const formField = option(
  z.string().min(1).optional(),
  'Form of regulated verse: 五绝 七绝 五律 七律 五排 七排 (排律 is 五排).',
  '近体诗体：五绝 七绝 五律 七律 五排 七排（排律即五排）。',
);

const tuneField = option(
  z.string().min(1).optional(),
  'Tune of a ci, e.g. 浣溪沙; common other names are understood.',
  '词牌，如浣溪沙；常见别名亦可。',
);

export const themeField = option(z.string().min(1).optional(), 'What the poem is about, e.g. 秋夜.', '主题，如秋夜。');

export const rhymeField = option(
  z.string().min(1).optional(),
  'Rhyme group, e.g. 东 or 尤, with 词林正韵 its part, e.g. 第三部; or any character that rhymes in it, e.g. 楼.',
  '韵部，如东、尤，词林正韵写部名，如第三部；也可写其中任何一字，如楼。',
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
  variant: option(
    z.string().min(1).optional(),
    "Variant of the tune, e.g. '钦定词谱 2'; absent: the one most Song poems follow.",
    '词牌的别体，如 钦定词谱 2；不填则用宋人最常用的一体。',
  ),
  lines: option(
    z.int().min(10).max(400).multipleOf(2).optional(),
    'Lines of a 排律, an even number from 10; absent: 12.',
    '排律的句数，10 以上的偶数；不填为 12。',
    { unit: 'lines' },
  ),
  start: option(
    z.enum(['平起', '仄起']).optional(),
    'Tone of the second character of regulated verse; absent: either.',
    '近体诗首句第二字的平仄；不填则不拘。',
  ),
  rhymeFirstLine: option(
    z.boolean().optional(),
    'The first line rhymes (--no-rhyme-first-line: it does not); absent: either.',
    '首句入韵（--no-rhyme-first-line 为不入韵）；不填则不拘。',
  ),
  neighbourFirstLine: option(
    z.boolean().default(false),
    'The first line may rhyme in a neighbour group (首句借邻韵).',
    '首句可借邻韵。',
  ),
  repeats: option(
    z.enum(['auto', 'none', 'doubled', 'free']).default('auto'),
    'Characters that come again: none; only 叠字 directly after itself (doubled); or free. auto: doubled in shi of up to 8 lines, free elsewhere. A rhyme never comes again.',
    '重字：none 不许；doubled 只许叠字；free 不拘。auto：八句以内的诗为 doubled，其余为 free。韵脚从不重复。',
  ),
  parallelism: option(
    z.number().min(0).max(5).default(0.5),
    'How strongly the middle couplets of 律诗 and 排律 are drawn towards 对仗; 0: not at all.',
    '律诗、排律中间各联求对仗的力度；0 为不求。',
  ),
  embed: option(
    z.string().min(1).optional(),
    'Characters that must stand somewhere in the poem (嵌字); other places in every poem.',
    '嵌字：必须出现的字，每首嵌在不同的地方。',
  ),
  acrosticEnd: option(
    z.string().min(1).optional(),
    'Last characters of the lines (藏尾); □ leaves a line free.',
    '藏尾，各句末字；□ 表示该句不限。',
  ),
  continue: option(
    z.string().min(1).optional(),
    "Lines to go on from, e.g. '白日依山尽，黄河入海流。'",
    '由这些句子续写，如 白日依山尽，黄河入海流。',
  ),
  acrostic: option(
    z.string().min(1).optional(),
    'First characters of the lines (藏头), e.g. 春江花月; □ leaves a line free.',
    '藏头，各句首字，如春江花月；□ 表示该句不限。',
  ),
  keep: option(
    z
      .union([z.string(), z.array(z.string())])
      .transform((value) => (typeof value === 'string' ? [value] : value))
      .prefault([]),
    "Lines that must stay: `LINE:TEXT`, e.g. '2:清泉石上流'; □ leaves a character free: '3:明月□□□'; may be given several times.",
    '保留的句子：`句序:文字`，如 2:清泉石上流；□ 表示不限：3:明月□□□；可给多次。',
  ),
  firstLine: option(z.string().min(1).optional(), 'The first line; the model goes on from it.', '首句，由此续写。'),
  couplet: option(
    z.string().min(1).optional(),
    'A line to be answered (上联): lower lines of opposed tones, ranked by the score below; `rhyme` asks for one. Needs no form.',
    '上联：对出平仄相对的下联，按下述分数排列；可用 rhyme 指定韵部，不必给诗体。',
  ),
};

export const targetFields = {
  form: formField,
  tune: tuneField,
  book: bookField,
};

export const polishFields = {
  line: option(
    z.int().min(1).optional(),
    'Rewrite this line, from 1. Without a target: what breaks a rule; of a poem without faults, its weakest line.',
    '改这一句（从 1 数）。不指明则改不合律处；全合律则改最弱的一句。',
  ),
  character: option(
    z
      .string()
      .regex(/^\d+[:：]\d+$/u, 'expected LINE:POSITION such as 3:5')
      .optional(),
    'Rewrite one character: `LINE:POSITION`, e.g. 3:5.',
    '改一个字：`句序:字序`，如 3:5。',
  ),
  couplet: option(z.int().min(1).optional(), 'Rewrite this couplet, from 1.', '改这一联（从 1 数）。'),
  title: option(z.string().min(1).optional(), 'Title of the poem, which the model reads.', '题目，供模型参考。'),
  style: option(
    z.string().min(1).optional(),
    'In the manner of a poet or a dynasty, e.g. 李白, 宋.',
    '仿某位诗人或某代，如李白、宋。',
  ),
  count: option(z.int().min(1).max(1000).default(5), 'Rewrites shown at most.', '最多列出几种改法。'),
  candidates: option(
    z.int().min(1).max(4096).default(64),
    'Rewrites tried; the best are shown.',
    '试多少种，从中取最好的。',
  ),
};
