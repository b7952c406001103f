/** Our own addresses: `POST /v1/poems` writes, `POST /v1/check` judges. */
import { setImmediate } from 'node:timers/promises';
import { check, type Verdict } from '@tuiqiao/prosody';
import type { PoemRecord, PoemsResult } from '@tuiqiao/recipes';
import {
  type CheckReply,
  checkManyRequest,
  checkRequest,
  type PoemsReply,
  type PoemToCheck,
  parsePoemWords,
  parseRequest,
  poemsRequest,
  type RunEvent,
} from '@tuiqiao/schema';
import type { Context } from 'hono';
import { beginJob, type House, readJson, sendEvents } from './house.ts';

/** @param isStream what counts where the request does not say `stream` */
export async function answerPoems(c: Context, house: House, isStream = false): Promise<Response> {
  const { model: asked, stream = isStream, lang, ...words } = parseRequest('poems', poemsRequest, await readJson(c));
  const model = asked ?? house.engine.facts.models[0]!.id;
  const { options } = parsePoemWords(words);
  const { job, stop } = await beginJob<RunEvent, PoemsResult>(c, house, (signal, onEvent) =>
    house.engine.write({ model, options, ...(lang === undefined ? {} : { language: lang }) }, { signal, onEvent }),
  );
  if (!stream) {
    const { poems, givenUp } = await job.result;
    return c.json({ model, poems, given_up: givenUp } satisfies PoemsReply<PoemRecord>);
  }
  return sendEvents(c, house, stop, async (send) => {
    for await (const event of job) {
      if (event.type === 'poem-line') {
        await send({ type: 'line', index: event.index, line: event.line, text: event.text });
      } else if (event.type === 'poem') await send({ type: 'poem', index: event.index, poem: event.record });
    }
    await send({ type: 'end', given_up: (await job.result).givenUp });
  });
}

function judge({ id, text, title, form, tune, book }: PoemToCheck, lang: 'zh' | 'en' = 'zh'): Verdict {
  return check(
    {
      text,
      ...(id === undefined ? {} : { id }),
      ...(title === undefined ? {} : { title }),
      ...(form === undefined ? {} : { form }),
      ...(tune === undefined ? {} : { tune }),
      ...(book === undefined ? {} : { book }),
    },
    { lang },
  );
}

export async function answerCheck(c: Context): Promise<Response> {
  const body = await readJson(c);
  if (typeof body !== 'object' || body === null || !('poems' in body)) {
    const { lang, ...poem } = parseRequest('check', checkRequest, body);
    return c.json(judge(poem, lang));
  }
  const { poems, lang } = parseRequest('check', checkManyRequest, body);
  const verdicts: Verdict[] = [];
  for (const poem of poems) {
    verdicts.push(judge(poem, lang));
    // A thousand poems take a while: streams beside this request go on.
    await setImmediate();
  }
  return c.json({ verdicts } satisfies CheckReply<Verdict>);
}
