/** What the command itself says, in both languages. Results come from the engines; this is only the frame around them. */

export const LANGUAGES = ['zh', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];

interface Pair {
  readonly zh: string;
  readonly en: string;
}

const MESSAGES = {
  // program
  tagline: {
    zh: '推敲：为古典诗词微调、对齐、评判并服务语言模型。',
    en: 'Tuiqiao: fine-tune, align, judge and serve language models for classical Chinese poetry.',
  },
  optionJson: { zh: '标准输出只给 JSON', en: 'JSON on stdout and nothing else there' },
  optionQuiet: { zh: '不报进度，不说闲话', en: 'no progress and no prose' },
  optionSeed: { zh: '随机种子，使结果可重复', en: 'seed: makes the result repeatable' },
  optionLang: { zh: '提示语言：zh 或 en（默认依 LANG）', en: 'language of messages: zh or en (default from LANG)' },
  optionDebug: { zh: '出错时给出调用栈', en: 'a stack trace with errors' },
  optionNoColor: { zh: '不用颜色', en: 'no colours' },
  optionSet: { zh: '覆盖配方中的一项，可给多次', en: 'override one option of the recipe; may be given several times' },
  optionDryRun: {
    zh: '只给出解析后的配方与步数、内存、用时估计，不运行',
    en: 'print the resolved recipe, steps and estimates of memory and time; run nothing',
  },
  optionHelp: { zh: '显示帮助', en: 'show help' },
  optionVersion: { zh: '显示版本', en: 'show the version' },
  commandHelp: { zh: '显示某个命令的帮助', en: 'show help for a command' },
  examples: { zh: '例：', en: 'Examples:' },
  learnMore: {
    zh: '各命令的选项与例子：tuiqiao 命令 --help',
    en: 'Options and examples of a command: tuiqiao COMMAND --help',
  },
  headingUsage: { zh: '用法：', en: 'Usage:' },
  headingArguments: { zh: '参数：', en: 'Arguments:' },
  headingOptions: { zh: '选项：', en: 'Options:' },
  headingCommands: { zh: '命令：', en: 'Commands:' },
  headingGlobal: { zh: '通用选项：', en: 'Global options:' },
  unitDefault: { zh: '默认', en: 'default' },
  switchOff: { zh: '关闭：', en: 'Switch off: ' },
  choices: { zh: '可选', en: 'one of' },
  errorPrefix: { zh: '错误', en: 'error' },
  hintPrefix: { zh: '办法', en: 'hint' },
  warningPrefix: { zh: '注意', en: 'note' },
  seeHelp: { zh: '看 `{command} --help`。', en: 'See `{command} --help`.' },
  interruptOnce: {
    zh: '正在停下：做完这一步并存好。再按一次 Ctrl-C 立即退出。',
    en: 'Stopping after this step and saving. Press Ctrl-C again to stop at once.',
  },
  interrupted: { zh: '已中断。', en: 'Interrupted.' },
  // check
  checkSummary: { zh: '看格律：平仄、用韵、粘对、拗救、词谱', en: 'judge poems: tones, rhyme, form, word patterns' },
  checkFiles: {
    zh: '文本、JSON Lines、CSV 文件或文件夹；- 或不填表示标准输入',
    en: 'text, JSON Lines or CSV files, or folders; - or nothing: standard input',
  },
  noPoem: { zh: '没有找到诗', en: 'no poem found' },
  form: { zh: '体裁', en: 'form' },
  unknownForm: { zh: '不成体', en: 'no known form' },
  poems: { zh: '首数', en: 'poems' },
  length: { zh: '字数', en: 'length' },
  rhyme: { zh: '用韵', en: 'rhyme' },
  meter: { zh: '平仄', en: 'tones' },
  strictAll: { zh: '严格全合', en: 'all, strict' },
  lenientAll: { zh: '宽松全合', en: 'all, lenient' },
  total: { zh: '合计', en: 'total' },
  flawless: { zh: '合律', en: 'keeps every rule' },
  tolerated: { zh: '宽松合律', en: 'keeps the rules, leniently' },
  faulty: { zh: '不合律', en: 'breaks rules' },
  checkTyping: {
    zh: '请输入诗，每首之间空一行；写完按 Ctrl-D。',
    en: 'Type poems, a blank line between them; Ctrl-D when done.',
  },
  written: { zh: '已写入 {file}', en: 'Written: {file}' },
  parallelism: { zh: '对仗', en: 'parallelism' },
  polyphones: { zh: '多音', en: 'two readings' },
  checkPageTitle: { zh: '格律评点', en: 'Verdicts on verse' },
  suggestion: { zh: '可改', en: 'try' },
  rhymes: { zh: '韵', en: 'rhyme' },
  firstLineRhymes: { zh: '首句入韵', en: 'first line rhymes' },
  firstLineFree: { zh: '首句不入韵', en: 'first line free' },
  commonFaults: { zh: '常见的疵', en: 'commonest faults' },
  legend: { zh: '○平 ●仄 ◎平仄两读 ？不识', en: '○ level  ● oblique  ◎ either  ？ unknown' },
  // env
  envSummary: {
    zh: '环境：版本、处理器、计算内核与实测矩阵速度、内存、缓存',
    en: 'the environment: versions, processor, kernels and measured matrix speed, memory, caches',
  },
  envMissing: { zh: '缺少', en: 'missing' },
  envAllThere: { zh: '一样不缺。', en: 'Nothing is missing.' },
  // hub
  hubSummary: { zh: '模型库：取得开放模型', en: 'the model hub: fetch open models' },
  hubPullSummary: {
    zh: '从 Hugging Face 或其镜像（HF_ENDPOINT）下载模型，可续传，逐个校验；私有模型用 HF_TOKEN',
    en: 'fetch a model from Hugging Face or a mirror (HF_ENDPOINT), resumed and verified; HF_TOKEN for private ones',
  },
  optionHubDir: { zh: '存放的文件夹（默认在缓存里）', en: 'folder to put it in (default: in the cache)' },
  optionHubRevision: { zh: '分支、标签或提交', en: 'branch, tag or commit' },
  optionHubFile: { zh: '只取这些文件', en: 'fetch these files only' },
  hubPulled: { zh: '{repo}：{files} 个文件，{bytes}，在 {folder}', en: '{repo}: {files} files, {bytes}, in {folder}' },
  // corpus
  corpusSummary: { zh: '语料：取得、统计、检索', en: 'the corpus: fetch, count, search' },
  corpusPullSummary: {
    zh: '下载完整语料（npm 包 chinese-poetry）到缓存，校验并清洗',
    en: 'fetch the full corpus (npm package chinese-poetry) into the cache, verify and clean it',
  },
  corpusStatsSummary: { zh: '各来源首数与各清洗规则的影响', en: 'counts per source and cleaning rule' },
  corpusSearchSummary: { zh: '找一句诗的出处', en: 'find a line' },
  optionLimit: { zh: '最多几首', en: 'at most so many poems' },
  optionTitles: { zh: '也找题目与作者', en: 'look into titles and authors too' },
  optionResume: { zh: '从检查点继续', en: 'go on from a checkpoint' },
  copied: { zh: '与前人同句', en: 'copied line' },
  givenUp: {
    zh: '有 {count} 首写到最后一次仍不合格律，未印出。',
    en: '{count} not printed: they still broke the form at the last attempt.',
  },
  // polish
  polishSummary: {
    zh: '推敲：为一字、一句或一联另拟更好的',
    en: 'polish a poem: rewrites of a character, a line or a couplet',
  },
  polishDescription: {
    zh: '推敲：为一字、一句或一联另拟，余者不动；新拟的全合格律，按模型对全诗的对数概率排列。',
    en: 'Rewrites of a character, a line or a couplet; the rest stays. What is new keeps every rule; ranked by the log-probability that the model gives the whole poem.',
  },
  polishLine: { zh: '改第 {line} 句', en: 'rewriting line {line}' },
  polishChange: { zh: '第{line}句', en: 'line {line}' },
  polishGain: { zh: '对数概率', en: 'log-probability' },
  polishNothing: { zh: '没有找到合适的改法。', en: 'Nothing that fits was found.' },
  // stages
  prepareSummary: {
    zh: '把诗做成数据集文件（alpaca、sharegpt、messages、偏好对等），按近重复分组划分',
    en: 'poems as dataset files (alpaca, sharegpt, messages, preference …), split by near-duplicate cluster',
  },
  pretrainSummary: { zh: '从零训练小型基座模型', en: 'train a small base model from nothing' },
  sftSummary: { zh: '监督微调（LoRA 或全参）', en: 'supervised fine-tuning (LoRA or full)' },
  dpoSummary: { zh: '偏好对齐（DPO）', en: 'preference alignment (DPO)' },
  ktoSummary: { zh: '逐条好坏对齐（KTO）', en: 'alignment by answers marked good or bad (KTO)' },
  rmSummary: { zh: '由偏好对训练奖励模型', en: 'train a reward model on preference pairs' },
  grpoSummary: { zh: '以格律为奖励的强化学习（GRPO）', en: 'reinforcement by rules as rewards (GRPO)' },
  evaluateSummary: {
    zh: '评测阶梯：同一批题目与种子，逐个模型打分',
    en: 'the ladder: the same prompts and seeds through one or more models',
  },
  compareSummary: {
    zh: '两个模型同题并读：公开对照、盲评、统计评阅表、语言模型作评委',
    en: 'two models on the same prompts: open, blind, filled sheets counted, a language model as judge',
  },
  compareModels: {
    zh: '`模型`、`名字=模型+适配器[:比例]` 或 `名字=http://主机/v1#模型`',
    en: '`MODEL`, `NAME=MODEL+ADAPTER[:scale]` or `NAME=http://HOST/v1#MODEL`',
  },
  previewSummary: {
    zh: '看微调学的是什么：学到的字以颜色标出',
    en: 'what a fine-tuning recipe learns from, in colour',
  },
  previewTotals: {
    zh: '共 {examples} 条，{tokens} 个记号，其中学 {learnt} 个（绿色；黄色为另有权重，灰色只读不学）',
    en: '{examples} examples, {tokens} tokens, {learnt} of them learnt (green; yellow: with a weight of its own; dim: read only)',
  },
  mergeSummary: { zh: '把适配器并入基座，并核对前后 logits', en: 'merge adapters into their base, checked' },
  exportSummary: {
    zh: '导出 GGUF、Ollama，或转换 mlx-lm、PEFT 适配器',
    en: 'GGUF, Ollama; adapters for mlx-lm and PEFT',
  },
  checkSame: { zh: '核对无误', en: 'the same model' },
  checkDiffers: { zh: '核对不符：写出的不是同一个模型', en: 'the check failed: not the same model' },
  trainSummary: { zh: '按配方中的 stage: 运行相应阶段', en: 'run the stage that the recipe names' },
  writeSummary: { zh: '写诗填词，可加格律约束', en: 'write poems, held to a form' },
  // chat
  chatSummary: {
    zh: '在终端里对话；对诗人模型说主题，它按格律作诗',
    en: 'chat in the terminal; to a poet a message is a theme',
  },
  chatPoet: {
    zh: '写下主题，如 秋夜、七律 登高、浣溪沙·春愁；/help 列出命令，Ctrl-C 停下作答，再按离开。',
    en: 'Type a theme: 秋夜, 七律 登高, 浣溪沙·春愁. /help lists commands; Ctrl-C stops an answer, twice leaves.',
  },
  chatTalk: {
    zh: '请说；行末加 \\ 可续行，/help 列出命令，Ctrl-C 停下作答，再按离开。',
    en: 'Say something; \\ at the end of a line goes on in the next. /help lists commands; Ctrl-C stops an answer, twice leaves.',
  },
  chatLeave: { zh: '再按一次 Ctrl-C 离开。', en: 'Ctrl-C once more leaves.' },
  chatHelp: {
    zh: '命令：/form 七绝  /tune 浣溪沙  /rhyme 尤  /style 李白（off 取消）  /theme 秋夜  /adapter 名字  /reset  /help  /quit',
    en: 'Commands: /form 七绝  /tune 浣溪沙  /rhyme 尤  /style 李白 (off takes it back)  /theme 秋夜  /adapter NAME  /reset  /help  /quit',
  },
  // serve
  serveSummary: { zh: 'OpenAI 兼容的服务，可按格律写诗', en: 'OpenAI-compatible server, with poems under the rules' },
  serveOpening: { zh: '正在打开 {model} …', en: 'opening {model} …' },
  serveModels: { zh: '模型', en: 'models' },
  serveListening: { zh: '服务于', en: 'listening on' },
  serveTry: { zh: '试一试', en: 'try' },
  serveStop: { zh: '按 Ctrl-C 停止', en: 'Ctrl-C stops it' },
  serveClosing: {
    zh: '正在结束手头的请求；再按一次立即停止。',
    en: 'Finishing what is under way; once more stops at once.',
  },
  serveOpenToAll: {
    zh: '监听 {host}，别的机器也能访问，而未设密钥；请用 --api-key 或 TUIQIAO_API_KEY。',
    en: 'other machines can reach {host} and no key is asked for; set --api-key or TUIQIAO_API_KEY.',
  },
  // studio
  studioSummary: {
    zh: '网页工作室：写、查、评、看训练',
    en: 'the web studio: write, check, compare, watch training',
  },
  studioAt: { zh: '工作室在', en: 'the studio is at' },
  studioNotOpened: {
    zh: '浏览器打不开：请自己打开上面的地址。',
    en: 'no browser could be opened: open the address yourself.',
  },
  demoSummary: {
    zh: '演示：语料 → SFT → DPO → 评测 → 写诗，八分钟之内',
    en: 'the main job on embedded defaults: corpus → SFT → DPO → ladder → poems, within 8 minutes',
  },
  recipeArgument: { zh: 'YAML 配方；不填则全用选项与默认值', en: 'YAML recipe; without it, options and defaults' },
  runDone: { zh: '完成：{folder}', en: 'Done: {folder}' },
  runStopped: {
    zh: '已停在第 {step} 步；加 --resume 继续：{folder}',
    en: 'Stopped at step {step}; go on with --resume: {folder}',
  },
  alreadyDone: { zh: '早先已完成：{parts}', en: 'Done earlier: {parts}' },
  report: { zh: '报告', en: 'report' },
  atStep: { zh: '第 {step} 步', en: 'step {step}' },
  steps: { zh: '步', en: 'steps' },
  loss: { zh: '损失', en: 'loss' },
  remaining: { zh: '剩余', en: 'left' },
  elapsed: { zh: '用时', en: 'took' },
  checkpoint: { zh: '检查点', en: 'checkpoint' },
  resumed: { zh: '从第 {step} 步继续', en: 'going on from step {step}' },
} as const satisfies Record<string, Pair>;

export type MessageKey = keyof typeof MESSAGES;

/** A message with its `{names}` filled in. */
export function translate(
  language: Language,
  key: MessageKey,
  values: Readonly<Record<string, string | number>> = {},
): string {
  return MESSAGES[key][language].replace(/\{(\w+)\}/gu, (whole, name: string) => String(values[name] ?? whole));
}

/** `--lang` as typed, else the locale of the environment: `zh_CN.UTF-8` → zh, anything else → en. */
export function chooseLanguage(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Language {
  const index = argv.indexOf('--lang');
  const typed = index >= 0 ? argv[index + 1] : argv.find((word) => word.startsWith('--lang='))?.slice('--lang='.length);
  const known = LANGUAGES.find((language) => language === typed);
  if (known !== undefined) return known;
  const locale = environment.LC_ALL || environment.LC_MESSAGES || environment.LANG || '';
  return /^zh/iu.test(locale) ? 'zh' : 'en';
}
