/**
 * The charts as plain data: ECharts options whose colours are names of the page's CSS variables (`--accent`), so that one
 * drawing serves the light and the dark page. No option holds a function: options travel as JSON.
 */
import type { Rate } from '../intervals.ts';
import { escapeHtml } from './html.ts';
import { formatPercent, formatSmall } from './numbers.ts';
import type { ReportLogEntry, ReportRun } from './report-input.ts';

/** An ECharts option as JSON. */
export type ChartOption = Readonly<Record<string, unknown>>;

export interface Chart {
  readonly id: string;
  /** One sentence for those who do not see it; the figures stand in a table beside it. */
  readonly description: string;
  readonly heightPx: number;
  readonly option: ChartOption;
}

export interface Bar {
  readonly name: string;
  readonly rate: Rate;
  readonly colour: string;
  /** Drawn open: the decoder was held to the form, or the bar is the control. */
  readonly isOpen: boolean;
}

const BAR_ROW_PX = 30;
/** Longer names are cut; the table beside the chart has them whole. */
const BAR_LABEL_PX = 124;
const CURVE_HEIGHT_PX = 260;
/** More points than pixels say nothing more and only make the page heavy. */
const MAX_CURVE_POINTS = 400;
/** Width (standard deviation) of the smoothing window as a share of the run. */
const SMOOTHING_SHARE = 0.025;
const MIN_SMOOTHED_POINTS = 20;

const text = { color: '--ink-soft', fontFamily: '--font-text' };
const axisLine = { show: false };
const splitLine = { lineStyle: { color: '--rule', width: 1 } };
const tooltip = {
  backgroundColor: '--card',
  borderColor: '--rule',
  textStyle: { color: '--ink', fontSize: 13, fontFamily: '--font-text' },
  confine: true,
};

