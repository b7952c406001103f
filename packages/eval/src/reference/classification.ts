/** How well a classifier, or a second reader, agrees with the truth: the figures of scikit-learn, divisions by 0 as 0. */

export interface ClassScore {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** How many truly are of this class. */
  readonly support: number;
}

export interface ClassificationReport {
  readonly labels: readonly string[];
  /** Rows true, columns predicted, in the order of `labels`. */
  readonly confusion: readonly (readonly number[])[];
  readonly byLabel: Readonly<Record<string, ClassScore>>;
  readonly accuracy: number;
  /** Mean recall of the classes that occur. */
  readonly balancedAccuracy: number;
  readonly macro: ClassScore;
  readonly weighted: ClassScore;
  readonly cohenKappa: number;
  /** Matthews' correlation, several classes (Gorodkin 2004). */
  readonly matthews: number;
}

const ratio = (a: number, b: number): number => (b === 0 ? 0 : a / b);
const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);

/** @throws RangeError when the lists differ in length or hold a label that is not listed */
export function confusionMatrix(
  truth: readonly string[],
  predicted: readonly string[],
  labels: readonly string[],
): number[][] {
  if (truth.length !== predicted.length) {
    throw new RangeError(
      `confusionMatrix: expected two lists of one length, got ${truth.length} and ${predicted.length}`,
    );
  }
  const places = new Map(labels.map((label, i) => [label, i]));
  const matrix = labels.map(() => Array<number>(labels.length).fill(0));
  const placeOf = (label: string): number => {
    const place = places.get(label);
    if (place === undefined) throw new RangeError(`confusionMatrix: expected one of ${labels.join(' ')}, got ${label}`);
    return place;
  };
  truth.forEach((label, i) => {
    matrix[placeOf(label)]![placeOf(predicted[i]!)]!++;
  });
  return matrix;
}

/**
 * Cohen's κ: agreement beyond chance, 1 − Σ w·observed / Σ w·expected, with w = 1 off the diagonal, or the squared
 * distance of ordered labels (`quadratic`). NaN when both sides always say the same one label.
 */
export function cohenKappa(
  a: readonly string[],
  b: readonly string[],
  labels: readonly string[],
  weights: 'none' | 'quadratic' = 'none',
): number {
  const matrix = confusionMatrix(a, b, labels);
  const rows = matrix.map(sumOf);
  const columns = labels.map((_, j) => sumOf(matrix.map((row) => row[j]!)));
  let observed = 0;
  let expected = 0;
  for (let i = 0; i < labels.length; i++) {
    for (let j = 0; j < labels.length; j++) {
      const weight = weights === 'quadratic' ? (i - j) ** 2 : Number(i !== j);
      observed += weight * matrix[i]![j]!;
      expected += (weight * rows[i]! * columns[j]!) / a.length;
    }
  }
  return 1 - observed / expected;
}

function matthewsOf(matrix: readonly (readonly number[])[]): number {
  const n = sumOf(matrix.map(sumOf));
  const right = sumOf(matrix.map((row, i) => row[i]!));
  const truths = matrix.map(sumOf);
  const guesses = matrix.map((_, j) => sumOf(matrix.map((row) => row[j]!)));
  const product = (x: readonly number[], y: readonly number[]): number => sumOf(x.map((value, i) => value * y[i]!));
  const spread = Math.sqrt((n * n - product(guesses, guesses)) * (n * n - product(truths, truths)));
  return ratio(right * n - product(truths, guesses), spread);
}

/** @throws RangeError as `confusionMatrix` */
export function classificationReport(
  truth: readonly string[],
  predicted: readonly string[],
  labels: readonly string[],
): ClassificationReport {
  const confusion = confusionMatrix(truth, predicted, labels);
  const scores = labels.map((_, i): ClassScore => {
    const hits = confusion[i]![i]!;
    const support = sumOf(confusion[i]!);
    const precision = ratio(hits, sumOf(confusion.map((row) => row[i]!)));
    const recall = ratio(hits, support);
    return { precision, recall, f1: ratio(2 * precision * recall, precision + recall), support };
  });
  const average = (weightOf: (score: ClassScore) => number): ClassScore => {
    const weights = scores.map(weightOf);
    const mean = (key: 'precision' | 'recall' | 'f1'): number =>
      ratio(sumOf(scores.map((score, i) => score[key] * weights[i]!)), sumOf(weights));
    return { precision: mean('precision'), recall: mean('recall'), f1: mean('f1'), support: truth.length };
  };
  const seen = scores.filter(({ support }) => support > 0);
  return {
    labels,
    confusion,
    byLabel: Object.fromEntries(labels.map((label, i) => [label, scores[i]!])),
    accuracy: ratio(sumOf(labels.map((_, i) => confusion[i]![i]!)), truth.length),
    balancedAccuracy: ratio(sumOf(seen.map(({ recall }) => recall)), seen.length),
    macro: average(() => 1),
    weighted: average(({ support }) => support),
    cohenKappa: cohenKappa(truth, predicted, labels),
    matthews: matthewsOf(confusion),
  };
}

/** The report as scikit-learn prints it, with 4 digits. */
export function formatClassification(report: ClassificationReport): string {
  const titles = [...report.labels, 'weighted avg'];
  const width = Math.max(...titles.map((title) => [...title].length));
  const figure = (value: number): string => value.toFixed(4).padStart(10);
  const row = (title: string, cells: readonly string[]): string =>
    `${' '.repeat(width - [...title].length)}${title}${cells.join('')}`;
  const line = (title: string, { precision, recall, f1, support }: ClassScore): string =>
    row(title, [' ', figure(precision), figure(recall), figure(f1), String(support).padStart(10)]);
  return [
    row('', [' ', ...['precision', 'recall', 'f1-score', 'support'].map((title) => title.padStart(10))]),
    '',
    ...report.labels.map((label) => line(label, report.byLabel[label]!)),
    '',
    row('accuracy', [' ', ' '.repeat(20), figure(report.accuracy), String(report.macro.support).padStart(10)]),
    line('macro avg', report.macro),
    line('weighted avg', report.weighted),
    '',
  ].join('\n');
}
