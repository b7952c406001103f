/** How far two forms of a model are apart, as cells of a table. */
import type { LogitDifference } from '@tuiqiao/recipes';
import type { Column } from './table.ts';

export function differenceColumns(isChinese: boolean): Column[] {
  return [
    { title: isChinese ? '位置数' : 'positions', isNumber: true },
    { title: isChinese ? '最大 logit 差' : 'largest Δlogit', isNumber: true },
    { title: isChinese ? '平均 KL（奈特）' : 'mean KL, nats', isNumber: true },
    { title: isChinese ? '首选相同' : 'same top', isNumber: true },
  ];
}

export function differenceCells(difference: LogitDifference | null): string[] {
  if (difference === null) return ['–', '–', '–', '–'];
  const { positions, largestLogitDifference, meanDivergence, sameTop } = difference;
  return [
    String(positions),
    largestLogitDifference.toExponential(1),
    meanDivergence.toExponential(1),
    `${(100 * sameTop).toFixed(1)} %`,
  ];
}
