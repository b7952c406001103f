/** The ladder as markup: headline figures, charts, tables, paired win rates, novelty, and the samples side by side. */
import type { Mean, Rate } from '../intervals.ts';
import type { LadderReport, LadderSample, ModelReport, Scores } from '../ladder-report.ts';
import { type Bar, barChart, type Chart } from './charts.ts';
import { html, type SafeHtml } from './html.ts';
import type { Labels } from './messages.ts';
import { formatInterval, formatPercent, formatRate, formatSmall } from './numbers.ts';
import { badge, copiedList, describeForm, type FindingLine, findingList, verse } from './poem-view.ts';

const RULES = ['length', 'rhyme', 'meter', 'all'] as const;
type Rule = (typeof RULES)[number];

/** A row of the ladder with what tells it apart on the page. */
interface Row {
  readonly report: ModelReport;
  readonly name: string;
  readonly colour: string;
  readonly isControl: boolean;
}

/** The control row's name in `report.json`; the page says it in its own language. */
const UNNAMED_CONTROL = 'held-out real poems';

/** Colours of successive stages, from light to dark; a longer ladder keeps the last. */
const STAGE_COLOURS = ['--stage-1', '--stage-2', '--stage-3', '--stage-4', '--stage-5'];

function rowsOf(ladder: LadderReport, labels: Labels): Row[] {
  const names = [...new Set(ladder.models.map(({ name }) => name))];
  const models = ladder.models.map(
    (report): Row => ({
      report,
      name: report.constrained ? `${report.name} · ${labels('constrained')}` : report.name,
      colour: STAGE_COLOURS[Math.min(names.indexOf(report.name), STAGE_COLOURS.length - 1)]!,
      isControl: false,
    }),
  );
  return [
    ...models,
    { report: ladder.control, name: controlName(ladder.control, labels), colour: '--accent', isControl: true },
  ];
}

function controlName(control: ModelReport, labels: Labels): string {
  return control.name === UNNAMED_CONTROL ? labels('control') : control.name;
}

const barOf = ({ report, name, colour, isControl }: Row, rate: Rate, labels: Labels): Bar => ({
  name: isControl && report.name === UNNAMED_CONTROL ? labels('controlShort') : name,
  rate,
  colour,
  isOpen: report.constrained || isControl,
});

const nameCell = ({ name, colour, report, isControl }: Row): SafeHtml =>
  html`<th scope="row"><span class="key${report.constrained || isControl ? ' open' : ''}" style="--key:var(${colour})"></span>${name}</th>`;

/** A share, its interval and its count, as a table cell. */
function rateCell(rate: Rate, withCount = false): SafeHtml {
  if (rate.n === 0) return html`<td class="number">–</td>`;
  return html`<td class="number"><b>${formatRate(rate)}</b>${withCount && html`<span class="count">${rate.k}/${rate.n}</span>`}<span class="interval">${formatInterval(rate.ci)}</span></td>`;
}

/** The climb in large figures: each unconstrained model, then the real poems. */
export function headline(ladder: LadderReport, labels: Labels): SafeHtml {
  const rows = rowsOf(ladder, labels);
  const free = rows.filter(({ report, isControl }) => !report.constrained && !isControl);
  const shown = [...(free.length > 0 ? free : rows.filter(({ isControl }) => !isControl)), rows.at(-1)!];
  return html`<ol class="headline">${shown.map(
    ({ name, report, colour, isControl }) =>
      html`<li class="${isControl ? 'control' : 'model'}" style="--key:var(${colour})"><span class="name">${name}</span><span class="figure">${formatRate(report.overall.all)}</span><span class="interval">${labels('all')} · ${formatInterval(report.overall.all.ci)} · n ${report.overall.n}</span></li>`,
  )}</ol>`;
}

export interface LadderCharts {
  readonly rules: readonly { readonly title: string; readonly chart: Chart }[];
  readonly forms: readonly { readonly title: string; readonly chart: Chart }[];
}

function describe(title: string, rows: readonly { name: string; rate: Rate }[]): string {
  return `${title}: ${rows.map(({ name, rate }) => `${name} ${formatRate(rate)}`).join(', ')}`;
}

function chartOf(
  id: string,
  title: string,
  rows: readonly Row[],
  rateOf: (report: ModelReport) => Rate | undefined,
  labels: Labels,
) {
  const measured = rows.flatMap((row) => {
    const rate = rateOf(row.report);
    return rate === undefined ? [] : [{ ...row, rate }];
  });
  return {
    title,
    chart: barChart(
      id,
      labels('chartOf') + describe(title, measured),
      measured.map((row) => barOf(row, row.rate, labels)),
    ),
  };
}

