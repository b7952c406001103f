// The checker against recorded analyses: 3,800 regulated poems and 2,300 ci. The records are a regression sample of an
// earlier program, not human work; where the two differ `judgements.mjs` says who is right.
//
// Two conventions of the records are taken over here. An unknown character at a rhyme counts as off rhyme. A character to
// which the narrowest transcription gives both tones fits any slot: of 小兒女 the records say nothing, the checker says
// that it is a lawful 特拗.

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { check, checkCi, loadBook } from '@tuiqiao/prosody';
import { readRows } from './reference.mjs';

const TONE_RULES = new Set([
  'pingze',
  'shidui',
  'shinian',
  'guping',
  'sanpingwei',
  'sanzewei',
  'aoju',
  'tiao',
  'zhuangyun',
]);

/** @param {string} reference @param {string} folder the pulled package */
export function compareRegulated(reference, folder) {
  const rows = readRows(reference, 'forms/jinti_gold_sample.tsv');
  const texts = readTexts(path.join(folder, 'quantangshi'), new Set(rows.map(({ id }) => id)));
  const book = loadBook('pingshui');
  const narrow = readNarrowTones(reference);
  const counts = { form: 0, start: 0, rhymeGroup: 0, offRhymes: 0, faults: 0, formGroupFaults: 0 };
  const differing = [];
  for (const row of rows) {
    const text = texts.get(row.id);
    if (text === undefined) continue;
    const verdict = check(text);
    const length = [...verdict.lines[0].text].length;
    const places = new Set();
    for (const { rule, line, position } of verdict.findings) {
      if (!TONE_RULES.has(rule) || position === undefined) continue;
      if (position % 2 === 1 && position !== length) continue;
      if (narrow([...verdict.lines[line - 1].text][position - 1]) === 3) continue;
      places.add(`${line}.${position}`);
    }
    const unknownEnds = verdict.lines.filter(
      (line, index) => index % 2 === 1 && book.readings([...line.text].at(-1)).length === 0,
    ).length;
    const off = (verdict.rhyme?.offLines.filter((line) => line % 2 === 0).length ?? 0) + unknownEnds;
    const same = {
      form: verdict.form === row.form,
      start: verdict.start === row.start,
      rhymeGroup: row.rhyme_group.split('/').includes(verdict.rhyme?.group),
      offRhymes: off === Number(row.off_rhymes),
      faults: [...places].join(';') === row.hard_position_faults,
    };
    for (const [aspect, isSame] of Object.entries(same)) if (isSame) counts[aspect]++;
    if (same.form && same.rhymeGroup && same.faults) counts.formGroupFaults++;
    const aspects = Object.keys(same).filter((aspect) => !same[aspect]);
    if (aspects.length > 0) {
      differing.push({
        id: row.id,
        aspects,
        record: same.faults ? row.off_rhymes : row.hard_position_faults || '–',
        ours: same.faults ? String(off) : [...places].join(';') || '–',
        text,
      });
    }
  }
  return { n: texts.size, counts, differing };
}

/** Tones by the narrowest source that has a character: Wikisource, then 廣韻, then the widest; 0 when unknown. */
function readNarrowTones(reference) {
  const sources = new Map();
  for (const { char, src, tone } of readRows(reference, 'prosody/pingshui.tsv')) {
    const own = sources.get(char) ?? { W: 0, G: 0, S: 0 };
    for (const letter of src) own[letter] |= tone === '平' ? 1 : 2;
    sources.set(char, own);
  }
  return (char) => {
    const { W, G, S } = sources.get(char) ?? { W: 0, G: 0, S: 0 };
    return W || G || S;
  };
}

function readTexts(folder, ids) {
  const texts = new Map();
  for (const file of readdirSync(folder)) {
    if (!/^poet\.(tang|song)\.\d+\.json$/.test(file)) continue;
    for (const { id, paragraphs } of JSON.parse(readFileSync(path.join(folder, file), 'utf8')))
      if (ids.has(id)) texts.set(id, paragraphs.join(''));
  }
  return texts;
}

export function compareCi(reference, folder) {
  const files = new Map();
  const book = loadBook('cilin', 'simplified');
  const counts = { variant: 0, tones: 0, rhymes: 0, all: 0 };
  const whole = { n: 0, variant: 0, tones: 0, rhymes: 0, all: 0 };
  const differing = [];
  const rows = readRows(reference, 'forms/ci_gold_sample.tsv');
  for (const row of rows) {
    if (!files.has(row.file))
      files.set(row.file, JSON.parse(readFileSync(path.join(folder, 'songci', row.file), 'utf8')));
    const { rhythmic, paragraphs } = files.get(row.file)[Number(row.index)];
    const text = paragraphs.join('');
    const verdict = checkCi(text, { tune: rhythmic });
    const found = (rule) => verdict.findings.filter((finding) => finding.rule === rule).length;
    const unknownEnds = verdict.rhyme.lines.filter(
      (line) => book.readings([...verdict.lines[line - 1].text].at(-1)).length === 0,
    ).length;
    const same = {
      variant: verdict.variant === `${row.book} ${row.variant}`,
      tones: found('cipai-tone') === Number(row.tone_faults),
      rhymes: [found('cipai-rhyme'), found('cipai-rhyme') + unknownEnds].includes(Number(row.off_rhymes)),
    };
    same.all = same.variant && same.tones && same.rhymes;
    // The records left out a glyph that is no character; the lengths differ then.
    const isWhole = !/[^\p{Script=Han}\p{P}\s]/u.test(text);
    if (isWhole) whole.n++;
    for (const [aspect, isSame] of Object.entries(same)) {
      if (!isSame) continue;
      counts[aspect]++;
      if (isWhole) whole[aspect]++;
    }
    if (!same.all) {
      differing.push({
        id: `${row.file.replace(/^ci\.song\.|\.json$/g, '')}:${row.index}`,
        tune: row.tune,
        isWhole,
        record: `${row.book} ${row.variant}, ${row.tone_faults} / ${row.off_rhymes}`,
        ours: `${verdict.variant}, ${found('cipai-tone')} / ${found('cipai-rhyme')}`,
        text,
      });
    }
  }
  return { n: rows.length, counts, whole, differing };
}
