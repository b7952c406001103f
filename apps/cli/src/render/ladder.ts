/** The evaluation ladder as a table: each model and the control row, shares with their 95 % intervals. */
import type { LadderReport, ModelReport, Rate } from '@tuiqiao/eval';
import type { Session } from '../session.ts';
import { formatPercent } from './numbers.ts';
import { renderTable } from './table.ts';

function formatRate({ k, n, ci }: Rate): string {
  return n === 0 ? '–' : `${formatPercent(k / n)} ±${(50 * (ci[1] - ci[0])).toFixed(1)}`;
}

/** Forms in columns, models in rows: the share that keeps all rules, strict. */
export function renderLadder(report: LadderReport, session: Session): string {
  const isChinese = session.language === 'zh';
  const { colours } = session;
  const forms = [...new Set(report.models.flatMap((model) => Object.keys(model.byForm)))];
  const number = (title: string) => ({ title, isNumber: true });
  const row = (model: ModelReport, name: string): string[] => [
    name,
    String(model.n),
    ...forms.map((form) => (model.byForm[form] === undefined ? '–' : formatRate(model.byForm[form].all))),
    formatRate(model.overall.length),
    formatRate(model.overall.rhyme),
    formatRate(model.overall.meter),
    colours.bold(formatRate(model.overall.all)),
    formatRate(model.novelty.novel),
    model.bitsPerChar === undefined ? '–' : model.bitsPerChar.toFixed(3),
  ];
  const table = renderTable(
    [
      { title: isChinese ? '模型' : 'model' },
      number('n'),
      ...forms.map(number),
      number(session.text('length')),
      number(session.text('rhyme')),
      number(session.text('meter')),
      number(session.text('strictAll')),
      number(isChinese ? '无抄句' : 'no copied line'),
      number(isChinese ? '比特/字' : 'bits/char'),
    ],
    [...report.models.map((model) => row(model, model.name)), row(report.control, colours.dim(report.control.name))],
    colours,
  );
  const pairs = report.pairs.map(({ a, b, winRate, ci }) =>
    isChinese
      ? `${a} 胜 ${b} ${formatPercent(winRate)}（95 % 区间 ${formatPercent(ci[0])}–${formatPercent(ci[1])}）`
      : `${a} beats ${b} on ${formatPercent(winRate)} of the prompts (95 % ${formatPercent(ci[0])}–${formatPercent(ci[1])})`,
  );
  return [table, ...(pairs.length > 0 ? ['', ...pairs] : [])].join('\n');
}
