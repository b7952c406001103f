/** The chart library as one script to stand in the page: Apache ECharts, the build with bars and lines. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

let cached: string | null = null;

/** The minified library, licence header included, safe inside a script element. */
export function chartLibrary(): string {
  cached ??= readFileSync(createRequire(import.meta.url).resolve('echarts/dist/echarts.common.min.js'), 'utf8')
    // Inside a script element only this sequence could end it; in JavaScript strings both spellings are the same.
    .replaceAll('</script', '<\\/script');
  return cached;
}
