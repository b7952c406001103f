/** Curves over steps, drawn by uPlot; their ends in words for whoever cannot see them. */
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useSpeech } from '../state/language.tsx';

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

const HEIGHT = 220;
const COLOURS = ['--curve-1', '--curve-2', '--curve-3', '--curve-4'] as const;

/** One row of steps, and a value or a gap of every series at each. */
function align(series: readonly Series[]): uPlot.AlignedData {
  const steps = [...new Set(series.flatMap(({ points }) => points.map(([step]) => step)))].sort((a, b) => a - b);
  const columns = series.map(({ points }) => {
    const known = new Map(points);
    return steps.map((step) => known.get(step) ?? null);
  });
  return [steps, ...columns];
}

function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function Curves({ title, series }: { readonly title: string; readonly series: readonly Series[] }) {
  const { say } = useSpeech();
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const names = series.map(({ name }) => name).join(' ');
  const latest = useRef(series);
  latest.current = series;
  // biome-ignore lint/correctness/useExhaustiveDependencies: curves of other names are another plot
  useEffect(() => {
    const element = holder.current!;
    const draw = (): void => {
      plot.current?.destroy();
      const axis = {
        stroke: colour('--ink-soft'),
        grid: { stroke: colour('--rule'), width: 1 },
        ticks: { show: false },
      };
      plot.current = new uPlot(
        {
          width: element.clientWidth,
          height: HEIGHT,
          scales: { x: { time: false } },
          legend: { live: false },
          cursor: { y: false },
          axes: [axis, { ...axis, size: 52 }],
          series: [
            {},
            ...latest.current.map(({ name }, i) => ({
              label: name,
              stroke: colour(COLOURS[i % COLOURS.length]!),
              width: 2,
              spanGaps: true,
              points: { show: latest.current[i]!.points.length < 30, size: 5 },
            })),
          ],
        },
        align(latest.current),
        element,
      );
    };
    draw();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    // Colours are read once: drawn again when the page changes from light to dark.
    const themed = new MutationObserver(draw);
    themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const system = window.matchMedia('(prefers-color-scheme: dark)');
    system.addEventListener('change', draw);
    return () => {
      resized.disconnect();
      themed.disconnect();
      system.removeEventListener('change', draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [names]);
  useEffect(() => plot.current?.setData(align(series)), [series]);
  const ends = series.map(
    ({ name, points }) => `${name} ${points[0]![1].toPrecision(4)} → ${points.at(-1)![1].toPrecision(4)}`,
  );
  return (
    <figure className="curves">
      <figcaption>
        {title}
        <span className="latest">
          {say('latest')} {series.map(({ points }) => points.at(-1)![1].toPrecision(4)).join(' · ')}
        </span>
      </figcaption>
      <div ref={holder} aria-hidden="true" />
      <p className="visually-hidden">{ends.join('; ')}</p>
    </figure>
  );
}
