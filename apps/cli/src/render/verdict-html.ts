/**
 * Verdicts as one page of HTML that needs nothing else: no script, no font, no network. It is written piece by piece, so
 * that a whole corpus need not be held in memory; the summary, known last, is placed first by the style sheet.
 */
import type { Grade, LineReading, Verdict } from '@tuiqiao/prosody';
import { type Language, type MessageKey, translate } from '../messages.ts';
import type { CheckTally } from './check-tally.ts';
import { formatPercent } from './numbers.ts';
import {
  BOOK_NAMES,
  formDetails,
  gradeAt,
  nameForm,
  namePolyphones,
  nameRhyme,
  outcomeOf,
  sortFindings,
} from './verdict-words.ts';

const GRADE_CLASSES: Readonly<Record<Grade, string>> = { 疵: 'bad', 拗可: 'bent', 多音: 'both', 合: 'good' };

const STYLE = `:root{--ink:#1f2328;--dim:#6b7280;--paper:#fbfaf7;--card:#fff;--line:#e4e0d8;--level:#0a7d8c;--oblique:#8a3ffc;--bad:#c62828;--bent:#9a6700;--both:#1f5fbf;--good:#2e7d32}
@media (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--dim:#9aa0a6;--paper:#17181b;--card:#202226;--line:#34373d;--level:#4fd0d8;--oblique:#d0a2ff;--bad:#ff7b77;--bent:#e8c15a;--both:#7fb0ff;--good:#7fd083}}
*{box-sizing:border-box}body{margin:0 auto;padding:2rem 1rem;max-width:60rem;background:var(--paper);color:var(--ink);font:1rem/1.6 system-ui,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;display:flex;flex-direction:column;gap:1.5rem}
header{order:-2}h1{margin:0;font-size:1.5rem}.legend{color:var(--dim);margin:.25rem 0 0}
.summary{order:-1;overflow-x:auto}table{border-collapse:collapse;width:100%}th,td{padding:.3rem .7rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}th:first-child,td:first-child{text-align:left}
article{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1.2rem 1.4rem;break-inside:avoid}
h2{margin:0;font-size:1.25rem}.about{color:var(--dim);margin:.1rem 0 1rem}.outcome{font-weight:600}
.flawless{color:var(--good)}.tolerated{color:var(--bent)}.faulty{color:var(--bad)}
.poem{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,19rem),1fr));gap:.4rem 1.5rem;margin:0;padding:0;list-style:none}
.poem li{display:flex;align-items:flex-end;gap:.1rem}.number{color:var(--dim);font-size:.8rem;width:1.6rem}
.slot{display:inline-flex;flex-direction:column;align-items:center;min-width:1.9rem;border-radius:.3rem;padding:0 .1rem}
.slot b{font:400 1.55rem/1.35 "Songti SC","Noto Serif CJK SC",SimSun,serif}.slot i{font-style:normal;font-size:.85rem;line-height:1.1}
.ping i{color:var(--level)}.ze i{color:var(--oblique)}.rhyme b{border-bottom:2px solid currentColor}
.slot.bad{background:color-mix(in srgb,var(--bad) 18%,transparent)}.slot.bad b,.slot.bad i{color:var(--bad)}
.slot.bent{background:color-mix(in srgb,var(--bent) 16%,transparent)}.slot.bent b,.slot.bent i{color:var(--bent)}
.findings{margin:1rem 0 0;padding:0;list-style:none;border-top:1px solid var(--line)}.findings li{display:grid;grid-template-columns:3rem 3rem 1fr;gap:.5rem;padding:.35rem 0;border-bottom:1px solid var(--line)}
.grade.bad{color:var(--bad)}.grade.bent{color:var(--bent)}.grade.both{color:var(--both)}.grade.good{color:var(--good)}.place,.hint,.couplets{color:var(--dim)}.couplets{margin:.8rem 0 0}
@media print{body{padding:0}article{border-color:#bbb}}`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeHtml(text: string): string {
  // A lone surrogate has no place in a file of UTF-8.
  return text.replace(/[&<>"]/gu, (char) => ENTITIES[char]!).replace(/\p{Cs}/gu, '\uFFFD');
}

export function pageStart(language: Language): string {
  const title = translate(language, 'checkPageTitle');
  return `<!doctype html>
<html lang="${language === 'zh' ? 'zh-Hans' : 'en'}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${title}</title><style>${STYLE}</style></head>
<body><header><h1>${title}</h1><p class="legend">${translate(language, 'legend')}</p></header>
`;
}

function slot(char: string, line: LineReading, number: number, index: number, verdict: Verdict): string {
  const reading = line.readings[index];
  const isLevel = line.tones[index] === '平';
  const mark = reading === '？' ? '？' : reading === '多' ? '◎' : isLevel ? '○' : '●';
  const here = verdict.findings.filter((finding) => finding.line === number && finding.position === index + 1);
  const grade = gradeAt(here, number, index + 1);
  const isRhyme = index === line.readings.length - 1 && verdict.rhyme?.lines.includes(number) === true;
  const classes = ['slot', isLevel ? 'ping' : 'ze'];
  if (reading === '？') classes.push('bad');
  else if (grade === '疵' || grade === '拗可') classes.push(GRADE_CLASSES[grade]);
  if (isRhyme) classes.push('rhyme');
  const title = here.length === 0 ? '' : ` title="${escapeHtml(here.map((finding) => finding.message).join('\n'))}"`;
  return `<span class="${classes.join(' ')}"${title}><b>${escapeHtml(char)}</b><i>${mark}</i></span>`;
}

/** One poem as an article. */
export function poemArticle(verdict: Verdict, title: string | undefined, language: Language): string {
  const text = (key: MessageKey) => translate(language, key);
  const outcome = outcomeOf(verdict);
  const details = formDetails(verdict, language);
  const about = [
    nameForm(verdict, language),
    ...details,
    BOOK_NAMES[verdict.book] + (verdict.rhyme === null ? '' : ` ${nameRhyme(verdict.rhyme)}`),
  ];
  const lines = verdict.lines.map((line, index) => {
    const slots = [...line.text].map((char, position) => slot(char, line, index + 1, position, verdict));
    return `<li><span class="number">${index + 1}</span>${slots.join('')}</li>`;
  });
  const findings = sortFindings(verdict.findings).map((finding) => {
    const place = `${finding.line}${finding.position === undefined ? '' : `.${finding.position}`}`;
    const hint =
      finding.suggestion === undefined
        ? ''
        : ` <span class="hint">${text('suggestion')} ${escapeHtml(finding.suggestion)}</span>`;
    return `<li><span class="grade ${GRADE_CLASSES[finding.verdict]}">${finding.verdict}</span><span class="place">${place}</span><span><b>${escapeHtml(finding.name)}</b> ${escapeHtml(finding.message)}${hint}</span></li>`;
  });
  const couplets = (verdict.parallelism?.couplets ?? []).map(
    ({ lines: pair, score }) => `${pair.join('–')} ${score.toFixed(2)}`,
  );
  const polyphones = namePolyphones(verdict).map(({ line, words }) => `${line} ${escapeHtml(words.join(' · '))}`);
  return `<article><h2>${escapeHtml(title ?? verdict.id ?? verdict.lines[0]?.text ?? '')}</h2><p class="about">${escapeHtml(about.join(' · '))} · <span class="outcome ${outcome}">${text(outcome)}</span></p>
<ol class="poem">${lines.join('\n')}</ol>
${findings.length === 0 ? '' : `<ul class="findings">${findings.join('\n')}</ul>`}${couplets.length === 0 ? '' : `<p class="couplets">${text('parallelism')} ${couplets.join(' · ')}</p>`}${polyphones.length === 0 ? '' : `<p class="couplets"><b>${text('polyphones')}</b><br>${polyphones.join('<br>')}</p>`}
</article>
`;
}

export function pageEnd(summary: CheckTally, language: Language): string {
  if (summary.count < 2) return '</body></html>\n';
  const text = (key: MessageKey) => translate(language, key);
  const keys = ['poems', 'length', 'rhyme', 'meter', 'strictAll', 'lenientAll'] as const;
  const head = ['form', ...keys].map((key) => `<th>${text(key as MessageKey)}</th>`).join('');
  const rows = summary.rows().map(([form, tally]) => {
    const shares = [tally.length, tally.rhyme, tally.meter, tally.strict, tally.lenient];
    const name = form === 'total' ? text('total') : form === '' ? text('unknownForm') : form;
    return `<tr><td>${escapeHtml(name)}</td><td>${tally.count}</td>${shares.map((share) => `<td>${formatPercent(share / tally.count)}</td>`).join('')}</tr>`;
  });
  return `<section class="summary"><table><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></section></body></html>\n`;
}
