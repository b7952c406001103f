/** `tuiqiao check`: the verdict on poems, one by one, for a reader or as JSON lines. */
import type { BookName, Verdict } from '@tuiqiao/prosody';
import { parseOptions, TuiqiaoError } from '@tuiqiao/schema';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT } from '../exit-codes.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { type FoundPoem, readPoems } from '../read-poems.ts';
import { CheckSummary } from '../render/check-summary.ts';
import { renderVerdict } from '../render/verdict.ts';

/** Beyond this many poems only the summary is shown; the JSON lines have them all. */
const MAX_BLOCKS = 50;

export function addCheckCommand(host: CommandHost): void {
  const command = host.program
    .command('check')
    .summary(host.text('checkSummary'))
    .description(`${host.text('checkSummary')}\n${host.text('legend')}`)
    .argument('[file...]', host.text('checkFiles'));
  const typed = addOptionFlags(command, host, 'check');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao check poem.txt',
      "echo '床前明月光，疑是地上霜。举头望明月，低头思故乡。' | tuiqiao check",
      'tuiqiao check --tune 浣溪沙 --strict ci.txt',
      'tuiqiao check --json poems.jsonl > verdicts.jsonl',
      'tuiqiao check --book xinyun 新诗/',
    ]),
  );
  command.action(
    host.action(async (session, given) => {
      const { options, warnings } = parseOptions('check', toOptionMap('check', typed, undefined));
      for (const warning of warnings) session.warn(warning);
      const { check } = await import('@tuiqiao/prosody');
      const judge = ({ poem, place }: FoundPoem): Verdict => {
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
            { lang: session.language },
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
      const summary = new CheckSummary();
      let isFlawless = true;
      for await (const found of readPoems(given.args.length > 0 ? given.args : ['-'])) {
        const verdict = judge(found);
        summary.add(verdict);
        isFlawless &&= verdict.strict.all;
        if (session.isJson) {
          await session.printJson(verdict);
        } else if (summary.count <= MAX_BLOCKS) {
          const block = renderVerdict(verdict, found.poem.title, session.language, session.colours);
          await session.print(`${summary.count > 1 ? '\n' : ''}${block}`);
        }
      }
      if (!session.isJson && summary.count > 1) {
        await session.print(`\n${summary.render(session.language, session.colours)}`);
      }
      return options.strict && !isFlawless ? EXIT.no : EXIT.done;
    }),
  );
}
