/** Against a real HTTP server that speaks the hub's protocol: listing, ranges, broken connections, permissions. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PullModelOptions, pullModel } from './pull-model.ts';

const WEIGHTS = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * 7919) % 251));
const CONFIG = Buffer.from('{"model_type": "qwen3"}\n');
const files: Record<string, Buffer> = {
  'config.json': CONFIG,
  'model.safetensors': WEIGHTS,
  'pytorch_model.bin': Buffer.from('a pickle'),
  'onnx/model.onnx': Buffer.from('another framework'),
};
const gitId = (bytes: Buffer) => createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

let server: Server;
let folder = '';
let requests: { url: string; range: string | undefined; authorization: string | undefined }[] = [];
/** Bytes after which the next download of the weights breaks off; then it is reset. */
let breakAfter: number | null = null;
let damage = false;
let token: string | null = null;
let extraEntry: Record<string, unknown> | null = null;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = decodeURIComponent(request.url ?? '');
  requests.push({ url, range: request.headers.range, authorization: request.headers.authorization });
  if (token !== null && request.headers.authorization !== `Bearer ${token}`) {
    response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"Invalid credentials"}');
    return;
  }
  if (url.startsWith('/api/models/poets/tiny/tree/main')) {
    const entries: Record<string, unknown>[] = Object.entries(files).map(([name, bytes]) => ({
      type: 'file',
      path: name,
      size: bytes.length,
      oid: gitId(bytes),
      ...(name.endsWith('.safetensors') && {
        lfs: { oid: createHash('sha256').update(bytes).digest('hex'), size: bytes.length, pointerSize: 130 },
      }),
    }));
    if (extraEntry !== null) entries.push(extraEntry);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(entries));
    return;
  }
  const name = /^\/poets\/tiny\/resolve\/main\/(.*)$/u.exec(url)?.[1] ?? '';
  const bytes = files[name];
  if (bytes === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}');
    return;
  }
  const start = Number(/^bytes=(\d+)-$/u.exec(request.headers.range ?? '')?.[1] ?? 0);
  const rest = Buffer.from(bytes.subarray(start));
  if (damage && name.endsWith('.safetensors')) rest[0]! ^= 1;
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': rest.length });
  if (breakAfter !== null && name.endsWith('.safetensors')) {
    const length = breakAfter;
    breakAfter = null;
    // The bytes should arrive before the connection ends.
    response.write(rest.subarray(0, length), () => setTimeout(() => response.destroy(), 100));
    return;
  }
  response.end(rest);
}

beforeEach(async () => {
  [requests, breakAfter, damage, token, extraEntry] = [[], null, false, null, null];
  folder = await mkdtemp(path.join(tmpdir(), 'hub-'));
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

function pull(changes: Partial<PullModelOptions> = {}) {
  return pullModel({
    repo: 'poets/tiny',
    folder,
    revision: 'main',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token: undefined,
    files: [],
    signal: new AbortController().signal,
    onProgress: () => {},
    ...changes,
  });
}

describe('pullModel', () => {
  it('fetches what a model needs, verified, and nothing twice', async () => {
    const first = await pull();
    expect(first.map(({ file, isFresh }) => [file, isFresh])).toEqual([
      ['config.json', true],
      ['model.safetensors', true],
    ]);
    expect((await readdir(folder)).sort()).toEqual(['.tuiqiao-hub.json', 'config.json', 'model.safetensors']);
    expect((await readFile(path.join(folder, 'model.safetensors'))).equals(WEIGHTS)).toBe(true);
    requests = [];
    expect((await pull()).every(({ isFresh }) => !isFresh)).toBe(true);
    expect(requests.filter(({ url }) => url.includes('/resolve/'))).toEqual([]);
  });

  it('continues a broken download where it stopped, in the same run and in the next', async () => {
    breakAfter = 20_000;
    await pull();
    const ranges = requests.filter(({ url }) => url.endsWith('.safetensors')).map(({ range }) => range);
    expect(ranges.length).toBe(2);
    expect(ranges[1]).toMatch(/^bytes=\d+-$/u);
    expect((await readFile(path.join(folder, 'model.safetensors'))).equals(WEIGHTS)).toBe(true);

    const other = path.join(folder, 'other');
    const controller = new AbortController();
    await expect(
      pull({
        folder: other,
        signal: controller.signal,
        onProgress: ({ file }) => {
          if (file.endsWith('.safetensors')) controller.abort(new Error('stopped by hand'));
        },
      }),
    ).rejects.toThrow('stopped by hand');
    await pull({ folder: other });
    expect((await readFile(path.join(other, 'model.safetensors'))).equals(WEIGHTS)).toBe(true);
  });

  it('refuses a file that does not have the hash of the hub, and leaves none behind', async () => {
    damage = true;
    await expect(pull()).rejects.toMatchObject({ code: 'hub-integrity' });
    expect(await readdir(folder)).toEqual(expect.not.arrayContaining(['model.safetensors', 'model.safetensors.part']));
  });

  it('sends the token, and says what to do without', async () => {
    token = 'hf_secret';
    await expect(pull()).rejects.toMatchObject({ code: 'hub-refused', hint: expect.stringContaining('HF_TOKEN') });
    await pull({ token });
    expect(requests.at(-1)?.authorization).toBe('Bearer hf_secret');
  });

  it('names what is not there', async () => {
    await expect(pull({ repo: 'poets/none' })).rejects.toMatchObject({ code: 'hub-refused' });
    await expect(pull({ files: ['model.gguf'] })).rejects.toThrow(/model\.gguf/u);
    server.closeAllConnections();
    await expect(pull({ endpoint: 'http://127.0.0.1:1' })).rejects.toMatchObject({ code: 'hub-unreachable' });
  });

  it('writes nothing outside its folder', async () => {
    extraEntry = { type: 'file', path: '../escape.json', size: 2, oid: gitId(Buffer.from('{}')) };
    await writeFile(path.join(folder, 'here'), '');
    await expect(pull({ files: ['../escape.json', 'model.safetensors'] })).rejects.toMatchObject({
      code: 'hub-refused',
    });
  });
});
