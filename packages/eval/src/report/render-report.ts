/** `report.html`: one file that shows what was trained, what it scores and what it writes, and opens without a network. */

import { chartLibrary } from './chart-library.ts';
import type { Chart } from './charts.ts';
import { html, raw, type SafeHtml, scriptJson } from './html.ts';
import {
  formTable,
  headline,
  judgeNotes,
  ladderCharts,
  ladderTable,
  noveltyTable,
  pairTable,
  samples,
  taskTable,
} from './ladder-view.ts';
import { type Labels, labelsFor, type MessageKey } from './messages.ts';
import { drawCharts } from './page-script.ts';
import { poemCard, traces } from './poem-view.ts';
import type { ReportInput } from './report-input.ts';
import { figure, runCharts, runSection } from './run-view.ts';
import { STYLE_SHEET } from './style-sheet.ts';

/** Nothing is fetched, whatever the page holds; scripts and styles are the page's own. */
const CONTENT_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

interface Part {
  readonly id: string;
  readonly heading: MessageKey;
  readonly lead?: MessageKey;
  readonly body: SafeHtml;
}

/** The page as text, ready to be written to a file. Every text of the input is escaped. */
export function renderReport(input: ReportInput): string {
  const labels = labelsFor(input.lang ?? 'zh');
  const charts: Chart[] = [];
  const parts = partsOf(input, labels, charts);
  const page = html`<!doctype html>
<html lang="${labels.lang === 'zh' ? 'zh-Hans' : 'en'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="${raw(CONTENT_POLICY)}">
<link rel="icon" href="data:,">
<title>${input.title}</title>
<style>${raw(STYLE_SHEET)}</style>
</head>
<body>
${pageHeader(input, labels, parts)}
<main>
${parts.map((part) => section(part, labels))}
</main>
<footer class="page"><p>${labels('madeBy')}</p></footer>
<noscript><p class="noscript">${labels('noScript')}</p></noscript>
<script type="application/json" id="chart-data">${scriptJson(charts.map(({ id, option }) => ({ id, option })))}</script>
<script>${raw(chartLibrary())}</script>
<script>(${raw(drawCharts.toString())})(echarts, window);</script>
</body>
</html>
`;
  return page.markup;
}

function pageHeader(input: ReportInput, labels: Labels, parts: readonly Part[]): SafeHtml {
  const named = (values: Readonly<Record<string, string | number>>): string =>
    Object.entries(values)
      .map(([name, value]) => `${name} ${value}`)
      .join(' · ');
  const facts: { label: string; value: SafeHtml }[] = [
    {
      label: labels('date'),
      value: html`<time datetime="${input.date}">${input.date.replace('T', ' ').replace(/:\d\d(\.\d+)?Z$/u, ' UTC')}</time>`,
    },
    ...(input.machine === undefined ? [] : [{ label: labels('machine'), value: html`${input.machine}` }]),
    ...(input.versions === undefined ? [] : [{ label: labels('versions'), value: html`${named(input.versions)}` }]),
    ...(input.seeds === undefined ? [] : [{ label: labels('seeds'), value: html`${named(input.seeds)}` }]),
    ...(input.facts ?? []).map(({ label, value }) => ({ label, value: html`${value}` })),
  ];
  return html`<header class="page">
<div class="masthead"><span class="seal" aria-hidden="true">推敲</span><div><h1>${input.title}</h1>${input.subtitle !== undefined && html`<p class="subtitle">${input.subtitle}</p>`}</div></div>
${input.ladder != null && headline(input.ladder, labels)}
<dl class="facts">${facts.map(({ label, value }) => html`<div><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>
<nav aria-label="${labels('contents')}">${parts.map(({ id, heading }) => html`<a href="#${id}">${labels(heading)}</a>`)}</nav>
</header>`;
}

function section({ id, heading, lead, body }: Part, labels: Labels): SafeHtml {
  return html`<section id="${id}" class="part"><h2>${labels(heading)} <small lang="${labels.lang === 'zh' ? 'en' : 'zh-Hans'}">${labels.other(heading)}</small></h2>
${lead !== undefined && html`<p class="lead">${labels(lead)}</p>`}
${body}</section>
`;
}

/** The parts the input has matter for; collects their charts. */
function partsOf(input: ReportInput, labels: Labels, charts: Chart[]): Part[] {
  const { poems = [], runs = [], notes = [], ladder } = input;
  const parts: Part[] = [];
  if (poems.length > 0) {
    const body = html`<div class="poems">${poems.map((poem) => poemCard(poem, labels))}</div>`;
    parts.push({ id: 'poems', heading: 'poemsHeading', lead: 'poemsLead', body });
  }
  if (ladder != null) {
    const { rules, forms } = ladderCharts(ladder, labels);
    charts.push(...[...rules, ...forms].map(({ chart }) => chart));
    parts.push({
      id: 'ladder',
      heading: 'ladderHeading',
      lead: 'ladderLead',
      body: html`<div class="charts">${rules.map(figure)}</div>${ladderTable(ladder, labels)}${judgeNotes(ladder, labels)}
<h3>${labels('byFormHeading')}</h3><p class="lead">${labels('byFormLead')}</p><div class="charts">${forms.map(figure)}</div><details><summary>${labels('formDetails')}</summary>${formTable(ladder, labels)}</details>
${ladder.pairs.length > 0 && html`<h3>${labels('pairsHeading')}</h3><p class="lead">${labels('pairsLead')}</p>${pairTable(ladder, labels)}`}`,
    });
    const shown = samples(ladder, labels);
    if (shown !== null) parts.push({ id: 'samples', heading: 'samplesHeading', lead: 'samplesLead', body: shown });
    const tasks = taskTable(ladder, labels);
    if (tasks !== null) parts.push({ id: 'tasks', heading: 'tasksHeading', lead: 'tasksLead', body: tasks });
    parts.push({ id: 'novelty', heading: 'noveltyHeading', lead: 'noveltyLead', body: noveltyTable(ladder, labels) });
  }
  if (poems.length > 0) {
    parts.push({ id: 'sources', heading: 'sourcesHeading', lead: 'sourcesLead', body: traces(poems, labels) });
  }
  const curves = runCharts(runs, labels);
  if (curves.length > 0) {
    charts.push(...curves.flatMap((run) => run.charts.map(({ chart }) => chart)));
    parts.push({
      id: 'training',
      heading: 'runsHeading',
      lead: 'runsLead',
      body: html`${curves.map((run) => runSection(run, labels))}`,
    });
  }
  if (notes.length > 0) {
    parts.push({
      id: 'notes',
      heading: 'notesHeading',
      body: html`<ul class="notes">${notes.map((note) => html`<li>${note}</li>`)}</ul>`,
    });
  }
  return parts;
}
