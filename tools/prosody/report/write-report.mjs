// The report as Markdown: each figure beside the recorded one, with the difference and, where it is above 0.3 points, why.

import { judgeCi, judgeRegulated } from './judgements.mjs';

/** Differences above this are explained. */
const TOLERANCE = 0.3;
const percent = (part, whole) => (100 * part) / whole;
const show = (value, digits = 2) => value.toFixed(digits);
const table = (header, rows) =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
const quote = (text) => (text.length > 60 ? `${text.slice(0, 58)}…` : text);

/** A measured percentage beside the recorded one. */
function row(name, measured, recorded, n, why = '') {
  const difference = measured - recorded;
  const mark = Math.abs(difference) <= TOLERANCE ? '' : why || 'NOT EXPLAINED';
  return [name, show(measured), show(recorded), `${difference >= 0 ? '+' : ''}${show(difference)}`, n, mark];
}
const HEADER = ['', 'measured %', 'recorded %', 'difference', 'n', 'why'];

export function writeReport(measured) {
  const parts = [
    heading(measured),
    writeBooks(measured),
    writeForms(measured),
    writeCi(measured),
    writeCouplets(measured),
    writeSamples(measured),
    writeHandbooks(measured),
  ];
  return `${parts.filter(Boolean).join('\n\n')}\n`;
}

function heading({ shi, date }) {
  return `# Prosody, measured

Written by \`npm run report:prosody\` on ${date} from npm chinese-poetry 2.0.1 (${shi.poems} shi of Tang and Song, all Song ci); do not
edit. “Recorded” are the figures of the measurements that the tables were chosen by. Differences above ${TOLERANCE} points are explained.
Nothing is sampled and nothing is random but the training of the pair table (seed 12345) and the shuffled control (seed 20240).`;
}

function writeBooks({ shi, recorded }) {
  const { coverage: c, simplified: s } = shi;
  const contradicted = [...shi.contradicted]
    .filter(([, [right, wrong]]) => right + wrong >= 20 && wrong > right)
    .map(([char, [right, wrong]]) => `${char} (${wrong} of ${right + wrong})`);
  const rows = [
    row('characters of hard slots covered', percent(c.known, c.tokens), 99.93, c.tokens),
    row('all characters of shi covered', percent(shi.all.known, shi.all.characters), 99.98, shi.all.characters),
    row('marked both', percent(c.both, c.tokens), 13.9, c.tokens),
    row('slots consistent', percent(c.consistent, c.known), 99.08, c.known),
    row('simplified: marked both, above traditional', percent(s.both - c.both, s.tokens), 0.9, s.tokens),
    row('simplified: slots consistent', percent(s.consistent, s.tokens), 99.07, s.tokens),
    row('marked both, cut by a prior of 97 %', percent(c.both - c.likelyBoth, c.tokens), 2.9, c.tokens),
  ];
  const books =
    recorded === undefined
      ? '*Reference tables not found: agreement of the transcriptions left out.*'
      : writeTranscriptions(recorded.books);
  return `## 1. Rhyme books and tones

Hard slots (second, fourth, sixth, last) of ${shi.nearFlawless} regulated poems with at most one slip (绝句) or two (律诗); recorded 201,320 poems.

${table(HEADER, rows)}

Characters contradicted by most uses (n ≥ 20): ${contradicted.join(', ') || 'none'}; recorded 廝, 苖, 囗: the latter two are folded or
are no characters.

${books}`;
}

const RECORDED_PAIRS = {
  'S–W': [8546, 83.4, 93.0, 0.27, 89.5, 97.3, 0.018],
  'S–G': [18312, 76.6, 90.4, 0.99, 85.9, 94.1, 0.016],
  'W–G': [8216, 79.7, 91.2, 0.41, 88.1, 94.4, 0.035],
};

