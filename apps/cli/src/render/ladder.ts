/** The evaluation ladder as tables: each model and the control row, shares with half of their 95 % intervals. */
import type { LadderReport, ModelReport, Rate } from '@tuiqiao/eval';
import type { Session } from '../session.ts';
import { formatPercent } from './numbers.ts';
import { renderTable } from './table.ts';

function formatRate({ k, n, ci }: Rate): string {
  return n === 0 ? '–' : `${formatPercent(k / n)} ±${(50 * (ci[1] - ci[0])).toFixed(1)}`;
}

/** First all rules form by form, then rule by rule; two tables fit a terminal, one would not. */
export function renderLadder(report: LadderReport, session: Session): string {
  const isChinese = session.language === 'zh';
  const { colours } = session;
  const forms = [...new Set(report.models.flatMap((model) => Object.keys(model.byForm)))];
  const number = (title: string) => ({ title, isNumber: true });
  const model = { title: isChinese ? '模型' : 'model' };
  const rows = [
    ...report.models.map((entry) => [entry, entry.name] as const),
    [report.control, colours.dim(report.control.name)] as const,
  ];
  const table = (titles: readonly string[], cells: (entry: ModelReport) => readonly string[]): string =>
    renderTable(
      [model, ...titles.map(number)],
      rows.map(([entry, name]) => [name, ...cells(entry)]),
      colours,
    );
  const byForm = table(['n', ...forms, session.text('total')], (entry) => [
    String(entry.n),
    ...forms.map((form) => (entry.byForm[form] === undefined ? '–' : formatRate(entry.byForm[form].all))),
    colours.bold(formatRate(entry.overall.all)),
  ]);
  const byRule = table(
    [
      session.text('length'),
      session.text('rhyme'),
      session.text('meter'),
      session.text('lenientAll'),
      isChinese ? '无抄句' : 'no copied line',
      isChinese ? '切题' : 'fits title',
      isChinese ? '比特/字' : 'bits/char',
    ],
    (entry) => [
      formatRate(entry.overall.length),
      formatRate(entry.overall.rhyme),
      formatRate(entry.overall.meter),
      formatRate(entry.lenient.all),
      formatRate(entry.novelty.novel),
      entry.theme === undefined
        ? '–'
        : `${entry.theme.mean.toFixed(3)} ±${((entry.theme.ci[1] - entry.theme.ci[0]) / 2).toFixed(3)}`,
      entry.bitsPerChar === undefined ? '–' : entry.bitsPerChar.toFixed(3),
    ],
  );
  const pairs = report.pairs.map(({ a, b, winRate, ci }) =>
    isChinese
      ? `${a} 胜 ${b} ${formatPercent(winRate)}（95 % 区间 ${formatPercent(ci[0])}–${formatPercent(ci[1])}）`
      : `${a} beats ${b} on ${formatPercent(winRate)} of the prompts (95 % interval ${formatPercent(ci[0])}–${formatPercent(ci[1])})`,
  );
  return [
    colours.bold(session.text('strictAll')),
    byForm,
    '',
    byRule,
    ...(pairs.length > 0 ? ['', ...pairs] : []),
    '',
    colours.dim(
      `${isChinese ? '检查器误报（核实过的合律名篇被判有疵）' : 'the checker’s false alarms on verified poems without a fault'}: ${formatRate(report.scorers.checker.strict)} (n ${report.scorers.checker.strict.n})`,
    ),
  ].join('\n');
}
