import { check } from '@tuiqiao/prosody';
import { describe, expect, it } from 'vitest';
import { chartLibrary } from './chart-library.ts';
import { renderReport } from './render-report.ts';
import type { ReportInput, ReportPoem } from './report-input.ts';

const DATE = '2026-01-02T03:04:05Z';
const TEXT = '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。';
const HOSTILE = '</script><img src=x onerror="alert(1)">';

/** The page without the chart library, whose own text has addresses and markup. */
const render = (input: ReportInput): string => renderReport(input).replace(chartLibrary(), '');

function poem(change: Partial<ReportPoem> = {}): ReportPoem {
  return { request: '五绝 · 登樓', text: TEXT, verdict: check({ text: TEXT, form: '五绝' }), novelty: null, ...change };
}

describe('renderReport', () => {
  it('is one page that names no address', () => {
    const page = render({ title: '推敲', date: DATE, poems: [poem()] });
    expect(page).toMatch(/^<!doctype html>\n<html lang="zh-Hans">/);
    expect(page).not.toMatch(/https?:|url\(|@import|<link(?![^>]*href="data:,")/);
    expect(page).toContain("default-src 'none'");
  });

  it('leaves out the parts there is no matter for', () => {
    const page = render({ title: '推敲', date: DATE });
    expect(page).not.toContain('class="part"');
    expect(render({ title: '推敲', date: DATE, notes: ['一'] }).match(/class="part"/g)).toHaveLength(1);
    expect(render({ title: '推敲', date: DATE, runs: [{ name: 'sft', stage: 'sft', log: [] }] })).toContain(
      'id="training"',
    );
  });

  it('escapes whatever it is given', () => {
    const page = render({
      title: HOSTILE,
      subtitle: HOSTILE,
      date: HOSTILE,
      machine: HOSTILE,
      versions: { [HOSTILE]: HOSTILE },
      facts: [{ label: HOSTILE, value: HOSTILE }],
      runs: [{ name: HOSTILE, stage: HOSTILE, log: [{ current_steps: 1, loss: 1 }], notes: [HOSTILE] }],
      poems: [
        poem({
          request: HOSTILE,
          title: HOSTILE,
          text: HOSTILE,
          model: HOSTILE,
          novelty: {
            copiedLines: [{ line: HOSTILE, source: { title: HOSTILE, author: HOSTILE } }],
            longestSharedNgram: 0,
          },
        }),
        poem({ trace: [{ line: HOSTILE, source: { title: HOSTILE, author: HOSTILE }, shared: HOSTILE }] }),
      ],
      notes: [HOSTILE],
    });
    expect(page).not.toContain('<img');
    // The chart data, the library and the drawing code; nothing else may end a script.
    expect(page.match(/<\/script>/g)).toHaveLength(3);
  });

  it('shows a text that is no verse as it is', () => {
    const text = 'I cannot <write> poems (yet).';
    const page = render({ title: '推敲', date: DATE, poems: [poem({ text, verdict: check({ text, form: '五绝' }) })] });
    expect(page).toContain('I cannot &lt;write&gt; poems (yet).');
  });

  it('writes its labels in the language asked for, findings in that of the verdict', () => {
    const page = render({ title: 'Tuiqiao', lang: 'en', date: DATE, poems: [poem()] });
    expect(page).toContain('<html lang="en">');
    expect(page).toContain('Poems on request');
    expect(page).toContain('Keeps every rule');
  });

  it('thins a long log and leaves out figures that are no numbers', () => {
    const log = Array.from({ length: 5000 }, (_, i) => ({
      current_steps: i + 1,
      loss: i === 7 ? Number.NaN : 5 - i / 2500,
    }));
    const page = render({ title: '推敲', date: DATE, runs: [{ name: 'sft', stage: 'sft', log }] });
    const charts = JSON.parse(/id="chart-data">([^<]*)</.exec(page)![1]!);
    const [raw, smoothed] = charts[0].option.series;
    expect(raw.data.length).toBeGreaterThan(300);
    expect(raw.data.length).toBeLessThanOrEqual(400);
    expect(raw.data.at(-1)[0]).toBe(5000);
    // A straight fall stays straight when smoothed, its ends included.
    expect(smoothed.data[0][1]).toBeCloseTo(5, 1);
    expect(smoothed.data.at(-1)[1]).toBeCloseTo(3, 1);
    expect(page).not.toContain('NaN');
  });
});