function writeTranscriptions({ pairs, parts, modern, guangyun }) {
  const why = 'folded from the 206 rhymes anew, each into the group that holds most of its characters';
  const rows = pairs.flatMap(({ pair, common, groups, tones, opposite, weighted }) => {
    const [, ...known] = RECORDED_PAIRS[pair];
    const values = [
      ['same groups', percent(groups, common)],
      ['same tones', percent(tones, common)],
      ['opposite tones', percent(opposite, common)],
      ['same groups, by use', percent(weighted.groups, weighted.all)],
      ['same tones, by use', percent(weighted.tones, weighted.all)],
      ['opposite tones, by use', percent(weighted.opposite, weighted.all)],
    ];
    return values.map(([name, value], index) =>
      row(`${pair} ${name}`, value, known[index], common, pair.includes('G') ? why : 'readings of both folded'),
    );
  });
  rows.push(
    row(
      '词林正韵: transcriptions identical',
      percent(parts.equal, parts.common),
      87.5,
      parts.common,
      'the record compared 5,024 characters, here are all that both list',
    ),
    row('词林正韵: Wikisource has fewer', percent(parts.fewer, parts.common), 11.1, parts.common),
    row('词林正韵: disjoint', percent(parts.disjoint, parts.common), 0.3, parts.common),
    row('中华新韵: rule and printed list identical', percent(modern.equal, modern.common), 87.6, modern.common),
    row('中华新韵: list shorter', percent(modern.shorter, modern.common), 7.7, modern.common),
    row(
      '中华新韵: list longer',
      percent(modern.longer, modern.common),
      3.5,
      modern.common,
      'overlapping lists counted here',
    ),
    row('中华新韵: disjoint', percent(modern.disjoint, modern.common), 0.9, modern.common),
  );
  return `Transcriptions of 平水韵 against one another (S the widest, W Wikisource, G 廣韻 folded), of 词林正韵 and of 中华新韵:

${table(HEADER, rows)}

廣韻 as shipped (206 rhymes) against 平水韵 as shipped, ${guangyun.common} characters: same tones ${show(percent(guangyun.equal, guangyun.common))} %, opposite ${show(percent(guangyun.opposite, guangyun.common))} %.
The hand labels of 元白 (recorded 99.91 % of 2,135) are under a licence for non-commercial use only and are not read here.`;
}

const RECORDED_COUNTS = {
  tang: { 五律: 14982, 七绝: 11162, 七律: 8326, 五绝: 4388, mixed: 5618 },
  song: { 七绝: 72816, 七律: 60489, 五律: 45958, 五绝: 13136, mixed: 14453 },
};
const RECORDED_FLAWLESS = {
  tang: { 五律: 8307, 七绝: 8185, 七律: 5869, 五绝: 1863 },
  song: { 七绝: 57638, 七律: 43161, 五律: 24581, 五绝: 5549 },
};
const RECORDED_ZERO = { 七绝: [79, 83], 七律: [74, 75], 五律: [56, 58], 五绝: [44, 49] };

function writeForms({ shi }) {
  const counts = ['tang', 'song'].flatMap((dynasty) => {
    const own = shi[dynasty];
    return [
      ...Object.entries(own.forms).map(([form, { poems, flawless }]) => [
        `${dynasty} ${form}`,
        poems,
        RECORDED_COUNTS[dynasty][form],
        flawless,
        RECORDED_FLAWLESS[dynasty][form],
      ]),
      [`${dynasty} mixed lines`, own.mixed, RECORDED_COUNTS[dynasty].mixed, '', ''],
    ];
  });
  const zero = Object.entries(RECORDED_ZERO).map(([form, [low, high]]) => {
    const shares = ['tang', 'song'].map((dynasty) => {
      const { judged, zeroFaults, zeroListed } = shi[dynasty].forms[form];
      return `${show(percent(zeroFaults, judged), 1)}–${show(percent(zeroListed, judged), 1)}`;
    });
    return [form, ...shares, `${low}–${high}`];
  });
  const flawless = ['tang', 'song'].reduce(
    (sum, dynasty) => sum + Object.values(shi[dynasty].forms).reduce((each, form) => each + form.flawless, 0),
    0,
  );
  return `## 2. Forms

${table(['', 'poems', 'recorded', 'flawless', 'recorded'], counts)}

Flawless in all (hard slots and one rhyme group): ${flawless}; recorded 155,153 (${show(percent(flawless - 155153, 155153))} %). Here a poem whose lines are
right once its notes are stripped counts as well, which the recorded counts left out, and poems of mixed lines are counted
after stripping.

Share of poems without a fault in a hard slot: with the readings that the narrowest source confirms, and with all that the book
lists; the recorded figures lie between (they took a third selection, the first transcription that has a character).

${table(['', 'Tang %', 'Song %', 'recorded %, Tang and Song'], zero)}

${table(HEADER, writeRates(shi))}

${
  shi.compared === 0
    ? '*Comparison of scripts left out (`--quick`).*'
    : `checker(t→s(poem)) finds more 疵 than checker(poem) in **${shi.worseWhenSimplified}** of ${shi.compared} poems.`
}`;
}

