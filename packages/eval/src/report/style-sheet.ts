/** The report's style sheet: paper and ink, one red for rhyme and seal, a blue-green that deepens with every stage. */

const LIGHT = `
  --paper: #fbf9f4; --card: #fffefb; --ink: #24211c; --ink-soft: #6b655a; --ink-faint: #a39c8e; --rule: #e5dfd2;
  --accent: #a8362a; --accent-wash: #f6e9e3;
  --stage-1: #adbbba; --stage-2: #7fa3a3; --stage-3: #3f7878; --stage-4: #235556; --stage-5: #123638;
  --stage-1-wash: #e5e8e4; --stage-2-wash: #dde4e1; --stage-3-wash: #d5dfdb; --stage-4-wash: #d0d8d4; --stage-5-wash: #ccd2ce;
  --good: #3d6b4a; --warn: #8a6414; --bad: #a8362a;`;

const DARK = `
  --paper: #171613; --card: #1f1d1a; --ink: #ece6da; --ink-soft: #a79f90; --ink-faint: #6f695d; --rule: #37332c;
  --accent: #e0796a; --accent-wash: #3a2420;
  --stage-1: #566362; --stage-2: #5f8f8f; --stage-3: #74b6b4; --stage-4: #9fd6d2; --stage-5: #c9eeea;
  --stage-1-wash: #272927; --stage-2-wash: #27312e; --stage-3-wash: #2a3633; --stage-4-wash: #323c39; --stage-5-wash: #3b413e;
  --good: #8fc29c; --warn: #d9b25f; --bad: #e0796a;`;

