/**
 * The only code that runs in the reader's browser. `drawCharts` is put into the page as text (`toString`), so it uses
 * nothing from outside itself, and says with a few interfaces of its own what it needs of the page and the library.
 */

interface ChartElement {
  readonly clientWidth: number;
  setAttribute(name: string, value: string): void;
}

interface ChartInstance {
  setOption(option: unknown, replaceAll: boolean): void;
  resize(): void;
}

interface Library {
  init(element: ChartElement, theme: null, options: { renderer: 'svg' }): ChartInstance;
}

interface Page {
  readonly document: {
    readonly documentElement: unknown;
    getElementById(id: string): (ChartElement & { readonly textContent: string | null }) | null;
  };
  getComputedStyle(element: unknown): { getPropertyValue(name: string): string };
  matchMedia(query: string): { addEventListener(type: 'change', listener: () => void): void };
  addEventListener(type: 'resize', listener: () => void): void;
}

/** Draws every chart of the element `chart-data`, again when the colour scheme changes, and fits them to the window. */
export function drawCharts(library: Library, page: Page): void {
  const source = page.document.getElementById('chart-data')?.textContent;
  if (!source) return;
  const charts: { id: string; option: unknown }[] = JSON.parse(source);
  const drawn = charts.flatMap(({ id, option }) => {
    const element = page.document.getElementById(id);
    return element === null ? [] : [{ option, chart: library.init(element, null, { renderer: 'svg' }) }];
  });
  const resolve = (value: unknown, style: { getPropertyValue(name: string): string }): unknown => {
    if (typeof value === 'string') return value.startsWith('--') ? style.getPropertyValue(value).trim() : value;
    if (Array.isArray(value)) return value.map((item) => resolve(item, style));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, style)]));
  };
  const draw = (): void => {
    const style = page.getComputedStyle(page.document.documentElement);
    for (const { chart, option } of drawn) chart.setOption(resolve(option, style), true);
  };
  const fit = (): void => {
    for (const { chart } of drawn) chart.resize();
  };
  draw();
  page.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  // Paper is always light and of another width.
  page.matchMedia('print').addEventListener('change', () => {
    draw();
    fit();
  });
  page.addEventListener('resize', fit);
}
