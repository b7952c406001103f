/** The server as a program meets it: the real command on the built `dist`, over real HTTP, asked by OpenAI's own client. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet, saveOddAdapter } from '../packages/recipes/test/tiny-poet.ts';

const root = path.resolve(import.meta.dirname, '..');
const bin = path.join(root, 'apps/cli/bin/tuiqiao.mjs');
const KEY = 'sesame';

interface Served {
  readonly child: ChildProcess;
  readonly url: string;
  /** Status once it has ended. */
  readonly ended: Promise<number | null>;
}

let folder: string;
let model: string;
let served: Served;

function spawnServe(args: readonly string[]): {
  child: ChildProcess;
  said: Promise<string>;
  ended: Promise<number | null>;
} {
  const child = spawn(process.execPath, [bin, 'serve', '--json', '--kernels', 'reference', ...args], {
    cwd: root,
    env: { ...process.env, LANG: 'C.UTF-8', LC_ALL: '', NO_COLOR: '1', TUIQIAO_API_KEY: '' },
  });
  let text = '';
  const said = new Promise<string>((resolve) => {
    child.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.endsWith('\n')) resolve(text);
    });
    child.on('close', () => resolve(text));
  });
  return { child, said, ended: new Promise((resolve) => child.on('close', resolve)) };
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-serve-'));
  model = (await createTinyPoet(folder)).model;
  await saveOddAdapter(model, path.join(folder, 'odd'));
  const { child, said, ended } = spawnServe([
    '--model',
    model,
    '--adapter',
    path.join(folder, 'odd'),
    ...['--port', '0', '--api-key', KEY, '--parallel', '2'],
  ]);
  served = { child, ended, url: JSON.parse(await said).base_url };
}, 60_000);

