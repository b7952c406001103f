/** `tuiqiao compare A B`: two models side by side, open or blind, and what readers said of them. */
import type { CompareResult, JudgeTally } from '@tuiqiao/recipes';
import { describeOptions, parseOptions } from '@tuiqiao/schema';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT, type ExitStatus } from '../exit-codes.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { renderLadder } from '../render/ladder.ts';
import { formatPercent } from '../render/numbers.ts';
import { createRunReader } from '../render/run-reader.ts';
import { renderTable } from '../render/table.ts';
import { runInWorker } from '../run-in-worker.ts';
import type { Session } from '../session.ts';

type Tally = NonNullable<CompareResult['tally']>;

const CRITERIA_ZH: Readonly<Record<string, string>> = {
  fluency: '流畅',
  meaning: '意义',
  coherence: '连贯',
  relevance: '切题',
  aesthetics: '美感',
};

const interval = ([low, high]: readonly [number, number]): string => `${formatPercent(low)}–${formatPercent(high)}`;

/** Win rate, criteria and agreement between readers. */
function renderTally(tally: Tally, session: Session): string {
  const isChinese = session.language === 'zh';
  const { a, b, winRate, wins, readers, votes, items, leftShare } = tally;
  const lines = [
    isChinese
      ? `${a} 胜 ${b} ${formatPercent(winRate.mean)}（95 % 区间 ${interval(winRate.ci)}）；${items} 题 ${votes} 票：${wins.a} 胜 ${wins.b} 负 ${wins.tie} 平；评阅人 ${readers.join('、')}`
      : `${a} beats ${b} in ${formatPercent(winRate.mean)} of votes (95 % interval ${interval(winRate.ci)}); ${items} prompts, ${votes} votes: ${wins.a} won, ${wins.b} lost, ${wins.tie} tied; readers ${readers.join(', ')}`,
    isChinese
      ? `选左边的 ${formatPercent(leftShare.mean)}（${interval(leftShare.ci)}）：应近于一半`
      : `left side chosen in ${formatPercent(leftShare.mean)} (${interval(leftShare.ci)}): should be near half`,
  ];
  const criteria = Object.entries(tally.criteria);
  if (criteria.length > 0) {
    lines.push(
      '',
      renderTable(
        [
          { title: isChinese ? '项' : 'criterion' },
          { title: a, isNumber: true },
          { title: b, isNumber: true },
          { title: isChinese ? '差' : 'difference', isNumber: true },
          { title: '95 %', isNumber: true },
          { title: 'n', isNumber: true },
        ],
        criteria.map(([name, { a: own, b: other, difference }]) => [
          isChinese ? (CRITERIA_ZH[name] ?? name) : name,
          own.mean.toFixed(2),
          other.mean.toFixed(2),
          difference.mean.toFixed(2),
          `${difference.ci[0].toFixed(2)}–${difference.ci[1].toFixed(2)}`,
          String(difference.n),
        ]),
        session.colours,
      ),
    );
  }
  for (const { readers: pair, n, kappa, ci } of tally.agreement) {
    const value = kappa === null ? '–' : kappa.toFixed(2);
    const spread = ci === null ? '' : ` (${ci[0].toFixed(2)}–${ci[1].toFixed(2)})`;
    lines.push(`κ ${pair.join(' × ')}: ${value}${spread}, n ${n}`);
  }
  return lines.join('\n');
}

function renderJudge({ model, a, b, n, winRate, consistent }: JudgeTally, session: Session): string {
  return session.language === 'zh'
    ? `参考：语言模型 ${model} 以为 ${a} 胜 ${b} ${formatPercent(winRate.mean)}（${interval(winRate.ci)}，n ${n}）；左右对调后 ${consistent.k}/${consistent.n} 题不变`
    : `secondary: the language model ${model} prefers ${a} to ${b} in ${formatPercent(winRate.mean)} (${interval(winRate.ci)}, n ${n}); the same with sides swapped in ${consistent.k} of ${consistent.n}`;
}

async function tell(session: Session, result: CompareResult): Promise<ExitStatus> {
  if (session.isJson) {
    await session.printJson(result);
    return EXIT.done;
  }
  const { review, report, tally, judge, pairs } = result;
  const isChinese = session.language === 'zh';
  const parts: string[] = [];
  if (review !== undefined) {
    parts.push(
      isChinese
        ? `盲评共 ${review.items} 题：${review.page}、${review.sheet}；对照表 ${review.key} 勿给评阅人。`
        : `Blind review of ${review.items} prompts: ${review.page}, ${review.sheet}; keep ${review.key} from readers.`,
    );
  } else if (report !== undefined) parts.push(renderLadder(report, session));
  if (tally !== undefined) parts.push(renderTally(tally, session));
  if (judge !== undefined) parts.push(renderJudge(judge, session));
  if (pairs !== undefined) {
    parts.push(isChinese ? `${pairs.rows} 对偏好：${pairs.file}` : `${pairs.rows} preference pairs: ${pairs.file}`);
  }
  parts.push(session.text('runDone', { folder: result.outputDir }));
  await session.print(parts.join('\n\n'));
  return EXIT.done;
}

export function addCompareCommand(host: CommandHost): void {
  const command = host.program
    .command('compare')
    .description(host.text('compareSummary'))
    .argument('[a]', host.text('compareModels'))
    .argument('[b]', host.text('compareModels'));
  const typed = addOptionFlags(command, host, describeOptions('compare'));
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao compare models/base-poet dpo=models/base-poet+runs/dpo',
      'tuiqiao compare models/base-poet dpo=models/base-poet+runs/dpo --blind --count 25 --output-dir runs/review',
      'tuiqiao compare --read sheet-chen.csv,sheet-li.csv --output-dir runs/review --to-pairs data/votes.jsonl',
      'tuiqiao compare models/base-poet dpo=models/base-poet+runs/dpo --judge http://localhost:8000/v1#qwen3',
    ]),
  );
  command.action(
    host.action(async (session, given) => {
      const [a, b] = given.args;
      const named = [
        ...typed,
        ...(a === undefined ? [] : [{ key: 'a', value: a }]),
        ...(b === undefined ? [] : [{ key: 'b', value: b }]),
      ];
      const { options, warnings } = parseOptions('compare', toOptionMap(named, session.seed));
      for (const warning of warnings) session.warn(warning);
      const interrupt = listenForInterrupt(session);
      const reader = createRunReader(session);
      try {
        const result = await runInWorker('compare', options, { signal: interrupt.signal, onEvent: reader.onEvent });
        reader.stop();
        return await tell(session, result as CompareResult);
      } finally {
        reader.stop();
        interrupt.dispose();
      }
    }),
  );
}
