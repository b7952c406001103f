/**
 * The review as one offline page: poems side by side, five criteria and a preference each. What is filled in stays in the
 * browser until it is saved as the CSV that `--read` takes. Nothing on the page tells whose poem is whose.
 */
import { html, raw, scriptJson } from '../report/html.ts';
import { labelsFor } from '../report/messages.ts';
import { verse } from '../report/poem-view.ts';
import type { ReportLanguage } from '../report/report-input.ts';
import { STYLE_SHEET } from '../report/style-sheet.ts';
import { runReviewPage } from './page-script.ts';
import { CRITERIA, type Criterion, type ReviewItem } from './review.ts';

const CONTENT_POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:";

const WORDS = {
  title: ['盲评', 'Blind review'],
  lead: [
    '每题两首，出自两个模型，左右已打乱。逐项打 1–5 分（可不打），再选更喜欢的一首。填的内容只存在本机浏览器里；填完点“存为 CSV”，把文件交还。',
    'Two poems a prompt, by two models; which is on which side is hidden. Score each criterion from 1 to 5 (or leave it), then say which poem you prefer. What you fill in stays in this browser; save it as CSV when done and hand the file back.',
  ],
  reader: ['评阅人', 'Reader'],
  save: ['存为 CSV', 'Save as CSV'],
  done: ['已评', 'judged'],
  left: ['左', 'Left'],
  right: ['右', 'Right'],
  tie: ['不分高下', 'Tie'],
  preference: ['更喜欢', 'I prefer'],
  fluency: ['流畅', 'Fluency'],
  meaning: ['意义', 'Meaning'],
  coherence: ['连贯', 'Coherence'],
  relevance: ['切题', 'Relevance'],
  aesthetics: ['美感', 'Aesthetics'],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

const REVIEW_STYLE = `
.review { margin-top: 40px; padding-top: 8px; border-top: 1px solid var(--rule); }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 20px; }
.scores { display: grid; grid-template-columns: auto 1fr; gap: 4px 12px; margin: 8px 0 0; font-size: 14px; align-items: center; }
.scores select { font: inherit; padding: 2px 6px; max-width: 80px; color: inherit; background: var(--paper); border: 1px solid var(--rule); border-radius: 4px; }
fieldset.prefer { border: 0; margin: 16px 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: 8px 22px; }
fieldset.prefer legend { float: left; margin-right: 16px; color: var(--ink-soft); }
.bar { position: sticky; bottom: 0; display: flex; flex-wrap: wrap; gap: 12px 20px; align-items: center; margin-top: 48px; padding: 12px 0; background: var(--paper); border-top: 1px solid var(--rule); }
.bar input, .bar button { font: inherit; padding: 5px 12px; color: inherit; background: var(--card); border: 1px solid var(--ink-faint); border-radius: 4px; }
.bar button { background: var(--accent); color: var(--paper); border-color: var(--accent); cursor: pointer; }
`;

/** @param reviewId tells apart what a browser remembers of several reviews */
export function renderReviewPage(items: readonly ReviewItem[], reviewId: string, lang: ReportLanguage = 'zh'): string {
  const labels = labelsFor(lang);
  const word = (key: keyof typeof WORDS): string => WORDS[key][lang === 'zh' ? 0 : 1];
  const scores = (id: string, side: 'left' | 'right') =>
    html`<div class="scores">${CRITERIA.map((criterion: Criterion) => {
      const name = `${id}:${side}_${criterion}`;
      return html`<label for="${name}">${word(criterion)}</label><select id="${name}" data-field="${side}_${criterion}"><option value=""></option>${[1, 2, 3, 4, 5].map((score) => html`<option>${score}</option>`)}</select>`;
    })}</div>`;
  const item = ({ id, form, title, left, right }: ReviewItem) =>
    html`<section class="review" data-id="${id}"><h3><span class="quiet">${id}</span> <span class="tag">${form}</span> <span lang="zh-Hant">${title ?? ''}</span></h3>
<div class="pair">${(
      [
        ['left', left],
        ['right', right],
      ] as const
    ).map(
      ([side, text]) =>
        html`<article class="sample"><header><h4>${word(side)}</h4></header>${verse(text, null, labels)}${scores(id, side)}</article>`,
    )}</div>
<fieldset class="prefer"><legend>${word('preference')}</legend>${(['left', 'tie', 'right'] as const).map(
      (choice) =>
        html`<label><input type="radio" name="${id}:preference" value="${choice}" data-field="preference"> ${word(choice)}</label>`,
    )}</fieldset></section>`;
  return html`<!doctype html>
<html lang="${lang === 'zh' ? 'zh-Hans' : 'en'}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="${raw(CONTENT_POLICY)}">
<link rel="icon" href="data:,">
<title>${word('title')}</title>
<style>${raw(STYLE_SHEET)}${raw(REVIEW_STYLE)}</style>
</head>
<body>
<header class="page"><div class="masthead"><span class="seal" aria-hidden="true">推敲</span><div><h1>${word('title')}</h1><p class="subtitle">${word('lead')}</p></div></div></header>
<main>${items.map(item)}
<div class="bar"><label>${word('reader')} <input id="reader" autocomplete="off" maxlength="60"></label><span><b id="done">0</b> / ${items.length} ${word('done')}</span><button type="button" id="save">${word('save')}</button></div></main>
<script type="application/json" id="review-data">${scriptJson({ id: reviewId, criteria: CRITERIA, items })}</script>
<script>(${raw(runReviewPage.toString())})(window);</script>
</body>
</html>
`.markup;
}
