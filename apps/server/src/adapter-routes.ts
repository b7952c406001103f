/** Adapters at run time, under vLLM's addresses and llama.cpp's. */
import type { AdapterChange, ServedModel } from '@tuiqiao/recipes';
import {
  type AdapterEntry,
  loadAdapterRequest,
  parseRequest,
  scaleAdaptersRequest,
  TuiqiaoError,
  unloadAdapterRequest,
} from '@tuiqiao/schema';
import type { Context, Hono } from 'hono';
import { type House, modelObject, readJson } from './house.ts';

function adaptersOf({ engine }: House): ServedModel[] {
  return engine.facts.models.filter(({ parent }) => parent !== null);
}

function listAdapters(house: House): AdapterEntry[] {
  return adaptersOf(house).map(({ id: name, root, scale = 1 }, id) => ({ id, path: root, scale, name }));
}

async function answerLoad(c: Context, house: House): Promise<Response> {
  const request = parseRequest('load_lora_adapter', loadAdapterRequest, await readJson(c));
  const { lora_name: id, lora_path: folder, scale = 1, load_inplace: isReplacing } = request;
  await house.engine.changeAdapters([{ type: 'load', id, folder, scale, isReplacing: isReplacing === true }]);
  return c.json(modelObject(house, house.engine.facts.models.find((model) => model.id === id)!));
}

async function answerUnload(c: Context, house: House): Promise<Response> {
  const { lora_name: id } = parseRequest('unload_lora_adapter', unloadAdapterRequest, await readJson(c));
  await house.engine.changeAdapters([{ type: 'unload', id }]);
  return c.json({ id, object: 'model', deleted: true });
}

/** Those that are not named keep their scale: each is a model of its own here, not a part of a sum. */
async function answerScale(c: Context, house: House): Promise<Response> {
  const request = parseRequest('lora-adapters', scaleAdaptersRequest, await readJson(c));
  const adapters = adaptersOf(house);
  const changes = request.map(({ id, scale }): AdapterChange => {
    const chosen = typeof id === 'number' ? adapters[id] : adapters.find((each) => each.id === id);
    if (chosen !== undefined) return { type: 'scale', id: chosen.id, scale };
    throw new TuiqiaoError('served-model-unknown', `lora-adapters: there is no adapter ${id}`);
  });
  await house.engine.changeAdapters(changes);
  return c.json(listAdapters(house));
}

export function addAdapterRoutes(app: Hono, house: House): void {
  app.post('/v1/load_lora_adapter', (c) => answerLoad(c, house));
  app.post('/v1/unload_lora_adapter', (c) => answerUnload(c, house));
  app.get('/lora-adapters', (c) => c.json(listAdapters(house)));
  app.post('/lora-adapters', (c) => answerScale(c, house));
}
