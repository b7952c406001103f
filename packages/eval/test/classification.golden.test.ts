// Agreement figures as scikit-learn computes them.
import { describe, expect, it } from 'vitest';
import { wilson } from '../src/intervals.ts';
import { calibration } from '../src/reference/calibration.ts';
import { classificationReport, cohenKappa, formatClassification } from '../src/reference/classification.ts';
import { rocCurve } from '../src/reference/ranking.ts';
import { hasGolden, readCase } from './golden.ts';

interface SetCase {
  readonly labels: readonly string[];
  readonly y_true: readonly string[];
  readonly y_pred: readonly string[];
  readonly report_text: string;
  readonly confusion_matrix: readonly (readonly number[])[];
  readonly accuracy: number;
  readonly balanced_accuracy: number;
  readonly cohen_kappa: number;
  readonly cohen_kappa_quadratic: number;
  readonly matthews: number;
  readonly macro: { precision: number; recall: number; f1: number };
  readonly weighted: { precision: number; recall: number; f1: number };
}

interface ClassificationCase {
  readonly sets: readonly SetCase[];
  readonly roc: readonly {
    y_true: number[];
    score: number[];
    auc: number;
    fpr: number[];
    tpr: number[];
    thresholds: (number | 'Infinity')[];
    average_precision: number;
    brier: number;
    log_loss_of_sigmoid: number;
  }[];
  readonly wilson: readonly { successes: number; n: number; interval: [number, number] }[];
}

const DIGITS = 10;

describe.skipIf(!hasGolden)('classification metrics (needs ../shared/golden)', () => {
  const recorded = hasGolden ? readCase<ClassificationCase>('metrics/classification') : null;

  it('give the recorded report, confusion matrix and averages', () => {
    expect(recorded!.sets.length).toBeGreaterThan(2);
    for (const set of recorded!.sets) {
      const report = classificationReport(set.y_true, set.y_pred, set.labels);
      expect(formatClassification(report)).toBe(set.report_text);
      expect(report.confusion).toEqual(set.confusion_matrix);
      expect(report.accuracy).toBeCloseTo(set.accuracy, DIGITS);
      expect(report.balancedAccuracy).toBeCloseTo(set.balanced_accuracy, DIGITS);
      expect(report.matthews).toBeCloseTo(set.matthews, DIGITS);
      for (const key of ['precision', 'recall', 'f1'] as const) {
        expect(report.macro[key]).toBeCloseTo(set.macro[key], DIGITS);
        expect(report.weighted[key]).toBeCloseTo(set.weighted[key], DIGITS);
      }
    }
  });

  it("give Cohen's kappa, plain and quadratic", () => {
    for (const { y_true, y_pred, labels, cohen_kappa, cohen_kappa_quadratic } of recorded!.sets) {
      expect(cohenKappa(y_true, y_pred, labels)).toBeCloseTo(cohen_kappa, DIGITS);
      expect(cohenKappa(y_true, y_pred, labels, 'quadratic')).toBeCloseTo(cohen_kappa_quadratic, DIGITS);
    }
  });

  it('give curves over thresholds with their area', () => {
    for (const expected of recorded!.roc) {
      const curve = rocCurve(
        expected.y_true.map((truth) => truth === 1),
        expected.score,
      );
      expect(curve.area).toBeCloseTo(expected.auc, DIGITS);
      expect(curve.averagePrecision).toBeCloseTo(expected.average_precision, DIGITS);
      expect(curve.thresholds.length).toBe(expected.thresholds.length);
      curve.falsePositiveRates.forEach((rate, i) => {
        expect(rate).toBeCloseTo(expected.fpr[i]!, DIGITS);
        expect(curve.truePositiveRates[i]).toBeCloseTo(expected.tpr[i]!, DIGITS);
      });
    }
  });

  it('give Brier score and log-loss of stated probabilities', () => {
    for (const { y_true, score, brier, log_loss_of_sigmoid } of recorded!.roc) {
      const rows = score.map((logit) => {
        const positive = 1 / (1 + Math.exp(-logit));
        return [1 - positive, positive];
      });
      const kept = calibration(rows, y_true);
      expect(kept.brier).toBeCloseTo(brier, DIGITS);
      expect(kept.logLoss).toBeCloseTo(log_loss_of_sigmoid, DIGITS);
    }
  });

  it('give Wilson intervals', () => {
    for (const { successes, n, interval } of recorded!.wilson) {
      const { ci } = wilson(successes, n);
      expect(ci[0]).toBeCloseTo(interval[0], DIGITS);
      expect(ci[1]).toBeCloseTo(interval[1], DIGITS);
    }
  });
});