afterAll(async () => {
  served?.child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

const client = (apiKey = KEY) => new OpenAI({ apiKey, baseURL: served.url, maxRetries: 0 });
const messages = [{ role: 'user' as const, content: '<|form:五绝|>' }];

describe('the server, asked by the openai package', () => {
  it('lists the base and its adapter', async () => {
    const models = await client().models.list();
    expect(models.data.map(({ id }) => id)).toEqual(['model', 'odd']);
    expect(await client().models.retrieve('odd')).toMatchObject({ id: 'odd', parent: 'model' });
  });

  it('answers a chat, whole and streamed, the same for the same seed', async () => {
    const asked = { model: 'model', messages, seed: 7, max_tokens: 12 };
    const whole = await client().chat.completions.create(asked);
    const stream = await client().chat.completions.create({
      ...asked,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let usage: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]!.message.content);
    expect(text).not.toBe('');
    expect(usage).toEqual(whole.usage);
  });

  it('answers base and adapter side by side, each as itself', async () => {
    const ask = async (name: string) => {
      const asked = { model: name, messages, seed: 7, temperature: 0, max_tokens: 12 };
      return (await client().chat.completions.create(asked)).choices[0]!.message.content;
    };
    const base = await ask('model');
    const odd = await ask('odd');
    expect(odd).not.toBe(base);
    expect(await Promise.all(['model', 'odd', 'model', 'odd'].map(ask))).toEqual([base, odd, base, odd]);
  });

  it('writes poems under the rules', async () => {
    const asked = { model: 'model', messages: [{ role: 'user' as const, content: '秋夜' }], poem: { form: '五绝' } };
    const { choices } = (await client().chat.completions.create(asked as never)) as unknown as {
      choices: { message: { content: string }; poem: { verdict: { strict: { all: boolean } } } }[];
    };
    expect(choices[0]!.message.content).toMatch(/^.{5}，.{5}。.{5}，.{5}。$/u);
    expect(choices[0]!.poem.verdict.strict.all).toBe(true);
  });

  it('takes an adapter in, and gives it up again, while others are answered', async () => {
    const ask = async (name: string, seed = 7) => {
      const asked = { model: name, messages, seed, temperature: 0, max_tokens: 12 };
      return (await client().chat.completions.create(asked)).choices[0]!.message.content;
    };
    const post = async (address: string, body: unknown) => {
      const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };
      const reply = await fetch(new URL(address, served.url), { method: 'POST', headers, body: JSON.stringify(body) });
      return { status: reply.status, json: (await reply.json()) as unknown };
    };
    const [base, odd] = [await ask('model'), await ask('odd')];
    const busy = Promise.all(['model', 'odd', 'model'].map((name) => ask(name)));
    const folderOfOdd = path.join(folder, 'odd');
    const loaded = await post('/v1/load_lora_adapter', { lora_name: 'late', lora_path: folderOfOdd, scale: 0 });
    expect(loaded).toMatchObject({ status: 200, json: { id: 'late', parent: 'model' } });
    expect(await busy).toEqual([base, odd, base]);
    expect(await ask('late')).toBe(base);
    const scaled = await post('/lora-adapters', [{ id: 'late', scale: 1 }]);
    expect((scaled.json as { name: string; scale: number }[]).map(({ name, scale }) => [name, scale])).toEqual([
      ['odd', 1],
      ['late', 1],
    ]);
    expect(await ask('late')).toBe(odd);
    expect((await post('/v1/unload_lora_adapter', { lora_name: 'late' })).status).toBe(200);
    expect((await client().models.list()).data.map(({ id }) => id)).toEqual(['model', 'odd']);
    await expect(ask('late')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    expect([await ask('model'), await ask('odd')]).toEqual([base, odd]);
  });

  it('continues text', async () => {
    const { choices } = await client().completions.create({
      model: 'model',
      prompt: '<|form:五绝|><|poem|>',
      max_tokens: 5,
    });
    expect(choices[0]!.finish_reason).toBe('length');
  });

  it('says what is wrong in the words the client knows', async () => {
    await expect(client('wrong').models.list()).rejects.toBeInstanceOf(OpenAI.AuthenticationError);
    await expect(client().chat.completions.create({ model: 'gpt-4', messages })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    const hot = client().chat.completions.create({ model: 'model', messages, temperature: 99 });
    await expect(hot).rejects.toThrow(/400 chat: temperature: expected at most 10, got 99/u);
  });

  it('stops writing when the client is gone, and serves the next', async () => {
    const health = async () => (await fetch(new URL('/health', served.url))).json() as Promise<{ running: number }>;
    // A hundred long answers two at a time: far more than the test would wait for.
    const asked = {
      model: 'model',
      messages,
      n: 100,
      max_tokens: 100,
      logit_bias: { '2': -100 },
      stream: true as const,
    };
    const stream = await client().chat.completions.create(asked);
    for await (const _chunk of stream) break;
    stream.controller.abort();
    const until = Date.now() + 10_000;
    while ((await health()).running > 0 && Date.now() < until) await new Promise((wake) => setTimeout(wake, 50));
    expect(await health()).toMatchObject({ status: 'ok', running: 0, waiting: 0 });
    expect((await client().chat.completions.create({ model: 'model', messages, max_tokens: 1 })).choices).toHaveLength(
      1,
    );
  });
});

describe('tuiqiao serve', () => {
  it('refuses a port in use with one sentence and status 3', async () => {
    const taken = createServer();
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port));
    });
    const { said, ended } = spawnServe(['--model', model, '--port', String(port)]);
    expect(JSON.parse(await said).error).toMatchObject({
      code: 'port-in-use',
      message: expect.stringContaining(String(port)),
    });
    expect(await ended).toBe(3);
    taken.close();
  });

  it('finishes the answer under way when it is told to end, and ends with 0', async () => {
    const asked = { model: 'model', messages, seed: 7, max_tokens: 100, n: 8, logit_bias: { '2': -100 } };
    const answer = client().chat.completions.create(asked);
    await new Promise((wake) => setTimeout(wake, 300));
    served.child.kill('SIGTERM');
    expect((await answer).choices).toHaveLength(8);
    expect(await served.ended).toBe(0);
  });
});
