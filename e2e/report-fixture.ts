/**
 * A report as a demo run would make it, from a handful of well-known poems: the "models" are the poems with more or fewer
 * characters put out of place, so that every kind of verdict, copy and gap is on the page. Judged by the real scorers.
 */
import { buildLineIndex } from '../packages/corpus/src/index.ts';
import {
  buildLadder,
  type JudgedPoem,
  type ModelPoems,
  type ReportInput,
  type ReportLogEntry,
  scoreTask,
  traceLines,
} from '../packages/eval/src/index.ts';
import { check } from '../packages/prosody/src/index.ts';
import { noveltyOf } from '../packages/verse/src/index.ts';

interface Known {
  readonly form: string;
  readonly tune?: string;
  readonly author: string;
  readonly title: string;
  readonly text: string;
}

const POEMS: readonly Known[] = [
  { form: '五绝', author: '王之渙', title: '登鸛雀樓', text: '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。' },
  { form: '五绝', author: '王維', title: '相思', text: '紅豆生南國，春來發幾枝。願君多采擷，此物最相思。' },
  {
    form: '七绝',
    author: '杜牧',
    title: '清明',
    text: '清明時節雨紛紛，路上行人欲斷魂。借問酒家何處有，牧童遙指杏花村。',
  },
  {
    form: '七绝',
    author: '張繼',
    title: '楓橋夜泊',
    text: '月落烏啼霜滿天，江楓漁火對愁眠。姑蘇城外寒山寺，夜半鐘聲到客船。',
  },
  {
    form: '七绝',
    author: '李白',
    title: '早發白帝城',
    text: '朝辭白帝彩雲間，千里江陵一日還。兩岸猿聲啼不住，輕舟已過萬重山。',
  },
  {
    form: '五律',
    author: '王維',
    title: '山居秋暝',
    text: '空山新雨後，天氣晚來秋。明月松間照，清泉石上流。竹喧歸浣女，蓮動下漁舟。隨意春芳歇，王孫自可留。',
  },
  {
    form: '五律',
    author: '杜甫',
    title: '春望',
    text: '國破山河在，城春草木深。感時花濺淚，恨別鳥驚心。烽火連三月，家書抵萬金。白頭搔更短，渾欲不勝簪。',
  },
  {
    form: '七律',
    author: '杜甫',
    title: '登高',
    text: '風急天高猿嘯哀，渚清沙白鳥飛迴。無邊落木蕭蕭下，不盡長江滾滾來。萬里悲秋常作客，百年多病獨登臺。艱難苦恨繁霜鬢，潦倒新停濁酒杯。',
  },
  {
    form: '七律',
    author: '李商隱',
    title: '錦瑟',
    text: '錦瑟無端五十絃，一絃一柱思華年。莊生曉夢迷蝴蝶，望帝春心託杜鵑。滄海月明珠有淚，藍田日暖玉生煙。此情可待成追憶，只是當時已惘然。',
  },
  {
    form: '词',
    tune: '浣溪沙',
    author: '晏殊',
    title: '浣溪沙',
    text: '一曲新詞酒一杯，去年天氣舊亭臺。夕陽西下幾時回？\n無可奈何花落去，似曾相識燕歸來。小園香徑獨徘徊。',
  },
];

const STRANGE = '的㗂了很';

/** Linear congruential: the fixture must be the same on every machine. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 4294967296;
  };
}

/** Puts every character out of place with the given chance; punctuation stays. */
function spoil(text: string, chance: number, random: () => number): string {
  const characters = [...text];
  const words = characters.filter((char) => /\p{Script=Han}/u.test(char));
  return characters
    .map((char) => {
      if (!/\p{Script=Han}/u.test(char) || random() >= chance) return char;
      return random() < 0.02
        ? STRANGE[Math.floor(random() * STRANGE.length)]!
        : words[Math.floor(random() * words.length)]!;
    })
    .join('');
}

const index = buildLineIndex(POEMS);

function judged(poem: Known, text: string): JudgedPoem {
  return {
    asked: poem.tune === undefined ? { form: poem.form } : { form: poem.form, tune: poem.tune },
    title: poem.title,
    text,
    ...noveltyOf(text, [index]),
  };
}

const ROUNDS = 6;

function model(name: string, chance: number, options: { constrained?: boolean; emptyEvery?: number } = {}): ModelPoems {
  const random = randomFrom(Math.round(chance * 1000) + 7);
  const prompts = Array.from({ length: ROUNDS }, () => POEMS).flat();
  return {
    name,
    seed: 42,
    constrained: options.constrained ?? false,
    bitsPerChar: 5.6 + chance,
    bitsPerCharCi: [5.5 + chance, 5.7 + chance],
    tokensPerSecond: 812,
    ...(options.constrained === true
      ? {}
      : {
          tasks: {
            couplet: scoreTask(
              POEMS.filter(({ form }) => form.endsWith('律')).map(({ text }) => {
                const [first, second] = text.split('。')[1]!.split('，') as [string, string];
                return { given: first, answer: `${spoil(second, chance, random)}。`, reference: `${second}。` };
              }),
            ),
          },
        }),
    poems: prompts.map((poem, i) => {
      const isCut = options.emptyEvery !== undefined && i % options.emptyEvery === options.emptyEvery - 1;
      return judged(poem, isCut ? poem.text.slice(0, 9) : spoil(poem.text, chance, random));
    }),
  };
}

