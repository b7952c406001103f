// The scaling curves as one table and one plot.
import * as echarts from 'echarts';
import { machineText } from './report.mjs';

const WIDTH = 1040;
const HEIGHT = 620;
/** Panels beside and below one another, in percent of the picture. */
const PANELS = [
  { left: 6, top: 10 },
  { left: 56, top: 10 },
  { left: 6, top: 58 },
  { left: 56, top: 58 },
];

const whole = (value) => Math.round(value).toLocaleString('en');

/** Speed (left axis) and peak memory (right axis) over each of the four sizes, as SVG. */
export function scalingPlot(curves) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  const measured = Object.values(curves).map(({ title, points }) => ({
    title,
    points: points.filter(({ failure }) => failure === undefined),
  }));
  const panels = (make) => measured.map((curve, i) => make(curve, i));
  const line = (name, i, axis, points, read) => ({
    name,
    type: 'line',
    xAxisIndex: i,
    yAxisIndex: axis,
    data: points.map(read),
  });
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    legend: { top: 8 },
    grid: PANELS.map(({ left, top }) => ({ left: `${left}%`, top: `${top}%`, width: '36%', height: '28%' })),
    xAxis: panels(({ title, points }, i) => ({
      gridIndex: i,
      type: 'category',
      name: title,
      nameLocation: 'middle',
      nameGap: 26,
      data: points.map(({ value }) => String(value)),
    })),
    yAxis: measured.flatMap((_, i) => [
      { gridIndex: i, name: 'tokens/s', min: 0 },
      { gridIndex: i, name: 'GB', min: 0, splitLine: { show: false } },
    ]),
    series: measured.flatMap(({ points }, i) => [
      line('tokens/s', i, 2 * i, points, ({ rate }) => Math.round(rate.median * 10) / 10),
      line('peak memory', i, 2 * i + 1, points, ({ peakMegabytes }) => Math.round(peakMegabytes / 10) / 100),
    ]),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return `${svg}\n`;
}

export function scalingTable(curves) {
  const row = (title, point) => {
    const { value, size, length, batch, rank, failure } = point;
    const work = `${size}, ${batch} × ${length} tokens, rank ${rank}`;
    if (failure !== undefined) return `| ${title}: ${value} | ${work} | failed: ${failure} | | | |`;
    const { rate, gigaflops, peakMegabytes } = point;
    const doubt = rate.isContended ? ' (contended)' : '';
    return `| ${title}: ${value} | ${work} | ${rate.median.toFixed(1)}${doubt} | ${gigaflops.toFixed(0)} | ${rate.seconds.toFixed(2)} | ${whole(peakMegabytes)} MB |`;
  };
  return `| varied | work | tokens/s | GFLOP/s of useful work | s/step | peak memory |
|---|---|---:|---:|---:|---:|
${Object.values(curves)
  .flatMap(({ title, points }) => points.map((point) => row(title, point)))
  .join('\n')}
`;
}

export function scalingMarkdown({ date, machine, curves, plotFile }) {
  return `# How fine-tuning scales

Written by \`npm run bench -- --scaling --write\` on ${date.slice(0, 10)}: ${machineText(machine)}.

LoRA on all linear layers of random models of Qwen3's geometry, bf16, AdamW, through the product's own loop; half of every
sequence is learnt from. One size is varied at a time; every point ran in a process of its own. Attention is not counted
as useful work, so that long sequences show what it costs.

![Tokens a second and peak memory over sequence length, batch, rank and model size](${plotFile})

${scalingTable(curves)}`;
}
