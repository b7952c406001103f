import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Engine, openEngine } from '@tuiqiao/recipes';
import type { RunStreamEvent } from '@tuiqiao/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, saveOddAdapter } from '../../../packages/recipes/test/tiny-poet.ts';
import { type AppOptions, createApp } from './app.ts';

let folder: string;
let runs: string;
let odd: string;
let poem: string;
let engine: Engine;
let options: AppOptions;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-studio-'));
  runs = path.join(folder, 'runs');
  odd = path.join(folder, 'odd');
  options = { corsOrigin: [], parallel: 4, maxQueue: 4, maxNewTokens: 20, isLocal: true, runs };
  const tiny = await createTinyPoet(folder);
  poem = tiny.poems[0]!.text;
  await saveOddAdapter(tiny.model, odd);
  engine = await openEngine({
    model: tiny.model,
    adapter: [],
    contextLength: 100,
    parallel: 4,
    kernels: 'reference',
    computeType: 'f32',
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function ask(address: string, body?: unknown, { app = createApp(engine, options), headers = {} } = {}) {
  const request = new Request(`http://localhost${address}`, {
    headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
  });
  const reply = await app.fetch(request);
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, text, json: () => JSON.parse(text) };
}

function eventsOf<Event>(text: string): (Event | '[DONE]')[] {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('data: '))
    .map((block) => (block === 'data: [DONE]' ? '[DONE]' : JSON.parse(block.slice('data: '.length))));
}

describe('adapters at run time', () => {
  const load = (more: object = {}) => ask('/v1/load_lora_adapter', { lora_name: 'mine', lora_path: odd, ...more });
  const names = async () => (await ask('/lora-adapters')).json();

  it('are listed, loaded, scaled, replaced and unloaded', async () => {
    expect(await names()).toEqual([]);
    expect((await load({ scale: 0.5 })).json()).toMatchObject({ id: 'mine', object: 'model', parent: 'model' });
    expect(await names()).toEqual([{ id: 0, path: odd, scale: 0.5, name: 'mine' }]);
    expect((await ask('/lora-adapters', [{ id: 0, scale: 0.25 }])).json()[0].scale).toBe(0.25);
    expect((await load()).json().error).toMatchObject({ code: 'served-name-twice', param: 'lora_name' });
    expect((await load({ load_inplace: true })).status).toBe(200);
    expect((await names())[0].scale).toBe(1);
    expect((await ask('/v1/unload_lora_adapter', { lora_name: 'mine' })).status).toBe(200);
    expect(await names()).toEqual([]);
  });

  it('that cannot be are refused with the reason, and nothing changes', async () => {
    await load();
    expect((await load({ lora_name: 'b', lora_path: path.join(folder, 'none') })).json().error).toMatchObject({
      param: 'lora_path',
      message: expect.stringContaining('none'),
    });
    expect((await load({ lora_name: 'a/b' })).json().error.param).toBe('lora_name');
    expect((await load({ load_inplace: true, lora_path: folder })).status).toBe(400);
    expect((await ask('/lora-adapters', [{ id: 7, scale: 1 }])).status).toBe(404);
    expect((await ask('/lora-adapters', [{ id: 0, scale: -1 }])).status).toBe(400);
    expect((await ask('/v1/unload_lora_adapter', { lora_name: 'model' })).status).toBe(404);
    expect(await names()).toHaveLength(1);
    await ask('/v1/unload_lora_adapter', { lora_name: 'mine' });
  });
});

