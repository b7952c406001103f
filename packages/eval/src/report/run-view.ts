/** The training runs as markup: the curves of each stage and a table of where they began and ended. */
import { type Chart, endsOf, lossChart, metricsChart, rulesChart } from './charts.ts';
import { html, type SafeHtml } from './html.ts';
import type { Labels } from './messages.ts';
import type { ReportRun } from './report-input.ts';

export interface RunCharts {
  readonly run: ReportRun;
  readonly charts: readonly { readonly title: string; readonly chart: Chart }[];
}

/** Columns of the log worth a row in the table, in this order, when the run has them. */
const COLUMNS = [
  'loss',
  'eval_loss',
  'mean_token_accuracy',
  'rewards/accuracies',
  'rewards/margins',
  'reward',
  'samples/length',
  'samples/rhyme',
  'samples/meter',
  'samples/all',
  'samples/copied',
];

export function runCharts(runs: readonly ReportRun[], labels: Labels): RunCharts[] {
  return runs.map((run, i) => {
    const id = `chart-run-${i + 1}`;
    const ends = endsOf(run, 'loss');
    const course = ends === null ? '' : `: ${ends.first} → ${ends.last}`;
    const loss = lossChart(`${id}-loss`, `${labels('chartOf')}${run.name} ${labels('loss')}${course}`, run, {
      loss: labels('loss'),
      smoothed: labels('lossSmooth'),
      evalLoss: labels('evalLoss'),
    });
    const metrics = metricsChart(`${id}-metrics`, `${labels('chartOf')}${run.name} ${labels('metric')}`, run);
    const rules = rulesChart(`${id}-rules`, `${labels('chartOf')}${run.name} ${labels('rulesLearned')}`, run, {
      length: labels('length'),
      rhyme: labels('rhyme'),
      meter: labels('meter'),
      all: labels('all'),
      copied: labels('copied'),
    });
    return {
      run,
      charts: [
        ...(loss === null ? [] : [{ title: `${labels('loss')} / ${labels('step')}`, chart: loss }]),
        ...(rules === null ? [] : [{ title: `${labels('rulesLearned')} / ${labels('step')}`, chart: rules }]),
        ...(metrics === null ? [] : [{ title: `${labels('metric')} / ${labels('step')}`, chart: metrics }]),
      ],
    };
  });
}

/** The figure a chart is drawn into. */
export function figure({ title, chart }: { readonly title: string; readonly chart: Chart }): SafeHtml {
  return html`<figure class="chart"><figcaption>${title}</figcaption><div id="${chart.id}" role="img" aria-label="${chart.description}" style="height:${chart.heightPx}px"></div></figure>`;
}

/** Where the smoothed curves begin and end, for those who do not see them. */
function runTable(run: ReportRun, labels: Labels): SafeHtml | null {
  const columns = COLUMNS.flatMap((key) => {
    const ends = endsOf(run, key);
    return ends === null ? [] : [{ key, ...ends }];
  });
  if (columns.length === 0) return null;
  return html`<div class="wide" role="region" aria-label="${run.name}" tabindex="0"><table class="run"><thead><tr><th scope="col">${labels('metric')}</th>${columns.map(({ key }) => html`<th scope="col" class="number">${key}</th>`)}</tr></thead>
<tbody><tr><th scope="row">${labels('firstValue')}</th>${columns.map(({ first }) => html`<td class="number">${first}</td>`)}</tr>
<tr><th scope="row">${labels('lastValue')}</th>${columns.map(({ last }) => html`<td class="number"><b>${last}</b></td>`)}</tr></tbody></table></div>`;
}

export function runSection({ run, charts }: RunCharts, labels: Labels): SafeHtml {
  const last = run.log.findLast((entry) => entry.loss !== undefined) ?? run.log.at(-1);
  const facts = [
    run.stage === run.name ? null : run.stage,
    last === undefined ? null : `${labels('steps')} ${last.current_steps}`,
    last?.elapsed_time === undefined ? null : `${labels('elapsed')} ${last.elapsed_time}`,
    typeof last?.throughput === 'number' ? `${labels('throughput')} ${Math.round(last.throughput)}` : null,
  ].filter((fact) => fact !== null);
  return html`<section class="stage"><h3>${run.name}</h3><p class="quiet">${facts.join(' · ')}</p>${run.notes?.map((note) => html`<p class="quiet">${note}</p>`)}
<div class="charts">${charts.map(figure)}</div>${runTable(run, labels)}</section>`;
}