const RECORDED_RATES = {
  tang: {
    孤平: 0.25,
    孤平拗救: 5.39,
    三平尾: 1.02,
    特拗: 12.51,
    三仄尾: 7.08,
    大拗: 75,
    小拗: 71,
    oneGroup: 98.1,
    first: 91.8,
  },
  song: {
    孤平: 0.27,
    孤平拗救: 4.45,
    三平尾: 0.33,
    特拗: 12.78,
    三仄尾: 3.58,
    大拗: 64,
    小拗: 58,
    oneGroup: 95.6,
    first: 80.9,
  },
};

function writeRates(shi) {
  const few = 'fewer lines have only characters of one tone, for more readings are listed here';
  return ['tang', 'song'].flatMap((dynasty) => {
    const own = shi[dynasty];
    const known = RECORDED_RATES[dynasty];
    const share = (type, ...patterns) =>
      percent(
        patterns.reduce((sum, pattern) => sum + (own.lines[type].patterns[pattern] ?? 0), 0),
        own.lines[type].n,
      );
    const variants = 'variants are folded here: 鶑 is 鶯 (1,602 times), 饑 is 飢 (242 poems)';
    return [
      row(`${dynasty} 孤平`, share('B', '仄平仄仄平'), known.孤平, own.lines.B.n),
      row(`${dynasty} 孤平拗救`, share('B', '仄平平仄平'), known.孤平拗救, own.lines.B.n),
      row(`${dynasty} 三平尾`, share('D', '仄仄平平平', '平仄平平平'), known.三平尾, own.lines.D.n),
      row(`${dynasty} 特拗`, share('C', '平平仄平仄'), known.特拗, own.lines.C.n, few),
      row(`${dynasty} 三仄尾`, share('C', '平平仄仄仄', '仄平仄仄仄'), known.三仄尾, own.lines.C.n),
      row(`${dynasty} 大拗 rescued`, percent(...own.rescue.daao), known.大拗, own.rescue.daao[1], few),
      row(`${dynasty} 小拗 rescued`, percent(...own.rescue.xiaoao), known.小拗, own.rescue.xiaoao[1], few),
      row(`${dynasty} one rhyme group`, percent(own.oneGroup, own.rhymed), known.oneGroup, own.rhymed, variants),
      row(
        `${dynasty} first line in it`,
        percent(own.firstLineSame, own.firstLine),
        known.first,
        own.firstLine,
        variants,
      ),
    ];
  });
}

export function writeCi(measured) {
  const { ci, recorded } = measured;
  const { total, control } = ci;
  const rows = [
    row('length fits', percent(total.length, total.ci), 91.5, total.ci),
    row(
      'lines, four fifths of the breaks',
      percent(total.lines, total.ci),
      88.9,
      total.ci,
      'four more names of tunes resolve, and more of the texts under them fit',
    ),
    row('lines, exactly', percent(total.exact, total.ci), 73.9, total.ci),
    row('fixed slots right', percent(total.slotsRight, total.slots), 97.7, total.slots),
    row('at most two faults', percent(total.fewFaults, total.lines), 86.4, total.lines),
    row('rhyme places marked', percent(total.rhymePlacesMarked, total.rhymePlaces), 99.2, total.rhymePlaces),
    row('all rhymes in one part', percent(total.oneGroup, total.lines), 81.6, total.lines),
    row('at most one off', percent(total.oneOff, total.lines), 92.0, total.lines),
    row(
      'control: slots right when shuffled',
      percent(control.right, control.slots),
      60.5,
      control.slots,
      'the record chose the variant again for the shuffled text; here it is kept',
    ),
    row('control: at most two faults', percent(control.few, control.ci), 0.05, control.ci),
  ];
  return `## 3. Ci

${ci.all} Song ci, ${ci.resolved} with a tune (recorded 20,255), ${ci.damaged} of them damaged and left out (recorded 852).

${table(HEADER, rows)}

${recorded === undefined ? '*Reference tables not found: the thirty tunes left out.*' : writeTunes(measured, recorded.tunes)}`;
}

