/** `tuiqiao polish` (推敲): other characters for a place, a line or a couplet of a poem, best first. */
import type { PoemToPolish, PolishRecord } from '@tuiqiao/recipes';
import { describeOptions, parseOptions } from '@tuiqiao/schema';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT } from '../exit-codes.ts';
import { readPoems } from '../input/read-poems.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { renderPolish } from '../render/polish.ts';
import { createRunReader } from '../render/run-reader.ts';
import { runInWorker } from '../run-in-worker.ts';

export function addPolishCommand(host: CommandHost): void {
  const command = host.program
    .command('polish')
    .summary(host.text('polishSummary'))
    .description(host.text('polishDescription'))
    .argument('[file...]', host.text('checkFiles'));
  const typed = addOptionFlags(command, host, describeOptions('polish'));
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao polish poem.txt',
      "echo '鸟宿池边树，僧推月下门。' | tuiqiao polish - --form 五绝 --character 2:2",
      'tuiqiao polish poem.txt --line 3 --count 10',
      'tuiqiao polish poem.txt --couplet 2 --title 秋夜 --seed 7',
      'tuiqiao polish --json poems.jsonl > rewrites.jsonl',
    ]),
  );
  command.action(
    host.action(async (session, given) => {
      const { options, warnings } = parseOptions('polish', toOptionMap(typed, session.seed));
      for (const warning of warnings) session.warn(warning);
      const poems: PoemToPolish[] = [];
      for await (const { poem } of readPoems(given.args.length > 0 ? given.args : ['-'])) poems.push(poem);
      const interrupt = listenForInterrupt(session);
      const reader = createRunReader(session);
      try {
        const records = (await runInWorker(
          'polish',
          { ...options, poems },
          { signal: interrupt.signal, onEvent: reader.onEvent },
        )) as readonly PolishRecord[];
        reader.stop();
        for (const [index, record] of records.entries()) {
          if (session.isJson) await session.printJson(record);
          else await session.print(`${index > 0 ? '\n' : ''}${renderPolish(record, session)}`);
        }
        // The work ran; that nothing fits somewhere is its answer.
        return records.some(({ suggestions }) => suggestions.length === 0) ? EXIT.no : EXIT.done;
      } finally {
        reader.stop();
        interrupt.dispose();
      }
    }),
  );
}