export const STYLE_SHEET = `
:root {
  color-scheme: light dark;
  --font-text: "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", "Noto Serif CJK SC", system-ui, sans-serif;
  --font-head: "Songti SC", "Noto Serif CJK SC", "Source Han Serif SC", "Noto Serif SC", SimSun, Georgia, serif;
  --font-verse: "Kaiti TC", "STKaiti", "KaiTi", "BiauKai", "LXGW WenKai TC", "Noto Serif CJK TC", "Source Han Serif TC", "Songti TC", PMingLiU, serif;
  ${LIGHT}
}
@media screen and (prefers-color-scheme: dark) { :root { ${DARK} } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.65 var(--font-text); }
header.page, main, footer.page { max-width: 1180px; margin: 0 auto; padding: 0 28px; }
h1, h2, h3, h4 { font-family: var(--font-head); font-weight: 700; line-height: 1.3; text-wrap: balance; }
p { margin: 0; }
a { color: inherit; }
.quiet, .lead { color: var(--ink-soft); }
.lead { max-width: 46em; margin: 0 0 20px; font-size: 15px; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }

header.page { padding-top: 56px; }
.masthead { display: flex; gap: 24px; align-items: flex-start; }
.seal { flex: none; writing-mode: vertical-rl; padding: 8px 6px; border-radius: 4px; background: var(--accent); color: var(--paper); font: 700 22px/1.15 var(--font-head); letter-spacing: 2px; }
h1 { margin: 0; font-size: clamp(26px, 4.4vw, 40px); letter-spacing: .02em; }
.subtitle { margin-top: 8px; color: var(--ink-soft); font-size: 17px; max-width: 44em; }
.headline { display: flex; flex-wrap: wrap; gap: 12px 0; margin: 40px 0 0; padding: 0; list-style: none; border-top: 1px solid var(--rule); border-bottom: 1px solid var(--rule); }
.headline li { flex: 1 1 180px; padding: 18px 20px 16px 0; display: flex; flex-direction: column; }
.headline .name::before, .key { content: ""; display: inline-block; width: 10px; height: 10px; margin-right: 8px; border-radius: 2px; background: var(--key); border: 1.5px solid var(--key); }
.headline .control .name::before, .key.open { background: transparent; }
.headline .figure { font: 700 clamp(32px, 4.6vw, 46px)/1.2 var(--font-head); font-variant-numeric: tabular-nums lining-nums; }
.headline .interval { color: var(--ink-soft); font-size: 13px; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 250px), 1fr)); gap: 10px 28px; margin: 24px 0 0; font-size: 14px; }
.facts dt { color: var(--ink-soft); font-size: 12.5px; }
.facts dd { margin: 0; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 6px 22px; margin: 28px 0 0; font-size: 15px; }
nav a { text-decoration: none; border-bottom: 1px solid var(--ink-faint); }
nav a:hover { color: var(--accent); border-color: var(--accent); }

.judges { margin: 12px 0 0; font-size: 13.5px; max-width: 60em; }
.part { margin-top: 72px; }
h2 { margin: 0 0 8px; font-size: 27px; letter-spacing: .04em; }
h2 small { margin-left: 10px; color: var(--ink-faint); font: 400 15px/1 var(--font-head); letter-spacing: .02em; }
h3 { margin: 40px 0 6px; font-size: 19px; }

.poems { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr)); gap: 20px; }
.poem, .sample { background: var(--card); border: 1px solid var(--rule); border-radius: 6px; padding: 20px 22px 16px; display: flex; flex-direction: column; break-inside: avoid; min-width: 0; }
.poem header, .sample header { display: flex; justify-content: space-between; align-items: baseline; gap: 12px; }
.request { color: var(--ink-soft); font-size: 14px; }
.poem h3 { margin: 16px 0 0; text-align: center; font: 600 20px/1.4 var(--font-verse); letter-spacing: .12em; }
.badge { flex: none; padding: 1px 9px; border: 1px solid currentColor; border-radius: 99px; font-size: 12.5px; line-height: 1.6; }
.kept { color: var(--good); } .tolerable { color: var(--warn); } .broken { color: var(--bad); }

.verse { margin: 16px 0 14px; text-align: center; font: 25px/1.2 var(--font-verse); }
.verse p + p { margin-top: 14px; }
.sentence { display: block; }
.line { display: inline-block; white-space: nowrap; padding: 3px 0; }
.ch { position: relative; display: inline-block; width: 1.34em; text-align: center; padding-bottom: .72em; }
.ch::after { position: absolute; left: 0; right: 0; bottom: 0; color: var(--ink-faint); font: 9px/1.6 var(--font-text); }
.level::after { content: "○"; content: "○" / ""; }
.oblique::after { content: "●"; content: "●" / ""; }
.mark { display: inline-block; width: .8em; margin-left: -.12em; text-align: left; color: var(--ink-soft); }
.unmarked .ch::after { content: none; }
.rhyme { color: var(--accent); }
.rhyme::after { color: var(--accent); }
.fault { text-decoration: underline wavy var(--bad) 1.5px; text-underline-offset: 3px; }
.tolerated, .several { text-decoration: underline dotted var(--warn) 2px; text-underline-offset: 4px; }
.several { text-decoration-color: var(--ink-faint); }
.verse.plain { white-space: pre-wrap; overflow-wrap: anywhere; text-align: left; font-size: 19px; line-height: 1.7; }
.empty { margin: 24px 0; color: var(--ink-faint); text-align: center; }
.poem footer, .sample footer { padding-top: 10px; border-top: 1px solid var(--rule); font-size: 14px; }
.form { color: var(--ink-soft); }
.findings { margin: 4px 0 0; padding-left: 1.2em; }
.grave::marker { color: var(--bad); }
.light::marker { color: var(--warn); }
.note { color: var(--ink-soft); }
.note::marker { color: var(--ink-faint); }
.findings.none { padding: 0; color: var(--ink-soft); }
.copied { margin: 6px 0 0; padding: 0; list-style: none; }
.tag { display: inline-block; padding: 0 8px; border-radius: 3px; background: var(--accent-wash); color: var(--accent); font: 13px/1.7 var(--font-text); }
.provenance { margin-top: 4px; color: var(--ink-faint); font-size: 12.5px; }

.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 26px 36px; margin: 0 0 26px; }
.chart { margin: 0; min-width: 0; break-inside: avoid; }
figcaption { margin-bottom: 6px; font: 600 15px/1.4 var(--font-head); }

.wide { overflow-x: auto; }
.wide:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; font-size: 14.5px; }
th, td { padding: 9px 18px 9px 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: baseline; font-weight: 400; }
thead th { color: var(--ink-soft); font-size: 13px; border-bottom-color: var(--ink-faint); white-space: nowrap; }
tbody th { white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th:last-child, td:last-child { padding-right: 0; }
.number b { font-weight: 600; }
.count, .interval { color: var(--ink-soft); font-size: 12.5px; }
td .count { margin-left: 8px; }
td .interval { display: block; }
tr.control { background: color-mix(in srgb, var(--accent-wash) 45%, transparent); }
tr.group th { padding-top: 22px; font: 700 16px/1.4 var(--font-head); }
.pairs { max-width: 760px; }
.pairs tbody th { white-space: normal; }
.pairs .plot { width: 44%; min-width: 90px; }
.range { position: relative; display: block; height: 12px; background: linear-gradient(var(--ink-faint), var(--ink-faint)) 50% 0 / 1px 100% no-repeat, linear-gradient(var(--rule), var(--rule)) 0 50% / 100% 1px no-repeat; }
.range::before { content: ""; position: absolute; top: 5px; height: 2px; left: calc(var(--low) * 1%); width: calc((var(--high) - var(--low)) * 1%); background: var(--stage-3); }
.range i { position: absolute; top: 2px; left: calc(var(--mid) * 1% - 4px); width: 8px; height: 8px; border-radius: 50%; background: var(--stage-3); }

.prompt h3 { display: flex; align-items: center; gap: 10px; margin: 28px 0 12px; font-family: var(--font-verse); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 262px), 1fr)); gap: 14px; }
.columns + .columns { margin-top: 14px; }
.sample { padding: 14px 16px 12px; border-top: 3px solid var(--key); }
.sample h4 { margin: 0; font-size: 15px; }
.sample .verse { font-size: 20px; }
.sample .ch::after { font-size: 8px; }
.sample footer { font-size: 13.5px; }
details { margin-top: 24px; }
details .prompt:first-of-type h3 { margin-top: 20px; }
summary { cursor: pointer; color: var(--ink-soft); font-size: 15px; }

.traces { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); gap: 28px 40px; align-items: start; }
.trace h3, caption { margin: 0; padding: 0 0 6px; text-align: left; font: 600 17px/1.4 var(--font-verse); }
.trace { break-inside: avoid; }
.own { font: 17px/1.5 var(--font-verse); letter-spacing: .06em; }
.own mark { background: var(--accent-wash); color: inherit; padding: 1px 0; border-radius: 2px; }
.stolen { color: var(--accent); }
.trace td { text-align: right; font-size: 13.5px; }
.trace th:last-child { text-align: right; }
.stage .charts { margin-top: 12px; }
.notes { max-width: 48em; padding-left: 1.2em; color: var(--ink-soft); font-size: 15px; }
.notes li { margin-bottom: 6px; }
footer.page { margin-top: 72px; padding-bottom: 48px; color: var(--ink-faint); font-size: 13px; }
.noscript { padding: 16px 28px; }

@media (min-width: 1040px) {
  .poems { grid-template-columns: 1fr 1fr; }
  .poem:last-child:nth-child(odd) { grid-column: 1 / -1; }
}
@media (max-width: 560px) {
  header.page, main, footer.page { padding-left: 18px; padding-right: 18px; }
  header.page { padding-top: 28px; }
  .masthead { gap: 16px; }
  .seal { font-size: 18px; }
  .part { margin-top: 56px; }
  .headline li { flex-basis: 45%; }
  .poem { padding: 16px 14px 12px; }
  .verse { font-size: 23px; }
}
@media print {
  :root { color-scheme: light; --paper: #fff; --card: #fff; }
  body { font-size: 10.5pt; }
  .charts, .poems { grid-template-columns: 1fr 1fr; }
  .poem:last-child:nth-child(odd) { grid-column: 1 / -1; }
  nav, .noscript, .wide:focus-visible { display: none; }
  header.page { padding-top: 0; }
  .part { margin-top: 28pt; }
  h2, h3 { break-after: avoid; }
  .wide { overflow: visible; }
  details::details-content { content-visibility: visible; height: auto; }
  summary { display: none; }
  tr { break-inside: avoid; }
}
`;