describe('the studio', () => {
  it('is told the models', async () => {
    expect((await ask('/api/models')).json()).toMatchObject({
      models: [{ id: 'model', parent: null, scale: null }],
      is_poet: true,
      has_runs: true,
    });
  });

  it('gets poems one by one as `write --json` has them', async () => {
    const { text } = await ask('/api/write', { form: '五绝', theme: '秋夜', count: 2, seed: 1 });
    const events = eventsOf<{ type: string; index: number; poem: { text: string; verdict: unknown } }>(text);
    expect(events.at(-1)).toBe('[DONE]');
    const poems = events.flatMap((event) => (event !== '[DONE]' && event.type === 'poem' ? [event] : []));
    expect(poems.map(({ index }) => index)).toEqual([0, 1]);
    expect(poems[0]!.poem.verdict).toMatchObject({ form: '五绝', strict: { all: true } });
  });

  it('gets rewrites of a place, and the reason where there can be none', async () => {
    const polished = await ask('/api/polish', { text: poem, line: 2, candidates: 32, count: 3, seed: 1 });
    const record = polished.json();
    expect(record).toMatchObject({ model: 'model', target: { kind: 'line', line: 2 }, seed: 1 });
    expect(record.suggestions.length).toBeGreaterThan(0);
    for (const { verdict, changes } of record.suggestions) {
      expect(verdict.strict.all).toBe(true);
      expect(changes.every(({ line }: { line: number }) => line === 2)).toBe(true);
    }
    const refused = await ask('/api/polish', { text: '一句不成诗。' });
    expect(refused.status).toBe(400);
    expect(refused.json().error).toMatchObject({ code: 'verse-request', zh: { message: expect.any(String) } });
    expect((await ask('/api/polish', { text: poem, line: 1, couplet: 1 })).json().error.code).toBe('polish-target');
  });

  it('answers others while a poem is written', async () => {
    const app = createApp(engine, options);
    const writing = ask('/api/write', { form: '五绝', theme: '月', count: 40, seed: 1 }, { app });
    let answered = 0;
    let isWriting = true;
    writing.then(() => {
      isWriting = false;
    });
    while (isWriting) {
      expect((await ask('/health', undefined, { app })).status).toBe(200);
      if (isWriting) answered++;
      await new Promise((wake) => setTimeout(wake, 1));
    }
    expect(answered).toBeGreaterThan(3);
  });
});

describe('runs', () => {
  const manifest = (stage: string, outcome: string) =>
    JSON.stringify({ name: stage, stage, outcome, startedAt: '2026-01-02T03:04:05Z', metrics: { train_loss: 2 } });
  const entry = (step: number) => `${JSON.stringify({ current_steps: step, total_steps: 4, loss: 4 - step })}\n`;

  beforeAll(async () => {
    const sft = path.join(runs, 'demo', 'sft');
    await mkdir(path.join(sft, 'checkpoint-4'), { recursive: true });
    await writeFile(path.join(sft, 'manifest.json'), manifest('sft', 'running'));
    await writeFile(path.join(sft, 'trainer_log.jsonl'), `${entry(1)}${entry(2)}{"current_st`);
    await writeFile(path.join(sft, 'samples.jsonl'), `${JSON.stringify({ step: 1, prompt: '五绝', text: '月' })}\n`);
    await writeFile(path.join(sft, 'recipe.yaml'), 'stage: sft\n');
    await writeFile(path.join(runs, 'demo', 'report.html'), '<!doctype html><p>report');
  });

  it('are found below their folder, with how they stand', async () => {
    const { folder: looked, runs: found } = (await ask('/api/runs')).json();
    expect(looked).toBe(runs);
    expect(found).toEqual([
      expect.objectContaining({ path: 'demo/sft', stage: 'sft', outcome: 'interrupted', step: 2, totalSteps: 4 }),
      expect.objectContaining({ path: 'demo', stage: 'report', hasReport: true, hasAdapter: false }),
    ]);
    expect((await ask('/api/runs/demo%2Fsft')).json().recipe).toBe('stage: sft\n');
  });

  it('tell their log and samples, and what a running one adds', async () => {
    const sft = path.join(runs, 'demo', 'sft');
    const told = eventsOf<RunStreamEvent>((await ask('/api/runs/demo%2Fsft/events')).text);
    expect(told[0]).toEqual({ type: 'log', entries: [1, 2].map((step) => JSON.parse(entry(step))) });
    expect(told[1]).toEqual({ type: 'samples', samples: [{ step: 1, prompt: '五绝', text: '月' }] });
    // At work now: this process holds the lock.
    const lock = path.join(sft, '.run.lock');
    await writeFile(lock, JSON.stringify({ pid: process.pid, startTicks: null, since: '' }));
    const following = ask('/api/runs/demo%2Fsft/events');
    await new Promise((wake) => setTimeout(wake, 200));
    await appendFile(path.join(sft, 'trainer_log.jsonl'), `eps": 3}\n${entry(4)}`);
    await new Promise((wake) => setTimeout(wake, 700));
    await writeFile(path.join(sft, 'manifest.json'), manifest('sft', 'done'));
    const events = eventsOf<RunStreamEvent>((await following).text).flatMap((event) =>
      event === '[DONE]' ? [] : [event],
    );
    const steps = events.flatMap((event) => (event.type === 'log' ? event.entries : [])).map((e) => e.current_steps);
    expect(steps).toEqual([1, 2, 3, 4]);
    expect(events.at(-1)).toMatchObject({ type: 'state', run: { outcome: 'done', step: 4 } });
    await rm(lock);
  });

  it('show their report as a page without an origin', async () => {
    const reply = await ask('/api/runs/demo/report');
    expect(reply.text).toContain('report');
    expect(reply.headers.get('Content-Security-Policy')).toMatch(/^sandbox /u);
  });

  it.each(['..', '../..', 'none', 'demo%2F..%2F..', '%2Fetc', 'demo%00'])('are none at %s', async (name) => {
    expect((await ask(`/api/runs/${encodeURIComponent(decodeURIComponent(name))}`)).status).toBe(404);
  });
});

