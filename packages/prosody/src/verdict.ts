/**
 * Contract 4: what the prosody engine says of a poem. One value serves `check`, the corpus labels, the rewards, the
 * scores and the studio; `interface.md`'s `check --json` is this object as it is.
 */

/** 平水韵 · 词林正韵 · 中华新韵 · 中华通韵 · 廣韻. */
export type BookName = 'pingshui' | 'cilin' | 'xinyun' | 'tongyun' | 'guangyun';

/** 合 keeps the rule and is worth saying; 拗可 departs but is tolerated; 多音 only one reading fits; 疵 breaks it. */
export type Grade = '合' | '拗可' | '多音' | '疵';

/** A level (平) or oblique (仄) tone; 多 when the readings differ, ？ when the character is unknown. */
export type ToneMark = '平' | '仄' | '多' | '？';

export type RuleId =
  | 'zishu'
  | 'jushu'
  | 'shidui'
  | 'shinian'
  | 'guping'
  | 'sanpingwei'
  | 'sanzewei'
  | 'aoju'
  | 'tiao'
  | 'pingze'
  | 'chuyun'
  | 'chongyun'
  | 'zhuangyun'
  | 'zhuangyun-oblique'
  | 'jiyun'
  | 'chongzi'
  | 'shangwei'
  | 'hezhang'
  | 'zheyao'
  | 'guti'
  | 'unknown-character'
  | 'cipai-tone'
  | 'cipai-rhyme'
  | 'cipai-length'
  | 'cipai-zhuanyun'
  | 'cipai-yeyun'
  | 'cipai-lingzi';

export interface Finding {
  readonly rule: RuleId;
  /** The rule's Chinese name, e.g. 失对. */
  readonly name: string;
  /** From 1; punctuation does not count. */
  readonly line: number;
  /** From 1 inside the line; absent when the whole line is meant. */
  readonly position?: number;
  readonly char?: string;
  readonly verdict: Grade;
  /** A sentence a learner understands: the rule, what stands there, what would fit. */
  readonly message: string;
  readonly suggestion?: string;
}

export interface LineReading {
  readonly text: string;
  /** One 平 or 仄 per character: the reading that the slot or usage decides. */
  readonly tones: string;
  readonly readings: readonly ToneMark[];
}

export interface Score {
  readonly length: boolean;
  readonly rhyme: boolean;
  readonly meter: boolean;
  readonly all: boolean;
}

export interface RhymeFound {
  /** Group name in the script of the input, e.g. 东. */
  readonly group: string;
  /** 上平 下平 上 去 入, or 平 仄 入 for the books without levels. */
  readonly level: string;
  /** Rhyming lines, from 1. */
  readonly lines: readonly number[];
  /** Lines that should rhyme and do not. */
  readonly offLines: readonly number[];
}

/** Two characters that face each other in a couplet. */
export interface FacingPair {
  /** From 1. */
  readonly position: number;
  /** The upper character and the lower one. */
  readonly chars: string;
  /** Pointwise mutual information (natural logarithm) in parallel couplets, smoothed. */
  readonly score: number;
}

export interface CoupletScore {
  readonly lines: readonly [number, number];
  /**
   * Mean pointwise mutual information of facing characters. Middle couplets of regulated verse have 1.3 on average,
   * first and last ones −0.4, lines put together by chance −1.1.
   */
  readonly score: number;
  /** The pairs that make the couplet parallel, best first. */
  readonly carrying: readonly FacingPair[];
  /** The places where it is not, worst first. */
  readonly failing: readonly FacingPair[];
}

/** A character with readings of both tones (多音), and how it is read here. */
export interface Polyphone {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly position: number;
  readonly char: string;
  readonly tone: '平' | '仄';
  /**
   * What decides: the slot of the pattern or of the tune; the books, where the narrowest of them knows one tone only; its neighbours,
   * as verse uses them; the commoner use.
   */
  readonly by: 'slot' | 'book' | 'context' | 'usage';
  /** Commonest first. */
  readonly readings: readonly {
    readonly tone: '平' | '仄';
    /** Rhyme group in the script of the poem. */
    readonly group: string;
    readonly level: string;
    /** Share of this tone in slots that regulated verse fixes. */
    readonly share?: number;
    /** What 廣韻 says of the readings of this tone. */
    readonly gloss?: string;
  }[];
}

export interface Verdict {
  readonly id?: string;
  /** 五绝 七绝 五律 七律 五排 七排 六绝 六律, 古绝, 古体, 联, 词, or null when no form is recognised. */
  readonly form: string | null;
  readonly start: '平起' | '仄起' | null;
  readonly firstLineRhymes: boolean | null;
  readonly tune: string | null;
  /** Which variant of the tune, e.g. `钦定词谱 1`. */
  readonly variant: string | null;
  readonly book: BookName;
  readonly rhyme: RhymeFound | null;
  /** Put together when first read, as the findings are: who wants the scores alone does not pay for sentences. */
  readonly lines: readonly LineReading[];
  readonly findings: readonly Finding[];
  readonly strict: Score;
  readonly lenient: Score;
  /** Of 律诗 and 排律, when it was asked for. */
  readonly parallelism?: { readonly couplets: readonly CoupletScore[] };
  /** When they were asked for: every character with both tones, and how it is read. */
  readonly polyphones?: readonly Polyphone[];
}