export function ladderCharts(ladder: LadderReport, labels: Labels): LadderCharts {
  const rows = rowsOf(ladder, labels);
  return {
    rules: RULES.map((rule) =>
      chartOf(`chart-rule-${rule}`, labels(rule), rows, ({ overall }) => overall[rule], labels),
    ),
    forms: formsOf(ladder).map((form, i) =>
      chartOf(`chart-form-${i + 1}`, form, rows, ({ byForm }) => byForm[form]?.all, labels),
    ),
  };
}

function formsOf(ladder: LadderReport): string[] {
  return [...new Set(ladder.models.flatMap(({ byForm }) => Object.keys(byForm)))];
}

/** The rows of a table that may be wider than the window. */
function wide(label: string, table: SafeHtml): SafeHtml {
  return html`<div class="wide" role="region" aria-label="${label}" tabindex="0">${table}</div>`;
}

const ruleHeaders = (labels: Labels): SafeHtml[] =>
  RULES.map((rule) => html`<th scope="col" class="number">${labels(rule)}</th>`);

export function ladderTable(ladder: LadderReport, labels: Labels): SafeHtml {
  return wide(
    labels('ladderHeading'),
    html`<table class="ladder"><thead><tr><th scope="col">${labels('model')}</th><th scope="col" class="number">${labels('n')}</th>${ruleHeaders(labels)}<th scope="col" class="number">${labels('lenientAll')}</th></tr></thead>
<tbody>${rowsOf(ladder, labels).map(
      (row) =>
        html`<tr class="${row.isControl ? 'control' : 'model'}">${nameCell(row)}<td class="number">${row.report.n}</td>${RULES.map((rule) => rateCell(row.report.overall[rule]))}${rateCell(row.report.lenient.all)}</tr>`,
    )}</tbody></table>`,
  );
}

export function formTable(ladder: LadderReport, labels: Labels): SafeHtml {
  const rows = rowsOf(ladder, labels);
  const cells = (scores: Scores): SafeHtml[] => RULES.map((rule: Rule) => rateCell(scores[rule], true));
  return wide(
    labels('byFormHeading'),
    html`<table class="forms"><thead><tr><th scope="col">${labels('model')}</th>${ruleHeaders(labels)}</tr></thead>
${formsOf(ladder).map(
  (form) =>
    html`<tbody><tr class="group"><th scope="rowgroup" colspan="5">${form}</th></tr>${rows.flatMap((row) => {
      const scores = row.report.byForm[form];
      return scores === undefined
        ? []
        : [html`<tr class="${row.isControl ? 'control' : 'model'}">${nameCell(row)}${cells(scores)}</tr>`];
    })}</tbody>`,
)}</table>`,
  );
}

/** Win rates as intervals on a line from 0 to 100 %, the middle marked. */
export function pairTable({ pairs }: LadderReport, labels: Labels): SafeHtml {
  return html`<table class="pairs"><thead><tr><th scope="col">${labels('model')}</th><th scope="col" class="number">${labels('winRate')}</th><th scope="col" class="plot"><span class="visually-hidden">${labels('interval')}</span></th></tr></thead>
<tbody>${pairs.map(
    ({ a, b, constrained, winRate, ci }) =>
      html`<tr><th scope="row">${a} <span class="quiet">${labels('against')}</span> ${b}${constrained && html` <span class="quiet">· ${labels('constrained')}</span>`}</th><td class="number"><b>${formatPercent(winRate)}</b><span class="interval">${formatInterval(ci)}</span></td><td class="plot"><span class="range" aria-hidden="true" style="--low:${100 * ci[0]};--high:${100 * ci[1]};--mid:${100 * winRate}"><i></i></span></td></tr>`,
  )}</tbody></table>`;
}

/** A figure that `interface.md` lets a report have or leave out; a mean with its interval, a share, or a number. */
function optionalCell(value: number | Mean | undefined, ci?: readonly [number, number]): SafeHtml {
  if (value === undefined) return html`<td class="number">–</td>`;
  const mean = typeof value === 'number' ? value : value.mean;
  const interval = typeof value === 'number' ? ci : value.ci;
  return html`<td class="number"><b>${formatSmall(mean)}</b>${interval !== undefined && html`<span class="interval">${formatSmall(interval[0])}–${formatSmall(interval[1])}</span>`}</td>`;
}

