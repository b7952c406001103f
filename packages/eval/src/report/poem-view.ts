/** Poems as markup: verse with tone marks, the verdict in a line, findings, and where lines come from. */
import { type Fault, type Grade, type LaidCharacter, layPoem, type Verdict } from '@tuiqiao/prosody';
import type { LineTrace } from '../scorers/copying.ts';
import { html, type SafeHtml } from './html.ts';
import type { Labels } from './messages.ts';
import type { ReportPoem } from './report-input.ts';

const FAULT_CLASSES: Readonly<Record<Fault, string>> = { 疵: 'fault', 拗可: 'tolerated', 多音: 'several' };

function character({ char, tone, isRhyme, fault, mark }: LaidCharacter): SafeHtml {
  const classes = [
    'ch',
    tone === '平' ? 'level' : tone === '仄' ? 'oblique' : 'unknown',
    ...(isRhyme ? ['rhyme'] : []),
    ...(fault === null ? [] : [FAULT_CLASSES[fault]]),
  ];
  return html`<span class="${classes.join(' ')}">${char}</span>${mark !== '' && html`<span class="mark">${mark}</span>`}`;
}

/** The verse itself. The tone marks are drawn by the style sheet: copied text is the poem alone. */
export function verse(text: string, verdict: Verdict | null, labels: Labels): SafeHtml {
  if (text.trim() === '') return html`<p class="empty">${labels('emptyText')}</p>`;
  const stanzas = layPoem(text, verdict);
  if (stanzas === null) return html`<p class="verse plain" lang="zh-Hant">${text}</p>`;
  return html`<div class="verse${verdict === null ? ' unmarked' : ''}" lang="zh-Hant">${stanzas.map(
    (stanza) =>
      html`<p>${stanza.map(
        (sentence) =>
          html`<span class="sentence">${sentence.map(
            ({ characters, tones }) =>
              html`<span class="line"${tones !== '' && html` title="${tones}"`}>${characters.map(character)}</span>`,
          )}</span> `,
      )}</p>`,
  )}</div>`;
}

/** 合律 / 拗而可 / 有疵. */
export function badge(score: { readonly strict: boolean; readonly lenient: boolean }, labels: Labels): SafeHtml {
  if (score.strict) return html`<span class="badge kept">${labels('kept')}</span>`;
  if (score.lenient) return html`<span class="badge tolerable">${labels('tolerated')}</span>`;
  return html`<span class="badge broken">${labels('broken')}</span>`;
}

/** 下平尤韵, 第三部平韵; without a level in front of a number. */
function rhymeName({ level, group }: NonNullable<Verdict['rhyme']>, labels: Labels): string {
  const name = group.startsWith('第') ? `${group}${level}` : `${level}${group}`;
  return labels.lang === 'zh' ? `${name}${labels('rhymeGroup')}` : `${labels('rhymeGroup')} ${name}`;
}

/** E.g. `七绝 · 仄起 · 下平尤韵`. */
export function describeForm({ form, tune, start, rhyme }: Verdict, labels: Labels): string {
  const name = rhyme === null || rhyme.group === '' ? null : rhymeName(rhyme, labels);
  return [tune ?? form, start, name].filter((part) => part !== null).join(' · ');
}

/** A sentence of the verdict; the grade colours it. */
export interface FindingLine {
  readonly text: string;
  readonly grade: Grade;
}

const GRADE_CLASSES: Readonly<Record<Grade, string>> = { 疵: 'grave', 拗可: 'light', 多音: 'note', 合: 'note' };

export function findingList(findings: readonly FindingLine[], labels: Labels): SafeHtml {
  if (findings.length === 0) return html`<p class="findings none">${labels('noFindings')}</p>`;
  return html`<ul class="findings">${findings.map(({ text, grade }) => html`<li class="${GRADE_CLASSES[grade]}">${text}</li>`)}</ul>`;
}

