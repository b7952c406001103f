import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type Engine, openEngine, type PoemRecord } from '@tuiqiao/recipes';
import type { ChatCompletion, PoemsReply, TextCompletion } from '@tuiqiao/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTinyPoet } from '../../../packages/recipes/test/tiny-poet.ts';
import { type AppOptions, createApp } from './app.ts';

let folder: string;
let engine: Engine;
const OPTIONS: AppOptions = { corsOrigin: [], parallel: 4, maxQueue: 4, maxNewTokens: 20, isLocal: true };

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'tuiqiao-server-'));
  const { model } = await createTinyPoet(folder);
  engine = await openEngine({
    model,
    adapter: [],
    contextLength: 100,
    parallel: 4,
    kernels: 'reference',
    computeType: 'f32',
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function post(address: string, body: unknown, { app = createApp(engine, OPTIONS), headers = {} } = {}) {
  const reply = await app.fetch(
    new Request(`http://localhost${address}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, text, json: () => JSON.parse(text) };
}

function eventsOf(text: string): unknown[] {
  return text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => (block === 'data: [DONE]' ? '[DONE]' : JSON.parse(block.slice('data: '.length))));
}

const chat = (more: object = {}) => ({
  model: 'model',
  messages: [{ role: 'user', content: '<|form:五绝|>' }],
  seed: 5,
  ...more,
});

describe('chat completions', () => {
  it('repeat with their seed, and a stream says what the whole says', async () => {
    const first: ChatCompletion = (await post('/v1/chat/completions', chat({ n: 2 }))).json();
    const again: ChatCompletion = (await post('/v1/chat/completions', chat({ n: 2 }))).json();
    expect(again.choices).toEqual(first.choices);
    expect(first.choices[0]!.message.content).not.toBe(first.choices[1]!.message.content);
    const events = eventsOf(
      (await post('/v1/chat/completions', chat({ n: 2, stream: true, stream_options: { include_usage: true } }))).text,
    ) as { choices: { index: number; delta: { content?: string }; finish_reason: string | null }[]; usage: unknown }[];
    expect(events.at(-1)).toBe('[DONE]');
    expect(events.at(-2)).toMatchObject({ choices: [], usage: first.usage });
    const choices = events.slice(0, -2).flatMap((event) => event.choices);
    for (const { index, message, finish_reason } of first.choices) {
      const mine = choices.filter((choice) => choice.index === index);
      expect(mine.map(({ delta }) => delta.content ?? '').join('')).toBe(message.content);
      expect(mine.map((choice) => choice.finish_reason).filter((reason) => reason !== null)).toEqual([finish_reason]);
    }
  });

  it('count tokens, end at max_tokens and before a stop string', async () => {
    const { choices, usage }: ChatCompletion = (await post('/v1/chat/completions', chat({ max_tokens: 6 }))).json();
    const [{ message, finish_reason }] = choices as [ChatCompletion['choices'][number]];
    expect(finish_reason).toBe('length');
    expect(usage).toEqual({ prompt_tokens: 2, completion_tokens: 6, total_tokens: 8 });
    const text = message.content;
    const stop = [...text][3]!;
    const stopped: ChatCompletion = (await post('/v1/chat/completions', chat({ max_tokens: 6, stop }))).json();
    expect(stopped.choices[0]!.message.content).toBe(text.slice(0, text.indexOf(stop)));
    expect(stopped.choices[0]!.finish_reason).toBe('stop');
  });

  it('tell log-probabilities that are those of a distribution, with bytes', async () => {
    const reply: ChatCompletion = (
      await post('/v1/chat/completions', chat({ temperature: 0, max_tokens: 3, logprobs: true, top_logprobs: 4 }))
    ).json();
    const content = reply.choices[0]!.logprobs!.content;
    expect(content).toHaveLength(3);
    for (const { token, logprob, bytes, top_logprobs } of content) {
      expect(top_logprobs).toHaveLength(4);
      expect(top_logprobs[0]).toEqual({ token, logprob, bytes });
      expect(top_logprobs.reduce((sum, top) => sum + Math.exp(top.logprob), 0)).toBeLessThanOrEqual(1 + 1e-6);
      if (bytes !== null) expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(token);
    }
  });

  it('are bent by logit_bias', async () => {
    const { choices }: TextCompletion = (
      await post('/v1/completions', { model: 'model', prompt: '<|poem|>', logit_bias: { 40: 100 }, max_tokens: 5 })
    ).json();
    const character = choices[0]!.text[0]!;
    expect(choices[0]!.text).toBe(character.repeat(5));
  });
});

describe('completions', () => {
  it('answer each prompt n times, in order, echoed when asked', async () => {
    const prompt = ['<|poem|>', '<|form:五绝|><|poem|>'];
    const reply = (
      await post('/v1/completions', { model: 'model', prompt, n: 2, seed: 3, max_tokens: 4, logprobs: 1 })
    ).json();
    expect(reply.choices.map(({ index }: { index: number }) => index)).toEqual([0, 1, 2, 3]);
    expect(reply.usage).toEqual({ prompt_tokens: 3, completion_tokens: 16, total_tokens: 19 });
    const { logprobs } = reply.choices[0];
    expect(logprobs.text_offset).toHaveLength(4);
    expect(Object.keys(logprobs.top_logprobs[0])).toHaveLength(1);
    const echoed = (
      await post('/v1/completions', { model: 'model', prompt, n: 2, seed: 3, max_tokens: 4, echo: true })
    ).json();
    expect(echoed.choices[3].text).toBe(prompt[1] + reply.choices[3].text);
  });
});

describe('poems', () => {
  const poem = { form: '五绝', seed: 4 };

  it('as a chat answer keep the form and bring their verdict; the message is the theme', async () => {
    const { choices, usage }: ChatCompletion = (
      await post('/v1/chat/completions', chat({ messages: [{ role: 'user', content: '秋夜' }], poem, n: 2 }))
    ).json();
    expect(choices).toHaveLength(2);
    for (const { message, poem: told } of choices) {
      const record = told as { text: string; title: string; verdict: { form: string; strict: { all: boolean } } };
      expect(record).toMatchObject({ text: message.content, title: '秋夜', model: 'model' });
      expect(record.verdict).toMatchObject({ form: '五绝', strict: { all: true } });
    }
    expect(usage.completion_tokens).toBe(2 * 25);
  });

  it('stream as chunks and at their own address as lines', async () => {
    const messages = [{ role: 'user', content: '五绝 秋夜' }];
    const chunks = eventsOf((await post('/v1/chat/completions', chat({ messages, stream: true }))).text) as never[];
    const whole = (await post('/v1/chat/completions', chat({ messages }))).json();
    const text = chunks
      .slice(0, -1)
      .flatMap(({ choices }: { choices: { delta: { content?: string } }[] }) => choices)
      .map(({ delta }) => delta.content ?? '')
      .join('');
    expect(text).toBe(whole.choices[0].message.content);
    const events = eventsOf((await post('/v1/poems', { ...poem, theme: '秋夜', stream: true })).text) as {
      type: string;
      text: string;
      poem: { text: string };
    }[];
    const told = events.find(({ type }) => type === 'poem')!.poem.text;
    expect(events.filter(({ type }) => type === 'line').map((line) => line.text)).toEqual(
      told.split(/[，。]/u).filter((line) => line !== ''),
    );
  });

  it('have their findings in the language asked for', async () => {
    const messagesIn = async (lang: object): Promise<string[]> => {
      const { poems }: PoemsReply<PoemRecord> = (await post('/v1/poems', { ...poem, count: 8, ...lang })).json();
      return poems.flatMap(({ verdict }) => verdict.findings.map(({ message }) => message));
    };
    const [chinese, english] = [await messagesIn({}), await messagesIn({ lang: 'en' })];
    expect(english).toHaveLength(chinese.length);
    expect(english.length).toBeGreaterThan(0);
    for (const message of english) expect(message).toMatch(/[a-z]{3} [a-z]{2}/u);
    for (const message of chinese) expect(message).not.toMatch(/[a-z]{3} [a-z]{2}/u);
  });

  it('that cannot be are refused with the reason', async () => {
    const body = chat({ poem: { form: '五绝', acrostic: '春江花月夜' } });
    const { status, json } = await post('/v1/chat/completions', body);
    expect(status).toBe(400);
    expect(json().error).toMatchObject({ type: 'invalid_request_error', param: 'poem', code: 'verse-request' });
  });

  it('are checked one or many', async () => {
    const text = '白日依山尽，黄河入海流。欲穷千里目，更上一层楼。';
    expect((await post('/v1/check', { text, id: 'a' })).json()).toMatchObject({
      id: 'a',
      form: '五绝',
      strict: { all: true },
    });
    const { verdicts } = (await post('/v1/check', { poems: [{ text }, { text: `${text}月` }] })).json();
    expect(verdicts).toHaveLength(2);
    expect(verdicts[0].rhyme.group).toBe('尤');
  });
});

describe('a wrong request', () => {
  it.each([
    ['/v1/chat/completions', '{', 400, null, /not JSON/u],
    ['/v1/chat/completions', {}, 400, 'model', /model is missing/u],
    ['/v1/chat/completions', { ...chat(), model: 'gpt-4' }, 404, 'model', /there is no gpt-4; served are model/u],
    ['/v1/chat/completions', chat({ temperature: 'hot' }), 400, 'temperature', /expected a number, got "hot"/u],
    ['/v1/chat/completions', chat({ n: 0 }), 400, 'n', /at least 1, got 0/u],
    [
      '/v1/chat/completions',
      chat({ messages: [{ role: 'robot', content: '' }] }),
      400,
      'messages.0.role',
      /one of system/u,
    ],
    ['/v1/chat/completions', chat({ tools: [{}] }), 400, 'tools', /no tools/u],
    ['/v1/chat/completions', chat({ poem: { frm: '五绝' } }), 400, 'frm', /did you mean "form"/u],
    ['/v1/completions', { model: 'model', prompt: [99_999] }, 400, 'prompt', /token ids below/u],
    ['/v1/completions', { model: 'model', prompt: '月'.repeat(200) }, 400, null, /fewer than 100 tokens/u],
    ['/v1/poems', { form: '五绝', rhyme: 'x' }, 400, 'poem', /no group of the book/u],
    ['/v1/check', { text: '月', book: 'none' }, 400, 'book', /./u],
    ['/v1/embeddings', {}, 404, null, /there is no POST \/v1\/embeddings/u],
  ])('%s %j', async (address, body, status, param, message) => {
    const reply = await post(address, body);
    expect(reply.json().error).toMatchObject({ message: expect.stringMatching(message), param });
    expect(reply.status).toBe(status);
    expect(reply.json().error.type).toBe('invalid_request_error');
  });

  it('is refused as a form or as text, which pages of other origins may send, and when it is too long', async () => {
    expect((await post('/v1/check', 'text=x', { headers: { 'Content-Type': 'text/plain' } })).status).toBe(400);
    expect((await post('/v1/check', { text: '月'.repeat(1_000_000) })).status).toBe(413);
  });

  it('without the key is 401; with it, through; health is open', async () => {
    const app = createApp(engine, { ...OPTIONS, apiKey: 'sesame' });
    expect((await post('/v1/check', { text: '月' }, { app })).json().error.code).toBe('invalid_api_key');
    const wrong = { Authorization: 'Bearer sesam' };
    expect((await post('/v1/check', { text: '月' }, { app, headers: wrong })).status).toBe(401);
    const right = { Authorization: 'Bearer sesame' };
    expect((await post('/v1/check', { text: '月' }, { app, headers: right })).status).toBe(200);
    expect((await app.fetch(new Request('http://localhost/health'))).status).toBe(200);
  });

  it('beyond the queue is 429 with a time to come back', async () => {
    const app = createApp(engine, { ...OPTIONS, parallel: 1, maxQueue: 1 });
    const asked = chat({ max_tokens: 40 });
    const replies = await Promise.all([1, 2, 3].map(() => post('/v1/chat/completions', asked, { app })));
    const late = replies.filter(({ status }) => status === 429);
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(late).toHaveLength(1);
    expect(Number(late[0]!.headers.get('Retry-After'))).toBeGreaterThanOrEqual(1);
    expect(late[0]!.json().error.code).toBe('rate_limit_exceeded');
  });
});

describe('pages of other origins', () => {
  const ask = async (corsOrigin: readonly string[], origin: string) => {
    const app = createApp(engine, { ...OPTIONS, corsOrigin });
    const reply = await app.fetch(new Request('http://localhost/v1/models', { headers: { Origin: origin } }));
    return reply.headers.get('Access-Control-Allow-Origin');
  };

  it('may read only when they are named', async () => {
    expect(await ask([], 'http://a.example')).toBeNull();
    expect(await ask(['http://a.example'], 'http://a.example')).toBe('http://a.example');
    expect(await ask(['http://a.example'], 'http://b.example')).toBeNull();
    expect(await ask(['*'], 'http://b.example')).toBe('*');
  });
});
