// The ladder over a real HTTP server that answers as an OpenAI-compatible one does.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LadderReport } from '@tuiqiao/eval';
import { type EvaluateRecipe, parseRecipe } from '@tuiqiao/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runEvaluate } from './evaluate.ts';

const GOOD = '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。';
const questions: string[] = [];
const server = createServer((request, response) => {
  let text = '';
  request.on('data', (part) => {
    text += part;
  });
  request.on('end', () => {
    const { model, messages } = JSON.parse(text) as { model: string; messages: { content: string }[] };
    questions.push(messages[0]!.content);
    const content = model === 'poet' ? GOOD : `好的，这是一首诗：${GOOD}`;
    response.end(
      JSON.stringify({ choices: [{ message: { content }, finish_reason: 'stop' }], usage: { completion_tokens: 24 } }),
    );
  });
});
let outputDir: string;
let url: string;
beforeAll(async () => {
  outputDir = await mkdtemp(path.join(tmpdir(), 'evaluate-'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(async () => {
  server.close();
  await rm(outputDir, { recursive: true, force: true });
});

describe('runEvaluate over URLs', () => {
  it('judges what servers answer, pairs them, and writes every poem down', async () => {
    const { recipe } = parseRecipe(
      {
        stage: 'evaluate',
        models: `chatty=${url}#chatty,poet=${url}#poet`,
        forms: '五绝',
        styles: '李白,杜甫',
        count: 6,
        controlCount: 20,
        tasks: 'couplet',
        taskCount: 4,
        kernels: 'reference',
        outputDir,
      },
      'evaluate',
    );
    // 五绝 have no middle couplet: those of 五律 are asked for.
    const { report } = await runEvaluate({ ...(recipe as EvaluateRecipe), forms: ['五绝', '五律'] });
    const [chatty, poet] = report.models;
    expect([poet!.n, poet!.byForm.五绝!.all.k, poet!.byForm.五律!.all.k]).toEqual([12, 6, 0]);
    expect(chatty!.overall.length.k).toBe(0);
    expect(poet!.novelty.copiedLines).toBeGreaterThan(0);
    expect(poet!.tokensPerSecond).toBeGreaterThan(0);
    expect(poet!.bitsPerChar).toBeUndefined();
    expect(poet!.tasks!.couplet!.n).toBe(4);
    expect(poet!.style!.author!.n).toBe(12);
    expect(report.pairs).toHaveLength(1);
    expect(report.pairs[0]!.winRate).toBe(0.75);
    expect(report.control.n).toBe(40);
    expect(report.scorers.theme!.trainedOn).toBeGreaterThan(10_000);
    expect(questions.filter((question) => question.includes('仿李白')).length).toBe(12);
    expect(JSON.parse(await readFile(path.join(outputDir, 'report.json'), 'utf8')) as LadderReport).toEqual(
      JSON.parse(JSON.stringify(report)),
    );
    const lines = (await readFile(path.join(outputDir, 'samples.jsonl'), 'utf8')).trimEnd().split('\n');
    expect(lines).toHaveLength(24);
    expect(JSON.parse(lines.at(-1)!)).toMatchObject({ id: 'poet:11', form: '五律', text: GOOD });
  }, 180_000);
});