describe('who may ask', () => {
  it('is this machine, or the holder of the key', async () => {
    const open = createApp(engine, { ...options, isLocal: false });
    expect((await ask('/api/models', undefined, { app: open })).json().error.code).toBe('not-local');
    expect((await ask('/v1/models', undefined, { app: open })).status).toBe(200);
    const keyed = createApp(engine, { ...options, isLocal: false, apiKey: 'sesame' });
    expect((await ask('/api/models', undefined, { app: keyed })).status).toBe(401);
    const headers = { Authorization: 'Bearer sesame' };
    expect((await ask('/api/models', undefined, { app: keyed, headers })).status).toBe(200);
  });

  it('is no page of elsewhere, by a name of its own or by its origin', async () => {
    const app = createApp(engine, { ...options, corsOrigin: ['*'] });
    const rebound = await app.fetch(new Request('http://evil.example/lora-adapters'));
    expect(rebound.status).toBe(403);
    const headers = { Origin: 'http://evil.example' };
    expect((await ask('/api/runs', undefined, { app, headers })).status).toBe(403);
    expect((await ask('/v1/models', undefined, { app, headers })).status).toBe(200);
  });
});

describe('the page', () => {
  it('is sent with its files, and nothing else of the folder', async () => {
    const site = path.join(folder, 'site');
    await mkdir(path.join(site, 'assets'), { recursive: true });
    await writeFile(path.join(site, 'index.html'), '<!doctype html><title>推敲</title>');
    await writeFile(path.join(site, 'assets', 'a-1.js'), 'export {};');
    await writeFile(path.join(site, '.tsbuildinfo'), '{}');
    const app = createApp(engine, { ...options, studioFolder: site });
    const page = await ask('/', undefined, { app });
    expect(page.text).toContain('推敲');
    expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'self'");
    const script = await ask('/assets/a-1.js', undefined, { app });
    expect(script.headers.get('Content-Type')).toMatch(/^text\/javascript/u);
    expect(script.headers.get('Cache-Control')).toContain('immutable');
    for (const other of ['/.tsbuildinfo', '/assets/..%2f..%2fodd%2fadapter_config.json', '/index']) {
      expect((await ask(other, undefined, { app })).status).toBe(404);
    }
  });

  it('says what to do where it is not built', async () => {
    const app = createApp(engine, { ...options, studioFolder: path.join(folder, 'none') });
    expect((await ask('/', undefined, { app })).text).toContain('npm run setup');
  });
});