const styleCell = (rate: Rate | undefined): SafeHtml =>
  rate === undefined ? html`<td class="number">–</td>` : rateCell(rate);

/** What the judges themselves are worth: the checker's false alarms, the classifiers' accuracy. */
export function judgeNotes({ scorers }: LadderReport, labels: Labels): SafeHtml {
  const { checker, style } = scorers;
  const rateOf = (rate: Rate): string => `${formatRate(rate)} (${rate.k}/${rate.n}, ${formatInterval(rate.ci)})`;
  return html`<p class="quiet judges">${labels('falseAlarms')} ${rateOf(checker.strict)}${checker.poems.length > 0 && `: ${checker.poems.join(' ')}`}${
    style !== undefined &&
    html` · ${labels('styleAccuracy')} ${labels('dynasty')} ${rateOf(style.dynasty.accuracy)}, ${labels('poet')} ${rateOf(style.author.accuracy)}`
  }</p>`;
}

/** Answers held against a reference, a row a task and model; null when no model was given any. */
export function taskTable(ladder: LadderReport, labels: Labels): SafeHtml | null {
  const rows = rowsOf(ladder, labels).flatMap((row) =>
    Object.entries(row.report.tasks ?? {}).map(([task, scores]) => ({ row, task, scores })),
  );
  if (rows.length === 0) return null;
  const tasks = [...new Set(rows.map(({ task }) => task))];
  const titles = ['BLEU', 'chrF', 'ROUGE-1', 'ROUGE-2', 'ROUGE-L'];
  return wide(
    labels('tasksHeading'),
    html`<table class="tasks"><thead><tr><th scope="col">${labels('model')}</th><th scope="col" class="number">${labels('n')}</th>${titles.map((title) => html`<th scope="col" class="number">${title}</th>`)}<th scope="col" class="number">${labels('length')}</th></tr></thead>
${tasks.map(
  (task) =>
    html`<tbody><tr class="group"><th scope="rowgroup" colspan="8">${taskName(task, labels)}</th></tr>${rows
      .filter((entry) => entry.task === task)
      .map(
        ({ row, scores: { n, bleu, chrf, rouge1, rouge2, rougeL, length } }) =>
          html`<tr class="model">${nameCell(row)}<td class="number">${n}</td>${[bleu, chrf, rouge1, rouge2, rougeL].map((figure) => optionalCell(figure))}${rateCell(length)}</tr>`,
      )}</tbody>`,
)}</table>`,
  );
}

function taskName(task: string, labels: Labels): string {
  switch (task) {
    case 'continuation':
      return labels('taskContinuation');
    case 'couplet':
      return labels('taskCouplet');
    case 'translation':
      return labels('taskTranslation');
    default:
      return task;
  }
}

export function noveltyTable(ladder: LadderReport, labels: Labels): SafeHtml {
  const rows = rowsOf(ladder, labels);
  const has = (key: 'bitsPerChar' | 'tokensPerSecond' | 'parallelism' | 'theme'): boolean =>
    rows.some(({ report }) => report[key] !== undefined);
  const columns: { title: string; cell: (report: ModelReport) => SafeHtml }[] = [
    { title: labels('novel'), cell: ({ novelty }) => rateCell(novelty.novel) },
    { title: labels('copiedLines'), cell: ({ novelty }) => html`<td class="number">${novelty.copiedLines}</td>` },
    { title: labels('longestShared'), cell: ({ novelty }) => optionalCell(novelty.longestSharedNgram) },
    { title: labels('distinct1'), cell: ({ diversity: d }) => optionalCell(d.distinct1, d.ci.distinct1) },
    { title: labels('distinct2'), cell: ({ diversity: d }) => optionalCell(d.distinct2, d.ci.distinct2) },
    { title: labels('selfBleu'), cell: ({ diversity: d }) => optionalCell(d.selfBleu, d.ci.selfBleu) },
    ...(rows.some(({ report }) => report.style !== undefined)
      ? [{ title: labels('styleDynasty'), cell: ({ style }: ModelReport) => styleCell(style?.dynasty) }]
      : []),
    ...(rows.some(({ report }) => report.style?.author !== undefined)
      ? [{ title: labels('styleAuthor'), cell: ({ style }: ModelReport) => styleCell(style?.author) }]
      : []),
    ...(has('theme') ? [{ title: labels('theme'), cell: (r: ModelReport) => optionalCell(r.theme) }] : []),
    ...(has('parallelism')
      ? [{ title: labels('parallelism'), cell: (r: ModelReport) => optionalCell(r.parallelism) }]
      : []),
    ...(has('bitsPerChar')
      ? [{ title: labels('bitsPerChar'), cell: (r: ModelReport) => optionalCell(r.bitsPerChar, r.bitsPerCharCi) }]
      : []),
    ...(has('tokensPerSecond')
      ? [{ title: labels('tokensPerSecond'), cell: (r: ModelReport) => optionalCell(r.tokensPerSecond) }]
      : []),
  ];
  return wide(
    labels('noveltyHeading'),
    html`<table class="novelty"><thead><tr><th scope="col">${labels('model')}</th>${columns.map(({ title }) => html`<th scope="col" class="number">${title}</th>`)}</tr></thead>
<tbody>${rows.map((row) => html`<tr class="${row.isControl ? 'control' : 'model'}">${nameCell(row)}${columns.map(({ cell }) => cell(row.report))}</tr>`)}</tbody></table>`,
  );
}

