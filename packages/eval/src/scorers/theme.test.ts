import { loadStarter } from '@tuiqiao/corpus';
import { describe, expect, it } from 'vitest';
import { themeFit, trainThemeRelevance } from './theme.ts';

describe('trainThemeRelevance', () => {
  const relevance = trainThemeRelevance([
    { title: '秋夜', text: '霜月蟲聲' },
    { title: '秋夜二首 其一', text: '霜葉燈前' },
    { title: '秋夜', text: '霜鐘寒月' },
    { title: '春日', text: '花鳥東風' },
    { title: '春日', text: '花柳新泥' },
    { title: '春日', text: '花氣晴煙' },
  ]);
  it('rates what stands under such titles above what stands under others', () => {
    expect(relevance.score('秋夜', '霜月')).toBeGreaterThan(0);
    expect(relevance.score('春日', '霜月')).toBeLessThan(0);
  });
  it('knows nothing of strange titles and empty poems', () => {
    expect(relevance.score('冬', '霜月')).toBe(0);
    expect(relevance.score('秋夜', '')).toBe(0);
  });
  it('gives chance when there is nothing to tell apart, and nothing when there is no rival', () => {
    const silent = { score: () => 0 };
    const poems = [
      { title: '甲', text: '山', group: '五绝' },
      { title: '乙', text: '水', group: '五绝' },
    ];
    expect(themeFit(silent, poems)!.mean).toBe(0.5);
    expect(themeFit(silent, poems.slice(1))).toBeNull();
  });
});

describe('themeFit on real poems', () => {
  it('tells held-out poems under their own title from poems under another’s', async () => {
    const starter = await loadStarter();
    const relevance = trainThemeRelevance(starter.filter((poem) => poem.labels.split === 'train'));
    const heldOut = starter.flatMap(({ title, text, labels }) =>
      labels.split === 'train' || labels.form === null || labels.tune !== null
        ? []
        : [{ title, text, group: labels.form }],
    );
    const own = themeFit(relevance, heldOut)!;
    expect(own.n).toBeGreaterThan(500);
    expect(own.ci[0]).toBeGreaterThan(0.65);
    // Neighbours in the corpus are often by one poet on one subject: exchange with the far half.
    const half = heldOut.length / 2;
    const exchanged = heldOut.map((poem, i) => ({
      ...poem,
      text: heldOut[Math.floor(i + half) % heldOut.length]!.text,
    }));
    const chance = themeFit(relevance, exchanged)!;
    expect(chance.ci[0]).toBeLessThan(0.5);
    expect(chance.ci[1]).toBeGreaterThan(0.5);
  }, 120_000);
});
