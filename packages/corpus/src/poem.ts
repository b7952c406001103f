/** One poem as it travels through the corpus: cleaned, traditional inside, with its labels. Not a training example. */

export type Dynasty =
  | '先秦'
  | '汉'
  | '魏晋'
  | '南北朝'
  | '隋'
  | '唐'
  | '五代'
  | '宋'
  | '辽'
  | '金'
  | '元'
  | '明'
  | '清';

export interface Poem {
  /** Stable: the source's own id where it has one, else `<source>:<index>`. */
  readonly id: string;
  /** Collection, e.g. `shi.tang`, `shi.song`, `ci.song`. */
  readonly source: string;
  readonly dynasty: Dynasty;
  /** Traditional script. */
  readonly author: string;
  readonly title: string;
  /** Traditional, punctuated with ，。 only (、 inside ci lines), no line feeds inside a stanza, `\n` between stanzas. */
  readonly text: string;
  readonly labels: PoemLabels;
}

export interface PoemLabels {
  /** 五绝 七绝 五律 七律 · 五排 七排 · 古 · 词; null when nothing fits. */
  readonly form: string | null;
  /** 平起 / 仄起 of regulated verse. */
  readonly start: '平起' | '仄起' | null;
  readonly firstLineRhymes: boolean | null;
  /** 平水韵 group (traditional name, e.g. 尤) or 词林正韵 part (e.g. 第十二部平); null when none holds. */
  readonly rhyme: string | null;
  /** Canonical tune name (simplified, as in the tables), for ci. */
  readonly tune: string | null;
  readonly theme: string | null;
  /** Fixed slots broken plus lines off rhyme, by the strict checker; null when not regulated verse or ci. */
  readonly faults: number | null;
  /** True when the strict verdict keeps every rule. */
  readonly isFlawless: boolean;
  /** Near-duplicate cluster; poems of one cluster never stand on two sides of a split. */
  readonly cluster: number;
  readonly split: 'train' | 'validation' | 'test';
}
