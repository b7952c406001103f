/** `GET /api/runs` and what hangs below it: the run folders of this machine, read only. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { followRun, listRuns, readRun, resolveRun } from '@tuiqiao/recipes';
import type { RunDetail, RunList } from '@tuiqiao/schema';
import type { Hono } from 'hono';
import { ServerError } from './errors.ts';
import { type House, sendEvents } from './house.ts';

/** A page follows one run; this many pages are nobody's. */
const MAX_FOLLOWERS = 32;
const REPORT_FILE = 'report.html';

/** Paths of runs come with their slashes as `%2F`. */
export function addRunRoutes(app: Hono, house: House, runs: string): void {
  let followers = 0;
  app.get('/api/runs', async (c) => c.json({ folder: runs, runs: await listRuns(runs) } satisfies RunList));
  app.get('/api/runs/:path', async (c) => c.json((await readRun(runs, c.req.param('path'))) satisfies RunDetail));
  app.get('/api/runs/:path/events', async (c) => {
    const name = c.req.param('path');
    await resolveRun(runs, name);
    if (followers >= MAX_FOLLOWERS) {
      throw new ServerError('queue-full', `${followers} runs are followed already; close a page`, { retryAfter: 10 });
    }
    const gone = new AbortController();
    const signal = AbortSignal.any([c.req.raw.signal, house.closing, gone.signal]);
    return sendEvents(
      c,
      house,
      () => gone.abort(),
      async (send) => {
        followers++;
        try {
          for await (const event of followRun(runs, name, { signal })) await send(event);
        } finally {
          followers--;
        }
      },
    );
  });
  app.get('/api/runs/:path/report', async (c) => {
    const { folder, run } = await resolveRun(runs, c.req.param('path'));
    if (!run.hasReport) throw new ServerError('address-unknown', `the run ${run.path} has no report`);
    // The page is whole in itself. It gets no origin: whatever stands in a report cannot speak to this server.
    c.header('Content-Security-Policy', 'sandbox allow-scripts allow-downloads allow-popups');
    return c.html(await readFile(path.join(folder, REPORT_FILE), 'utf8'));
  });
}
