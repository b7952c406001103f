/** Figures as the report writes them. */
import type { Rate } from '../intervals.ts';

/** 0.7254 → `72.5 %`; 1 → `100 %`. */
export function formatPercent(share: number): string {
  const rounded = (100 * share).toFixed(1);
  return `${rounded.endsWith('.0') ? rounded.slice(0, -2) : rounded} %`;
}

/** `68.1–76.4 %`. */
export function formatInterval([low, high]: readonly [number, number]): string {
  return `${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)} %`;
}

/** Share of a rate, or a dash when nothing was measured. */
export function formatRate({ k, n }: Rate): string {
  return n === 0 ? '–' : formatPercent(k / n);
}

/** Three figures after the point for small numbers, fewer for large ones; the exponent form below a thousandth. */
export function formatSmall(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && size < 0.001) return value.toExponential(2);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 2 : 3);
}