/** Why a figure of a tune differs from the record's: see the sentences above the table. */
function causeOf(name, measure, record, { tune, withNotes, asRecorded }) {
  const recorded = 100 * Number(record[name]);
  const readsMarks = name === 'rhyme_pos_recall';
  if (!readsMarks && Math.abs(measure(withNotes) - recorded) <= TOLERANCE) return 'n';
  if (!readsMarks && Math.abs(measure(asRecorded) - recorded) <= TOLERANCE) return 't';
  if (tune.ci !== Number(record.ci_checked)) return 'm';
  return name === 'length_match' ? 'o' : 'v';
}

function writeTunes({ ci, ciWithNotes, ciAsRecorded }, tunes) {
  const columns = [
    ['length_match', (tune) => percent(tune.length, tune.ci)],
    ['line_match80', (tune) => percent(tune.lines, tune.ci)],
    ['line_match_exact', (tune) => percent(tune.exact, tune.ci)],
    ['tone_ok', (tune) => percent(tune.slotsRight, tune.slots)],
    ['le2_faults', (tune) => percent(tune.fewFaults, tune.lines)],
    ['rhyme_pos_recall', (tune) => percent(tune.rhymePlacesMarked, tune.rhymePlaces)],
    ['rhyme_all_one_part', (tune) => percent(tune.oneGroup, tune.lines)],
    ['rhyme_le1_off', (tune) => percent(tune.oneOff, tune.lines)],
  ];
  const causes = { n: 0, t: 0, m: 0, v: 0, o: 0 };
  const rows = tunes.map((record) => {
    const id = Number(record.tune_id);
    const tune = ci.tunes.get(id);
    const cells = columns.map(([name, measure]) => {
      const value = measure(tune);
      const difference = value - 100 * Number(record[name]);
      if (Math.abs(difference) <= TOLERANCE) return show(value, 1);
      const cause = causeOf(name, measure, record, {
        tune,
        withNotes: ciWithNotes.tunes.get(id),
        asRecorded: ciAsRecorded.tunes.get(id),
      });
      causes[cause]++;
      return `${show(value, 1)} (${difference > 0 ? '+' : ''}${show(difference, 1)} ${cause})`;
    });
    return [record.tune, tune.ci, ...cells];
  });
  const figures = tunes.length * columns.length;
  const differing = causes.n + causes.t + causes.m + causes.v + causes.o;
  return `The thirty commonest tunes; in brackets what differs from the record by more than ${TOLERANCE} points (${differing} of ${figures} figures), and why:

- **n** (${causes.n}): notes. What stands in brackets in a text is left out here; with it left in, as the record counted, the figure is the
  record's to ${TOLERANCE} points (measured in the same run).
- **m** (${causes.m}): names. Other ci stand under the tune: 木兰花 is read as 玉楼春 here, not as 减字木兰花, and more of the double names are
  followed, so that n differs.
- **t** (${causes.t}): transcriptions. The record read 词林正韵 by the widest transcription alone; with that, and the notes left in, the
  figure is the record's to ${TOLERANCE} points (measured in the same run).${causes.v === 0 ? '' : `\n- **v** (${causes.v}): not explained.`}${causes.o === 0 ? '' : `\n- **o** (${causes.o}): one ci more or fewer has the length of a variant; not traced.`}

${table(['tune', 'n', 'length', 'lines ≥ 80 %', 'exact', 'slots', '≤ 2 faults', 'rhyme places', 'one part', '≤ 1 off'], rows)}`;
}

