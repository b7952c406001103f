/** What the studio's page asks under `/api` beside runs: the models, poems one by one, verdicts, 推敲. */
import type { PolishRecord } from '@tuiqiao/recipes';
import { parseRequest, polishRequest, type RunEvent, type StudioModels } from '@tuiqiao/schema';
import type { Context, Hono } from 'hono';
import { beginJob, type House, readJson } from './house.ts';
import { answerCheck, answerPoems } from './poem-routes.ts';

async function answerPolish(c: Context, house: House): Promise<Response> {
  const { model, text, title, form, tune, book, ...words } = parseRequest('polish', polishRequest, await readJson(c));
  const poem = {
    text,
    ...(title === undefined ? {} : { title }),
    ...(form === undefined ? {} : { form }),
    ...(tune === undefined ? {} : { tune }),
    ...(book === undefined ? {} : { book }),
  };
  const { job } = await beginJob<RunEvent, PolishRecord>(c, house, (signal, onEvent) =>
    house.engine.polish(
      { model: model ?? house.engine.facts.models[0]!.id, poem, options: words },
      { signal, onEvent },
    ),
  );
  return c.json(await job.result);
}

export function addStudioRoutes(app: Hono, house: House, { hasRuns }: { readonly hasRuns: boolean }): void {
  app.get('/api/models', (c) => {
    const { models, isPoet, kernels } = house.engine.facts;
    return c.json({
      models: models.map(({ id, root, parent, scale }) => ({ id, root, parent, scale: scale ?? null })),
      is_poet: isPoet,
      kernels,
      has_runs: hasRuns,
    } satisfies StudioModels);
  });
  app.post('/api/check', answerCheck);
  app.post('/api/write', (c) => answerPoems(c, house, true));
  app.post('/api/polish', (c) => answerPolish(c, house));
}
