import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { askChat, mapConcurrently } from './chat-client.ts';

let server: Server | null = null;
afterEach(async () => {
  await new Promise((done) => (server === null ? done(null) : server.close(done)));
  server = null;
});

async function serve(
  answer: (body: Record<string, unknown>, request: IncomingMessage, response: ServerResponse) => void,
) {
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => {
      text += part;
    });
    request.on('end', () => answer(JSON.parse(text), request, response));
  });
  await new Promise<void>((done) => server!.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server!.address() as AddressInfo).port}/v1`;
}

const reply = (content: string, finish = 'stop'): string =>
  JSON.stringify({ choices: [{ message: { content }, finish_reason: finish }], usage: { completion_tokens: 7 } });

describe('askChat', () => {
  it('sends what the wire calls it, and reads answer, tokens and end', async () => {
    process.env.TEST_CHAT_KEY = 'secret';
    let seen: unknown;
    const url = await serve((body, request, response) => {
      seen = { body, path: request.url, authorization: request.headers.authorization };
      response.end(reply(' 白日依山盡 ', 'length'));
    });
    const settings = { temperature: 0.5, topP: 0.9, maxTokens: 64, seed: 3 };
    const answer = await askChat(
      { url, model: 'm', apiKeyVariable: 'TEST_CHAT_KEY' },
      [{ role: 'user', content: '詩' }],
      settings,
    );
    expect(answer).toEqual({ text: '白日依山盡', completionTokens: 7, isFinished: false });
    expect(seen).toEqual({
      path: '/v1/chat/completions',
      authorization: 'Bearer secret',
      body: {
        model: 'm',
        messages: [{ role: 'user', content: '詩' }],
        temperature: 0.5,
        top_p: 0.9,
        max_tokens: 64,
        seed: 3,
      },
    });
    delete process.env.TEST_CHAT_KEY;
  });

  it('tries again when the server is busy', async () => {
    let times = 0;
    const url = await serve((_body, _request, response) => {
      if (++times < 3) {
        response.statusCode = times === 1 ? 429 : 503;
        response.end('busy');
      } else response.end(reply('好'));
    });
    expect((await askChat({ url, model: 'm' }, [])).text).toBe('好');
    expect(times).toBe(3);
  });

  it('does not try again what is wrong', async () => {
    let times = 0;
    const url = await serve((_body, _request, response) => {
      times++;
      response.statusCode = 404;
      response.end('{"error":{"message":"no such model"}}');
    });
    await expect(askChat({ url, model: 'm' }, [])).rejects.toMatchObject({
      code: 'endpoint-refused',
      message: expect.stringContaining('no such model'),
    });
    expect(times).toBe(1);
  });

  it.each(['<html>', '{}', '{"choices":[]}', '{"choices":[{"text":"x"}]}'])('refuses %s', async (body) => {
    const url = await serve((_body, _request, response) => response.end(body));
    await expect(askChat({ url, model: 'm' }, [])).rejects.toMatchObject({ code: 'endpoint-failed' });
  });

  it('ends when it is told to', async () => {
    const url = await serve(() => undefined);
    const controller = new AbortController();
    const asked = askChat({ url, model: 'm' }, [], { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' });
    server!.closeAllConnections();
  });
});

describe('mapConcurrently', () => {
  it('keeps the order and the limit', async () => {
    let running = 0;
    let most = 0;
    const results = await mapConcurrently([5, 1, 3, 2], 2, async (item) => {
      most = Math.max(most, ++running);
      await new Promise((done) => setTimeout(done, item));
      running--;
      return item * 10;
    });
    expect(results).toEqual([50, 10, 30, 20]);
    expect(most).toBe(2);
  });
});
