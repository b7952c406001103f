/** Every label of the report in both languages. Terms of 格律 keep their Chinese name beside the English one. */
import type { ReportLanguage } from './report-input.ts';

const MESSAGES = {
  date: ['日期', 'Date'],
  machine: ['机器', 'Machine'],
  versions: ['版本', 'Versions'],
  seeds: ['种子', 'Seeds'],
  contents: ['目录', 'Contents'],
  poemsHeading: ['应题新作', 'Poems on request'],
  poemsLead: [
    '每字之下标其平仄：○ 平，● 仄；朱字为韵脚，波线为疵，点线为拗而可者。',
    'Below each character its tone: ○ level (平), ● oblique (仄). Rhyme words are red; a wavy line marks a broken rule, a dotted one a tolerated departure.',
  ],
  ladderHeading: ['格律阶梯', 'The ladder'],
  ladderLead: [
    '同一组题目与种子，逐级交由各模型作答；须线为 95 % 置信区间。末行是留出的真诗，以同一把尺量过：分数离了它便没有意义。',
    'The same prompts and seeds through every model; whiskers are 95 % intervals. The last row is real poems held out of training, measured with the same ruler: a score means nothing without it.',
  ],
  byFormHeading: ['各体', 'Form by form'],
  byFormLead: ['全合格律（严）的比例。', 'Share that keeps every rule, strict.'],
  pairsHeading: ['两两相较', 'Head to head'],
  pairsLead: [
    '同题两首，合律条数多者为胜，相等各计一半；区间为按题重抽的自助法。',
    'On each prompt the poem that keeps more rules wins, ties count half; intervals by bootstrap over prompts.',
  ],
  samplesHeading: ['同题并读', 'Side by side'],
  samplesLead: [
    '同一题目，各模型写成什么样；末列是题目所出的真诗。未经挑选，取每体最先的几题。',
    'What each model made of the same prompt, and the real poem the prompt was taken from. Not chosen by hand: the first prompts of each form.',
  ],
  formDetails: ['各体各则的首数与区间', 'Counts and intervals of every form and rule'],
  moreSamples: ['更多同题之作', 'More prompts'],
  noveltyHeading: ['新意与变化', 'Novelty and variety'],
  noveltyLead: [
    '抄句指整句（五字以上）见于训练所用的诗集；distinct 越高越多样，self-BLEU 越低越不雷同；切题为诗与本题相合、胜过他题的比例，0.5 等于乱点。',
    'A copied line stands whole (five characters or more) in the poems the model was trained on. Higher distinct-n is more varied; lower self-BLEU is less alike. “Fits its title” is how often a poem fits its own title better than another prompt’s; 0.5 is chance.',
  ],
  tasksHeading: ['有答案的题', 'Against a reference'],
  tasksLead: [
    '由前半续后半、对下句、把白话写成诗，与诗人原作相比；好诗不必是已有的那一首，分数宜互相参照。BLEU、chrF 为 0–100，ROUGE 为 0–1。',
    'The second half from the first, the answering line, verse from prose, held against what the poet wrote. A good poem need not be the one that exists: read the scores beside each other. BLEU and chrF from 0 to 100, ROUGE from 0 to 1.',
  ],
  taskContinuation: ['续写后半', 'Continuation'],
  taskCouplet: ['对下句', 'Couplet reply'],
  taskTranslation: ['白话成诗', 'Modern prose to verse'],
  falseAlarms: [
    '检查器误报：核实过的合律名篇被判有疵',
    'The checker’s own false alarms on verified poems without a fault:',
  ],
  styleAccuracy: ['风格分类器在留出组上的准确率：', 'style classifiers on held-out clusters:'],
  dynasty: ['朝代', 'dynasty'],
  poet: ['诗人', 'poet'],
  styleDynasty: ['朝代相符', 'Dynasty as asked'],
  styleAuthor: ['诗人相符', 'Poet as asked'],
  sourcesHeading: ['句句有来历', 'Which line came from where'],
  sourcesLead: [
    '把新作逐句放回训练诗集里查：整句相同的注明题目与作者，其余标出与集中诗句共用的最长字串。',
    'Every line of the poems looked up in the poems the model was trained on: whole lines are named with title and author, else the longest shared run of characters is marked.',
  ],
  runsHeading: ['训练曲线', 'Training'],
  runsLead: [
    '细线为各步之值，粗线为平滑后的走势；“渐合格律”为训练途中就同几道留出题目不加约束写诗、合乎各则的比例。',
    'The thin line is each step, the thick one its smoothed course. “Rules learned” is the share of poems, written for the same held-out requests without constraints while training goes on, that keep each rule.',
  ],
  notesHeading: ['说明', 'Notes'],
  model: ['模型', 'Model'],
  length: ['字句', 'Length'],
  rhyme: ['押韵', 'Rhyme'],
  meter: ['平仄', 'Meter'],
  all: ['全合', 'All rules'],
  lenientAll: ['全合（宽）', 'All, lenient'],
  strict: ['严', 'strict'],
  poems: ['首', 'poems'],
  n: ['首数', 'n'],
  seed: ['种子', 'Seed'],
  constrained: ['格律约束', 'constrained'],
  unconstrained: ['不加约束', 'unconstrained'],
  control: ['留出的真诗', 'held-out real poems'],
  controlShort: ['留出的真诗', 'real poems'],
  novel: ['无抄句', 'No copied line'],
  copiedLines: ['抄句', 'Copied lines'],
  copied: ['抄句', 'copied'],
  longestShared: ['最长共用字数', 'Longest shared run'],
  distinct1: ['distinct-1', 'distinct-1'],
  distinct2: ['distinct-2', 'distinct-2'],
  selfBleu: ['self-BLEU', 'self-BLEU'],
  bitsPerChar: ['比特/字', 'Bits/char'],
  tokensPerSecond: ['词元/秒', 'Tokens/s'],
  theme: ['切题', 'Fits its title'],
  parallelism: ['对仗', 'Parallelism'],
  winRate: ['胜率', 'Win rate'],
  against: ['对', 'against'],
  interval: ['95 % 区间', '95 % interval'],
  kept: ['合律', 'Keeps every rule'],
  broken: ['有疵', 'Breaks a rule'],
  tolerated: ['拗而可', 'Tolerated'],
  noFindings: ['无可指摘。', 'Nothing to fault.'],
  rhymeGroup: ['韵', 'rhyme'],
  line: ['诗句', 'Line'],
  source: ['出处', 'Source'],
  sharedRun: ['共用', 'shares'],
  nothingShared: ['无共用字串', 'nothing shared'],
  characters: ['字', 'characters'],
  noNovelty: ['未查', 'not looked up'],
  noCopied: ['无整句抄录', 'no line copied whole'],
  emptyText: ['（没有写出文字）', '(no text)'],
  original: ['原作', 'The real poem'],
  step: ['步', 'Step'],
  steps: ['步数', 'Steps'],
  loss: ['损失', 'Loss'],
  rulesLearned: ['渐合格律', 'Rules learned'],
  lossSmooth: ['损失（平滑）', 'Loss, smoothed'],
  evalLoss: ['验证损失', 'Validation loss'],
  firstValue: ['起步时', 'At the start'],
  lastValue: ['结束时', 'At the end'],
  metric: ['指标', 'Metric'],
  elapsed: ['用时', 'Time'],
  throughput: ['词元/秒', 'Tokens/s'],
  madeBy: ['由推敲生成，自成一页，不连网络。', 'Made by Tuiqiao; one file, no network.'],
  noScript: [
    '图表需要 JavaScript；各图的数值都在旁边的表中。',
    'The charts need JavaScript; every figure is in the tables beside them.',
  ],
  chartOf: ['图：', 'Chart: '],
} as const satisfies Readonly<Record<string, readonly [zh: string, en: string]>>;

export type MessageKey = keyof typeof MESSAGES;

/** Looks labels up in the report's language. */
export interface Labels {
  readonly lang: ReportLanguage;
  (key: MessageKey): string;
  /** The same label in the other language: the small line beside a heading. */
  other(key: MessageKey): string;
}

export function labelsFor(lang: ReportLanguage): Labels {
  const [own, other] = lang === 'zh' ? ([0, 1] as const) : ([1, 0] as const);
  return Object.assign((key: MessageKey): string => MESSAGES[key][own], {
    lang,
    other: (key: MessageKey): string => MESSAGES[key][other],
  });
}
