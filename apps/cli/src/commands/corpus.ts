/** `tuiqiao corpus`: fetch and clean the full corpus, count it, find a line in it. */
import type { CorpusManifest, Poem } from '@tuiqiao/corpus';
import { type Command, InvalidArgumentError } from 'commander';
import { type CommandHost, examples, type Handler } from '../command-host.ts';
import { EXIT } from '../exit-codes.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { formatBytes, formatCount, formatPercent } from '../render/numbers.ts';
import { createRunReader } from '../render/run-reader.ts';
import { renderTable } from '../render/table.ts';
import type { Session } from '../session.ts';

const DEFAULT_LIMIT = 20;
/** Poems read between two looks for the text. */
const SEARCH_BATCH = 2000;

const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0);

function renderManifest(manifest: CorpusManifest, session: Session): string {
  const isChinese = session.language === 'zh';
  const { colours } = session;
  const number = (title: string) => ({ title, isNumber: true });
  const sources = Object.entries(manifest.read);
  const bySource = renderTable(
    [
      { title: isChinese ? '来源' : 'source' },
      number(isChinese ? '原有' : 'read'),
      number(isChinese ? '留下' : 'kept'),
    ],
    [
      ...sources.map(([name, read]) => [name, formatCount(read), formatCount(manifest.kept[name as never] ?? 0)]),
      [
        session.text('total'),
        formatCount(sum(Object.values(manifest.read))),
        formatCount(sum(Object.values(manifest.kept))),
      ],
    ],
    colours,
  );
  const byRule = renderTable(
    [
      { title: isChinese ? '清洗规则' : 'cleaning rule' },
      number(isChinese ? '涉及' : 'touched'),
      number(isChinese ? '剔除' : 'dropped'),
    ],
    Object.entries(manifest.rules).map(([rule, counts]) => [
      rule,
      formatCount(sum(Object.values(counts).map((count) => count.touched))),
      formatCount(sum(Object.values(counts).map((count) => count.dropped))),
    ]),
    colours,
  );
  const byForm = renderTable(
    [{ title: session.text('form') }, number(session.text('poems')), number(session.text('flawless'))],
    Object.entries(manifest.forms)
      .sort((a, b) => b[1].poems - a[1].poems)
      .map(([form, { poems, flawless }]) => [
        form === 'none' ? session.text('unknownForm') : form,
        formatCount(poems),
        formatPercent(flawless / poems),
      ]),
    colours,
  );
  const splits = Object.entries(manifest.splits).map(([name, count]) => `${name} ${formatCount(count)}`);
  const files = Object.entries(manifest.files).map(
    ([name, file]) => `${name} ${formatBytes(file.sizeBytes)} sha256 ${file.sha256.slice(0, 16)}…`,
  );
  return [bySource, '', byRule, '', byForm, '', splits.join(' · '), colours.dim(files.join('\n'))].join('\n');
}

const pull: Handler = async (session) => {
  const { buildCorpus, findCorpus, pullCorpus } = await import('@tuiqiao/corpus');
  const interrupt = listenForInterrupt(session);
  const reader = createRunReader(session);
  const controls = { signal: interrupt.signal, onEvent: reader.onEvent };
  try {
    const pulled = await pullCorpus(controls);
    const built = pulled.isFresh ? null : await findCorpus();
    const manifest = built ?? (await buildCorpus(controls));
    reader.stop();
    if (session.isJson) await session.printJson(manifest);
    else await session.print(renderManifest(manifest, session));
    return EXIT.done;
  } finally {
    reader.stop();
    interrupt.dispose();
  }
};

async function requireCorpus(): Promise<CorpusManifest> {
  const { CorpusError, findCorpus } = await import('@tuiqiao/corpus');
  const manifest = await findCorpus();
  if (manifest === null) {
    throw new CorpusError('corpus-missing', 'corpus: the full corpus is not on this machine yet', {
      hint: 'Run `tuiqiao corpus pull` once.',
    });
  }
  return manifest;
}

const stats: Handler = async (session) => {
  const manifest = await requireCorpus();
  if (session.isJson) await session.printJson(manifest);
  else await session.print(renderManifest(manifest, session));
  return EXIT.done;
};

async function* batches(poems: AsyncIterable<Poem>): AsyncGenerator<Poem[]> {
  let batch: Poem[] = [];
  for await (const poem of poems) {
    batch.push(poem);
    if (batch.length === SEARCH_BATCH) {
      yield batch;
      batch = [];
    }
  }
  yield batch;
}

const search: Handler = async (session, command) => {
  await requireCorpus();
  const { readCorpus, searchPoems } = await import('@tuiqiao/corpus');
  const { limit, titles } = command.opts<{ limit: number; titles?: boolean }>();
  const { bold, dim, inverse } = session.colours;
  let found = 0;
  for await (const batch of batches(readCorpus())) {
    for (const { poem, line } of searchPoems(batch, command.args.join(''), {
      limit: limit - found,
      inTitles: titles === true,
    })) {
      found++;
      if (session.isJson) {
        await session.printJson({ line, poem });
        continue;
      }
      let number = 0;
      const text = poem.text.replace(/[^，。、？！；\s]+/gu, (part) => (++number === line ? inverse(part) : part));
      await session.print(
        `${bold(`${poem.dynasty}·${poem.author}《${poem.title}》`)} ${dim(poem.id)}\n  ${text.replace(/\n/gu, '\n  ')}`,
      );
    }
    if (found >= limit) break;
  }
  return found > 0 ? EXIT.done : EXIT.no;
};

function parseLimit(text: string): number {
  const limit = Number(text);
  if (!Number.isInteger(limit) || limit < 1) throw new InvalidArgumentError('expected a whole number from 1');
  return limit;
}

export function addCorpusCommand(host: CommandHost): void {
  const corpus: Command = host.program.command('corpus').description(host.text('corpusSummary'));
  corpus
    .command('pull')
    .description(host.text('corpusPullSummary'))
    .addHelpText(
      'after',
      examples(host, ['tuiqiao corpus pull', 'TUIQIAO_CACHE=/data/tuiqiao tuiqiao corpus pull --json']),
    )
    .action(host.action(pull));
  corpus
    .command('stats')
    .description(host.text('corpusStatsSummary'))
    .addHelpText('after', examples(host, ['tuiqiao corpus stats']))
    .action(host.action(stats));
  corpus
    .command('search <text...>')
    .description(host.text('corpusSearchSummary'))
    .option('--limit <n>', host.text('optionLimit'), parseLimit, DEFAULT_LIMIT)
    .option('--titles', host.text('optionTitles'))
    .addHelpText(
      'after',
      examples(host, ['tuiqiao corpus search 春江潮水', 'tuiqiao corpus search 李白 --titles --limit 5']),
    )
    .action(host.action(search));
}