/** Horizontal bars from 0 to 100 %, each with the whiskers of its interval and its value in figures at the right. */
export function barChart(id: string, description: string, bars: readonly Bar[]): Chart {
  const percent = (value: number): number => Math.round(value * 1000) / 10;
  const measured = bars.map(({ rate }) => rate.n > 0);
  const names = bars.map(({ name }) => name);
  const categoryAxis = { type: 'category', inverse: true, axisTick: { show: false }, axisLine } as const;
  return {
    id,
    description,
    heightPx: bars.length * BAR_ROW_PX + 28,
    option: {
      animationDuration: 400,
      grid: { left: 4, right: 4, top: 2, bottom: 2, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
      tooltip: { ...tooltip, trigger: 'item' },
      xAxis: {
        type: 'value',
        min: 0,
        max: 100,
        interval: 25,
        axisLabel: { ...text, fontSize: 11, formatter: '{value}%' },
        splitLine,
      },
      yAxis: [
        {
          ...categoryAxis,
          data: names,
          axisLabel: { ...text, color: '--ink', fontSize: 13, width: BAR_LABEL_PX, overflow: 'truncate' },
        },
        {
          ...categoryAxis,
          position: 'right',
          data: bars.map(({ rate }) => (rate.n === 0 ? '–' : formatPercent(rate.k / rate.n))),
          axisLabel: { ...text, color: '--ink', fontSize: 13, fontWeight: 600 },
        },
      ],
      series: [
        {
          type: 'bar',
          barWidth: 13,
          data: bars.map(({ name, rate, colour, isOpen }, i) => ({
            value: measured[i] ? percent(rate.k / rate.n) : 0,
            itemStyle: isOpen
              ? { color: `${colour}-wash`, borderColor: colour, borderWidth: 1.5, borderRadius: [0, 2, 2, 0] }
              : { color: colour, borderRadius: [0, 2, 2, 0] },
            tooltip: {
              formatter: `${escapeHtml(name)}<br><b>${formatPercent(rate.k / Math.max(1, rate.n))}</b>　${rate.k} / ${rate.n}<br>95 %: ${formatPercent(rate.ci[0])} – ${formatPercent(rate.ci[1])}`,
            },
          })),
          markLine: {
            silent: true,
            animation: false,
            symbol: ['rect', 'rect'],
            symbolSize: [9, 1.5],
            label: { show: false },
            lineStyle: { color: '--ink', width: 1.5, type: 'solid' },
            data: bars.flatMap(({ rate }, i) =>
              measured[i] ? [[{ coord: [percent(rate.ci[0]), i] }, { coord: [percent(rate.ci[1]), i] }]] : [],
            ),
          },
        },
      ],
    },
  };
}

interface Point {
  readonly step: number;
  readonly value: number;
}

/** Points of one column of a log, thinned by averaging neighbours. */
function pointsOf(log: readonly ReportLogEntry[], key: string): Point[] {
  const points = log.flatMap((entry) => {
    const value = entry[key];
    return typeof value === 'number' && Number.isFinite(value) ? [{ step: entry.current_steps, value }] : [];
  });
  const width = Math.ceil(points.length / MAX_CURVE_POINTS);
  if (width <= 1) return points;
  const thinned: Point[] = [];
  for (let i = 0; i < points.length; i += width) {
    const part = points.slice(i, i + width);
    thinned.push({
      step: part.at(-1)!.step,
      value: part.reduce((sum, point) => sum + point.value, 0) / part.length,
    });
  }
  return thinned;
}

/**
 * Local linear regression under a Gaussian window: unlike a running average it does not lag behind a falling curve, and
 * its ends are not drawn towards the middle. Too few points are left as they are.
 */
function smooth(points: readonly Point[]): Point[] {
  if (points.length < MIN_SMOOTHED_POINTS) return [...points];
  const width = points.length * SMOOTHING_SHARE;
  return points.map(({ step }, centre) => {
    let [weight, first, second, mean, slope] = [0, 0, 0, 0, 0];
    const reach = Math.ceil(3 * width);
    for (let i = Math.max(0, centre - reach); i <= Math.min(points.length - 1, centre + reach); i++) {
      const distance = i - centre;
      const w = Math.exp(-0.5 * (distance / width) ** 2);
      weight += w;
      first += w * distance;
      second += w * distance * distance;
      mean += w * points[i]!.value;
      slope += w * distance * points[i]!.value;
    }
    // The fitted line at the centre: solve the 2×2 normal equations for its constant term.
    return { step, value: (second * mean - first * slope) / (weight * second - first * first) };
  });
}

export interface CurveNames {
  readonly loss: string;
  readonly smoothed: string;
  readonly evalLoss: string;
}

const pairsOf = (points: readonly Point[]): [number, number][] =>
  points.map(({ step, value }) => [step, Number(value.toPrecision(5))]);

function curveAxes(yAxis: ChartOption): ChartOption {
  return {
    animationDuration: 400,
    grid: { left: 6, right: 18, top: 34, bottom: 4, outerBoundsMode: 'same', outerBoundsContain: 'axisLabel' },
    tooltip: { ...tooltip, trigger: 'axis', axisPointer: { lineStyle: { color: '--ink-faint' } } },
    legend: { top: 0, left: 0, itemWidth: 18, itemHeight: 8, icon: 'roundRect', textStyle: { ...text, fontSize: 12 } },
    xAxis: {
      type: 'value',
      min: 'dataMin',
      max: 'dataMax',
      axisLabel: { ...text, fontSize: 11, showMaxLabel: true, hideOverlap: true },
      axisLine: { lineStyle: { color: '--rule' } },
      axisTick: { show: false },
      splitLine: { show: false },
    },
    yAxis: { type: 'value', axisLabel: { ...text, fontSize: 11 }, splitLine, ...yAxis },
  };
}

function line(name: string, points: readonly Point[], colour: string, style: ChartOption = {}): ChartOption {
  return {
    name,
    type: 'line',
    showSymbol: false,
    data: pairsOf(points),
    lineStyle: { color: colour, width: 2 },
    itemStyle: { color: colour },
    ...style,
  };
}

/** Loss by step, as it was and smoothed, with the validation losses where there are any; null for an empty log. */
export function lossChart(id: string, description: string, run: ReportRun, names: CurveNames): Chart | null {
  const loss = pointsOf(run.log, 'loss');
  if (loss.length === 0) return null;
  const evalLoss = pointsOf(run.log, 'eval_loss');
  const series = [
    line(names.loss, loss, '--ink-faint', { lineStyle: { color: '--ink-faint', width: 1, opacity: 0.6 } }),
    line(names.smoothed, smooth(loss), '--accent'),
    ...(evalLoss.length === 0
      ? []
      : [line(names.evalLoss, evalLoss, '--stage-3', { showSymbol: true, symbol: 'circle', symbolSize: 6 })]),
  ];
  return {
    id,
    description,
    heightPx: CURVE_HEIGHT_PX,
    option: { ...curveAxes({ scale: true }), series },
  };
}

/** What the log has beside the loss that is worth a curve: shares between 0 and 1, and DPO's margins. */
const SHARE_METRICS = ['rewards/accuracies', 'mean_token_accuracy'];
const MARGIN_METRICS = ['rewards/chosen', 'rewards/rejected', 'rewards/margins'];
const METRIC_COLOURS = ['--accent', '--stage-3', '--stage-2'];

/** DPO: rewards of chosen and rejected with their margin; else the shares; null when the log has none of them. */
export function metricsChart(id: string, description: string, run: ReportRun): Chart | null {
  const present = (keys: readonly string[]): readonly string[] =>
    keys.filter((key) => pointsOf(run.log, key).length > 1);
  const margins = present(MARGIN_METRICS);
  const keys = margins.length > 0 ? margins : present(SHARE_METRICS);
  if (keys.length === 0) return null;
  return {
    id,
    description,
    heightPx: CURVE_HEIGHT_PX,
    option: {
      ...curveAxes({ scale: margins.length === 0 }),
      series: keys.map((key, i) =>
        line(key, smooth(pointsOf(run.log, key)), METRIC_COLOURS[i % METRIC_COLOURS.length]!),
      ),
    },
  };
}

/** What a run has learned of the rules: of the poems written while it trained, else of its rollouts. */
const RULE_KEYS = ['length', 'rhyme', 'meter', 'all', 'copied'] as const;
const RULE_SOURCES = ['samples', 'rules'] as const;
const RULE_COLOURS: Readonly<Record<(typeof RULE_KEYS)[number], string>> = {
  length: '--stage-1',
  rhyme: '--stage-2',
  meter: '--stage-3',
  all: '--accent',
  copied: '--warn',
};

/** Shares of poems that keep each rule, in percent by step; null when the run wrote none. */
export function rulesChart(
  id: string,
  description: string,
  run: ReportRun,
  names: Readonly<Record<(typeof RULE_KEYS)[number], string>>,
): Chart | null {
  const source = RULE_SOURCES.find((prefix) => pointsOf(run.log, `${prefix}/all`).length > 1);
  if (source === undefined) return null;
  const series = RULE_KEYS.flatMap((rule) => {
    const points = pointsOf(run.log, `${source}/${rule}`).map(({ step, value }) => ({ step, value: 100 * value }));
    if (points.length === 0) return [];
    // A few measurements are points; a rollout a step is a course.
    const isSparse = points.length < MIN_SMOOTHED_POINTS;
    return [
      line(names[rule], isSparse ? points : smooth(points), RULE_COLOURS[rule], {
        lineStyle: {
          color: RULE_COLOURS[rule],
          width: rule === 'all' ? 3 : 2,
          ...(rule === 'copied' ? { type: 'dashed' } : {}),
        },
        ...(isSparse ? { showSymbol: true, symbol: 'circle', symbolSize: 6 } : {}),
      }),
    ];
  });
  return {
    id,
    description,
    heightPx: CURVE_HEIGHT_PX,
    option: { ...curveAxes({ min: 0, max: 100, axisLabel: { ...text, fontSize: 11, formatter: '{value}%' } }), series },
  };
}

/** First and last smoothed value of a column, for the table beside the curve. */
export function endsOf(run: ReportRun, key: string): { first: string; last: string } | null {
  const points = smooth(pointsOf(run.log, key));
  if (points.length === 0) return null;
  return { first: formatSmall(points[0]!.value), last: formatSmall(points.at(-1)!.value) };
}