interface SampleColumn {
  readonly name: string;
  readonly colour: string;
  readonly sample: LadderSample;
}

/** One prompt: the answers of the free models, those held to the form, the real poem whose title was the prompt. */
interface SampleGroup {
  readonly form: string;
  readonly title: string | undefined;
  readonly free: SampleColumn[];
  readonly held: SampleColumn[];
  readonly real: SampleColumn | null;
}

function sampleGroups(ladder: LadderReport, labels: Labels): SampleGroup[] {
  const rows = rowsOf(ladder, labels);
  const { report: control, colour } = rows.at(-1)!;
  const groups = new Map<string, SampleGroup>();
  for (const { report, name, colour: own } of rows.slice(0, -1)) {
    for (const sample of report.samples) {
      const { prompt, form, title } = sample;
      const key = JSON.stringify([prompt, form, title]);
      let group = groups.get(key);
      if (group === undefined) {
        const real = control.samples.find(
          (known) => title !== undefined && known.form === form && known.title === title,
        );
        group = {
          form,
          title,
          free: [],
          held: [],
          real: real === undefined ? null : { name: labels('original'), colour, sample: real },
        };
        groups.set(key, group);
      }
      (report.constrained ? group.held : group.free).push({ name, colour: own, sample });
    }
  }
  return [...groups.values()];
}

/** As `LadderSample.findings` has them, with the grades of the verdict. */
function sampleFindings({ verdict, findings }: LadderSample): FindingLine[] {
  const grades = new Map(verdict?.findings.map((finding) => [finding.message, finding.verdict]));
  return findings.map((text) => ({ text, grade: grades.get(text) ?? '疵' }));
}

function sampleColumn({ name, colour, sample }: SampleColumn, labels: Labels): SafeHtml {
  const { verdict } = sample;
  return html`<article class="sample" style="--key:var(${colour})"><header><h4>${name}</h4>${badge({ strict: sample.strict.all, lenient: verdict?.strict.length === true && verdict.lenient.all }, labels)}</header>
${verse(sample.text, verdict, labels)}
<footer>${verdict !== null && html`<p class="form">${describeForm(verdict, labels)}</p>`}${findingList(sampleFindings(sample), labels)}${copiedList(sample.copiedLines, labels)}</footer></article>`;
}

function sampleSection({ form, title, free, held, real }: SampleGroup, labels: Labels): SafeHtml {
  const isFree = free.length > 0;
  const rows = [isFree ? free : held, isFree ? held : []].map((row) => [...row]);
  if (real !== null) rows[0]!.push(real);
  return html`<section class="prompt"><h3><span class="tag">${form}</span> <span lang="zh-Hant">${title ?? ''}</span></h3>${rows
    .filter((row) => row.length > 0)
    .map((row) => html`<div class="columns">${row.map((column) => sampleColumn(column, labels))}</div>`)}</section>`;
}

/** One prompt of each form in the open, the others folded away. */
export function samples(ladder: LadderReport, labels: Labels): SafeHtml | null {
  const groups = sampleGroups(ladder, labels);
  if (groups.length === 0) return null;
  const isFirst = (group: SampleGroup): boolean => groups.find(({ form }) => form === group.form) === group;
  const rest = groups.filter((group) => !isFirst(group));
  return html`${groups.filter(isFirst).map((group) => sampleSection(group, labels))}${
    rest.length > 0 &&
    html`<details><summary>${labels('moreSamples')} (${rest.length})</summary>${rest.map((group) => sampleSection(group, labels))}</details>`
  }`;
}