/** Title and author as a Chinese reader writes them: 王之渙《登鸛雀樓》. */
export function sourceName({ title, author }: { readonly title: string; readonly author: string }): string {
  return `${author}《${title}》`;
}

export function copiedList(copied: NonNullable<ReportPoem['novelty']>['copiedLines'], labels: Labels): SafeHtml | null {
  if (copied.length === 0) return null;
  return html`<ul class="copied">${copied.map(
    ({ line, source }) =>
      html`<li><span class="tag">${labels('copied')}</span> <span lang="zh-Hant">${line} ← ${sourceName(source)}</span></li>`,
  )}</ul>`;
}

/** A poem written on request, as a card. */
export function poemCard(poem: ReportPoem, labels: Labels): SafeHtml {
  const { verdict } = poem;
  const findings = verdict.findings.map(
    (finding): FindingLine => ({ text: finding.message + (finding.suggestion ?? ''), grade: finding.verdict }),
  );
  const provenance = [poem.model, poem.seed === undefined ? undefined : `${labels('seed')} ${poem.seed}`].filter(
    (part) => part !== undefined,
  );
  return html`<article class="poem">
<header><p class="request">${poem.request}</p>${badge({ strict: verdict.strict.all, lenient: verdict.lenient.all }, labels)}</header>
${poem.title !== undefined && html`<h3 lang="zh-Hant">${poem.title}</h3>`}
${verse(poem.text, verdict, labels)}
<footer><p class="form">${describeForm(verdict, labels)}</p>${findingList(findings, labels)}
${poem.novelty !== null && copiedList(poem.novelty.copiedLines, labels)}
${provenance.length > 0 && html`<p class="provenance">${provenance.join(' · ')}</p>`}</footer>
</article>`;
}

/** The line with the run it shares with the corpus marked. */
function markShared({ line, shared }: LineTrace): SafeHtml {
  const at = shared === '' ? -1 : line.indexOf(shared);
  if (at < 0) return html`${line}`;
  return html`${line.slice(0, at)}<mark>${shared}</mark>${line.slice(at + shared.length)}`;
}

function traceOf(poem: ReportPoem, labels: Labels): SafeHtml {
  const name = poem.title ?? poem.request;
  if (poem.trace === undefined) {
    const { novelty } = poem;
    const rest =
      novelty === null
        ? labels('noNovelty')
        : `${labels('noCopied')} · ${labels('longestShared')} ${novelty.longestSharedNgram}`;
    return html`<div class="trace"><h3 lang="zh-Hant">${name}</h3>${
      novelty !== null && novelty.copiedLines.length > 0
        ? copiedList(novelty.copiedLines, labels)
        : html`<p class="quiet">${rest}</p>`
    }</div>`;
  }
  return html`<div class="trace"><table><caption lang="zh-Hant">${name}</caption>
<thead><tr><th scope="col">${labels('line')}</th><th scope="col">${labels('source')}</th></tr></thead>
<tbody>${poem.trace.map((trace) => {
    const count = [...trace.shared].length;
    const origin =
      trace.source !== null
        ? html`<strong class="stolen">${sourceName(trace.source)}</strong>`
        : count === 0
          ? html`<span class="quiet">${labels('nothingShared')}</span>`
          : html`<span class="quiet">${labels('sharedRun')} ${count} ${labels('characters')}</span>`;
    return html`<tr><th scope="row" lang="zh-Hant" class="${trace.source === null ? 'own' : 'own stolen'}">${
      trace.source === null ? markShared(trace) : trace.line
    }</th><td lang="zh-Hant">${origin}</td></tr>`;
  })}</tbody></table></div>`;
}

/** Which line came from where, a table a poem. */
export function traces(poems: readonly ReportPoem[], labels: Labels): SafeHtml {
  return html`<div class="traces">${poems.map((poem) => traceOf(poem, labels))}</div>`;
}
