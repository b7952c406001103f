/** `tuiqiao check`: the verdict on poems, one by one, for a reader, as JSON lines, as CSV or as a page. */
import type { BookName, Verdict } from '@tuiqiao/prosody';
import { type CheckOptions, checkSchema, describeSchema, parseOptionsBy, TuiqiaoError } from '@tuiqiao/schema';
import { type CommandHost, examples } from '../command-host.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { type FoundPoem, readPoems } from '../input/read-poems.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { CheckTally } from '../render/check-tally.ts';
import { openResult, type ResultTarget } from '../result-file.ts';
import type { Session } from '../session.ts';

/** Beyond this many poems only the summary is shown; the other kinds of result have them all. */
const MAX_BLOCKS = 50;

type ResultKind = 'blocks' | 'json' | 'csv' | 'html';

/** What is made of each verdict, and at the end of all of them. */
interface Report {
  readonly add: (verdict: Verdict, found: FoundPoem) => Promise<void>;
  readonly end: () => Promise<void>;
}

function chooseKind(options: CheckOptions, isJson: boolean): ResultKind {
  const asked = [
    ...(isJson ? (['json'] as const) : []),
    ...(options.csv ? (['csv'] as const) : []),
    ...(options.html ? (['html'] as const) : []),
  ];
  if (asked.length > 1) {
    throw new CliError('command-line', `expected one of --json, --csv, --html, got ${asked.length}`);
  }
  if (asked[0] !== undefined) return asked[0];
  if (options.output === undefined) return 'blocks';
  if (/\.html?$/iu.test(options.output)) return 'html';
  if (/\.csv$/iu.test(options.output)) return 'csv';
  return /\.(jsonl|ndjson|json)$/iu.test(options.output) ? 'json' : 'blocks';
}

async function createReport(
  kind: ResultKind,
  target: ResultTarget,
  tally: CheckTally,
  session: Session,
): Promise<Report> {
  const { language } = session;
  switch (kind) {
    case 'json':
      return { add: (verdict) => target.write(`${JSON.stringify(verdict)}\n`), end: async () => {} };
    case 'csv': {
      const { CSV_HEADER, verdictRow } = await import('../render/verdict-csv.ts');
      await target.write(CSV_HEADER);
      return { add: (verdict, { poem }) => target.write(verdictRow(verdict, poem)), end: async () => {} };
    }
    case 'html': {
      const { pageEnd, pageStart, poemArticle } = await import('../render/verdict-html.ts');
      await target.write(pageStart(language));
      return {
        add: (verdict, { poem }) => target.write(poemArticle(verdict, poem.title, language)),
        end: () => target.write(pageEnd(tally, language)),
      };
    }
    case 'blocks': {
      const { renderVerdict } = await import('../render/verdict.ts');
      return {
        add: async (verdict, { poem }) => {
          if (tally.count > MAX_BLOCKS) return;
          const block = renderVerdict(verdict, poem.title, language, session.colours);
          await target.write(`${tally.count > 1 ? '\n' : ''}${block}\n`);
        },
        end: async () => {
          if (tally.count < 2) return;
          const { renderSummary } = await import('../render/check-summary.ts');
          await target.write(`\n${renderSummary(tally, language, session.colours)}\n`);
        },
      };
    }
    default:
      return kind satisfies never;
  }
}

type Judge = (found: FoundPoem) => Verdict;

async function createJudge(options: CheckOptions, session: Session): Promise<Judge> {
  const { check } = await import('@tuiqiao/prosody');
  return ({ poem, place }) => {
    try {
      const form = poem.form ?? options.form;
      const tune = poem.tune ?? options.tune;
      const book = (poem.book ?? options.book) as BookName | undefined;
      return check(
        {
          text: poem.text,
          ...(poem.id === undefined ? {} : { id: poem.id }),
          ...(poem.title === undefined ? {} : { title: poem.title }),
          ...(form === undefined ? {} : { form }),
          ...(tune === undefined ? {} : { tune }),
          ...(book === undefined ? {} : { book }),
        },
        { lang: session.language, parallelism: options.parallelism, polyphones: options.polyphones },
      );
    } catch (error) {
      // The engine's own error, with the place in the input put before it.
      if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
        const hint = 'hint' in error && typeof error.hint === 'string' ? { hint: error.hint } : {};
        throw new TuiqiaoError(error.code, `${place}: ${error.message}`, { cause: error, ...hint });
      }
      throw error;
    }
  };
}

export function addCheckCommand(host: CommandHost): void {
  const command = host.program
    .command('check')
    .summary(host.text('checkSummary'))
    .description(`${host.text('checkSummary')}\n${host.text('legend')}`)
    .argument('[file...]', host.text('checkFiles'));
  const typed = addOptionFlags(command, host, describeSchema(checkSchema));
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao check poem.txt',
      "echo '床前明月光，疑是地上霜。举头望明月，低头思故乡。' | tuiqiao check",
      'tuiqiao check --tune 浣溪沙 --strict ci.txt',
      'tuiqiao check --json poems.jsonl > verdicts.jsonl',
      'tuiqiao check --text-column 正文 --title-column 题目 homework.csv --output verdicts.html',
      'tuiqiao check --book xinyun 新诗/',
    ]),
  );
  command.action(
    host.action(async (session, given) => {
      const { options, warnings } = parseOptionsBy(checkSchema, 'check', toOptionMap(typed, undefined));
      for (const warning of warnings) session.warn(warning);
      const kind = chooseKind(options, session.isJson);
      const sources = given.args.length > 0 ? given.args : ['-'];
      if (sources.includes('-') && process.stdin.isTTY) session.say(session.text('checkTyping'));
      const judge = await createJudge(options, session);
      const tally = new CheckTally();
      const target = openResult(session, options.output);
      let isFlawless = true;
      try {
        const poems = readPoems(sources, {
          format: options.inputFormat,
          encoding: options.encoding,
          columns: {
            text: options.textColumn,
            id: options.idColumn,
            title: options.titleColumn,
            form: options.formColumn,
            tune: options.tuneColumn,
            book: options.bookColumn,
          },
        });
        // Nothing is printed, not even the head of a page, before the first poem is judged.
        let report: Report | undefined;
        for await (const found of poems) {
          const verdict = judge(found);
          tally.add(verdict);
          isFlawless &&= verdict.strict.all;
          report ??= await createReport(kind, target, tally, session);
          await report.add(verdict, found);
        }
        await report?.end();
        await target.finish();
      } catch (error) {
        await target.abandon();
        throw error;
      }
      if (options.output !== undefined) session.say(session.text('written', { file: options.output }));
      return options.strict && !isFlawless ? EXIT.no : EXIT.done;
    }),
  );
}