function log(steps: number, stage: 'sft' | 'dpo'): ReportLogEntry[] {
  const random = randomFrom(steps);
  return Array.from({ length: steps }, (_, i) => {
    const progress = (i + 1) / steps;
    const noise = random() - 0.5;
    const loss =
      stage === 'sft' ? 4.1 + 1.6 * Math.exp(-4 * progress) + 0.3 * noise : 0.69 * Math.exp(-progress) + 0.08 * noise;
    return {
      current_steps: i + 1,
      total_steps: steps,
      loss,
      lr: 2e-4 * (1 - progress),
      elapsed_time: '0:01:52',
      throughput: 3480,
      ...(stage === 'sft'
        ? { mean_token_accuracy: 0.24 + 0.1 * progress + 0.02 * noise }
        : {
            'rewards/chosen': 0.4 * progress + 0.1 * noise,
            'rewards/rejected': -1.1 * progress + 0.1 * noise,
            'rewards/margins': 1.5 * progress + 0.1 * noise,
            'rewards/accuracies': 0.5 + 0.4 * progress,
          }),
      ...((i + 1) % (steps / 5) === 0
        ? {
            'samples/length': 0.9 + 0.1 * progress,
            'samples/rhyme': 0.4 + 0.45 * progress,
            'samples/meter': 0.6 + 0.3 * progress,
            'samples/all': 0.3 + 0.45 * progress,
            'samples/copied': 0.02,
          }
        : {}),
      ...(stage === 'sft' && (i + 1) % 60 === 0 ? { eval_loss: 4.15 + 1.5 * Math.exp(-4 * progress) } : {}),
    };
  });
}

/** A text that would break out of the page if any place forgot to escape it. */
export const HOSTILE = `<script>document.title="broken"</script><img src=x onerror=alert(1)> "quoted" & 'so'`;

export function reportFixture(): ReportInput {
  const written = ['登鸛雀樓', '清明', '春望', '登高', '浣溪沙'].map((title, i) => {
    const poem = POEMS.find((known) => known.title === title)!;
    const text = spoil(poem.text, [0.06, 0.08, 0.15, 0.03, 0.05][i]!, randomFrom(21 + i));
    return {
      request: `${poem.tune ?? poem.form} · 秋夜 · 尤韻`,
      title: `擬${title}`,
      text,
      verdict: check({ text, ...(poem.tune === undefined ? { form: poem.form } : { tune: poem.tune }) }),
      novelty: noveltyOf(text, [index]),
      ...(i === 3 ? {} : { trace: traceLines(text, [index]) }),
      model: 'dpo',
      seed: 42 + i,
    };
  });
  const control: ModelPoems = {
    name: 'held-out real poems',
    seed: 42,
    constrained: false,
    poems: Array.from({ length: ROUNDS }, () =>
      POEMS.map((poem) => ({ ...judged(poem, poem.text), copiedLines: [] })),
    ).flat(),
  };
  return {
    title: '推敲：從底本到對齊',
    subtitle: '一小本唐宋詩，一臺兩核的機器，八分鐘裡學會平仄與押韻。',
    date: '2026-11-23T03:20:00Z',
    machine: 'AMD EPYC · 2 核 · 8 GiB · native (oneDNN, AVX512-BF16)',
    versions: { tuiqiao: '0.1.0', node: '20.20.0' },
    seeds: { ladder: 42, sft: 1, dpo: 1 },
    facts: [{ label: '語料', value: 'starter · 12,031 首 · sha256 3f1c9a…' }],
    runs: [
      { name: 'SFT', stage: 'sft', log: log(480, 'sft'), notes: ['LoRA r=16 於全部線性層；底本凍結。'] },
      { name: 'DPO', stage: 'dpo', log: log(160, 'dpo'), notes: ['參照為凍結的 SFT 適配器。'] },
    ],
    ladder: buildLadder(
      [
        model('base', 0.3, { emptyEvery: 7 }),
        model('SFT', 0.08),
        model('DPO', 0.02),
        model('base', 0.05, { constrained: true }),
        model('SFT', 0.015, { constrained: true }),
        model('DPO', 0.005, { constrained: true }),
      ],
      control,
    ),
    poems: written,
    notes: ['這一頁由測試數據生成：模型是把名篇打亂若干字而成，並非真正的輸出。', HOSTILE],
  };
}