function writeCouplets({ couplets }) {
  if (couplets === undefined) return '## 4. 对仗\n\n*Left out (`--quick`).*';
  const { means } = couplets;
  return `## 4. 对仗

A pair table trained on ${couplets.training} eight-line poems, measured on ${couplets.heldOut} others that share no line with them; a poem's two middle couplets
against its first and last, and against lower lines of other poems. Area under the ROC curve.

${table(
  ['', 'measured', 'recorded', 'asked for'],
  [
    ['middle against first and last', show(couplets.outer, 3), '0.925', '≥ 0.92'],
    ['middle against random', show(couplets.random, 3), '0.985', '≥ 0.98'],
  ],
)}

Mean scores: middle ${show(means.middle)}, first and last ${show(means.outer)}, random ${show(means.random)} (recorded 1.24, −0.31, −0.67 with an unsmoothed table).`;
}

function writeSamples({ recorded }) {
  if (recorded === undefined) return '## 5. Recorded samples\n\n*Reference tables not found: left out.*';
  const { regulated, ci } = recorded;
  const share = (count, n) => `${count} (${show(percent(count, n))} %)`;
  const { counts } = regulated;
  const unlike = regulated.differing.map((each) => {
    const { right, why } = judgeRegulated(each);
    return [each.id, quote(each.text), each.aspects.join(', '), each.record, each.ours, right, why];
  });
  const unlikeCi = ci.differing.map((each) => {
    const { right, why } = judgeCi(each);
    return [each.id, each.tune, quote(each.text), each.record, each.ours, right, why];
  });
  const { whole } = ci;
  return `## 5. Recorded samples

Records of an earlier program, for regression; where the checker differs, each poem is judged by hand.

### 5.1 Regulated verse, n = ${regulated.n}

Equal: form ${share(counts.form, regulated.n)}, start ${share(counts.start, regulated.n)}, rhyme group ${share(counts.rhymeGroup, regulated.n)}, off rhymes ${share(counts.offRhymes, regulated.n)}, places of faults ${share(counts.faults, regulated.n)};
form, group and faults together ${share(counts.formGroupFaults, regulated.n)}. By the records' conventions that an unknown character at a rhyme is off rhyme and that a
character to which the narrowest transcription gives both tones fits any slot.

${table(['id', 'text', 'differs in', 'record', 'ours', 'right', 'why'], unlike)}

### 5.2 Ci, n = ${ci.n}

Equal: variant ${share(ci.counts.variant, ci.n)}, tone faults ${share(ci.counts.tones, ci.n)}, rhymes off ${share(ci.counts.rhymes, ci.n)}. Of the ${whole.n} texts without a lost glyph: variant
${share(whole.variant, whole.n)}, tone faults ${share(whole.tones, whole.n)}, rhymes off ${share(whole.rhymes, whole.n)}, all three ${share(whole.all, whole.n)}. Columns “record” and “ours”: variant, tone faults / rhymes off.

${table(['id', 'tune', 'text', 'record', 'ours', 'right', 'why'], unlikeCi)}`;
}

function writeHandbooks({ handbooks }) {
  const { n, otherwise, flagged } = handbooks;
  const count = (kind) => flagged.filter((poem) => poem.kind === kind).length;
  const correct = n - count('true') - count('text');
  return `## 6. False alarms

The ${n} poems that 唐诗三百首 and 千家诗 print as 绝句 and 律诗, form not given. ${otherwise} are recognised as 古绝 or 折腰体 and not faulted. ${flagged.length} have a 疵: in
${count('true')} the poem breaks the rule, as handbooks say of it; in ${count('text')} the text used here has a slip (made by conversion from simplified
characters); **${count('false')} are false alarms, ${show(percent(count('false'), correct))} % of the ${correct} poems that are correct**; unjudged ${count('unjudged')}.

${table(
  ['book', 'poem', 'first line', 'found', 'verdict', 'why'],
  flagged.map(({ book, author, title, text, faults, kind, why }) => [
    book,
    `${author} ${title}`,
    /^[^，]+/u.exec(text)[0],
    faults.join('; '),
    kind === 'true' ? 'right' : kind === 'text' ? 'right, of this text' : kind,
    why,
  ]),
)}`;
}
