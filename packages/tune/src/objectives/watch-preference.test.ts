import { describe, expect, it } from 'vitest';
import { inspectAll, watchCollapse, watchStillness } from './watch-preference.ts';

describe('watchCollapse', () => {
  it('warns when all is right at once, and stops when it stays so', () => {
    const inspect = watchCollapse('accuracy');
    const findings = Array.from({ length: 8 }, (_, i) => inspect(i + 1, 1e-4, { accuracy: 1 }));
    expect(findings.map((finding) => finding?.isFatal)).toEqual([
      undefined,
      undefined,
      false,
      undefined,
      undefined,
      undefined,
      undefined,
      true,
    ]);
  });

  it('says nothing of a loss that fell in good time, or of pairs that are not all right', () => {
    const inspect = watchCollapse('accuracy');
    for (let step = 21; step < 40; step++) expect(inspect(step, 1e-4, { accuracy: 1 })).toBeNull();
    for (let step = 1; step < 15; step++) expect(inspect(step, 1e-4, { accuracy: 0.9 })).toBeNull();
  });
});

describe('watchStillness', () => {
  const still = { 'rewards/chosen': 0, 'rewards/rejected': 0 };

  it('tells once when the policy does not leave its reference', () => {
    const inspect = inspectAll(watchCollapse('rewards/accuracies'), watchStillness());
    const findings = Array.from({ length: 15 }, (_, i) => inspect(i + 1, Math.log(2), still));
    expect(findings.map((finding) => finding?.code)).toEqual(
      Array.from({ length: 15 }, (_, i) => (i === 9 ? 'preference-rewards-stuck' : undefined)),
    );
    expect(findings[9]?.isFatal).toBe(false);
  });

  it('says nothing while anything moves', () => {
    const inspect = watchStillness();
    for (let step = 1; step < 40; step++) {
      expect(inspect(step, 0.69, step % 9 === 0 ? { ...still, 'rewards/chosen': 1e-7 } : still)).toBeNull();
    }
    for (let step = 1; step < 40; step++) expect(inspect(step, 0.69, {})).toBeNull();
  });
});
