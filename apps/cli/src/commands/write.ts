/** `tuiqiao write`: poems on request, told with their verdict and where a line came from. */
import type { PoemRecord, WriteResult } from '@tuiqiao/recipes';
import { describeOptions, type OnEvent, parseOptions } from '@tuiqiao/schema';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT } from '../exit-codes.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { renderPoem } from '../render/poem.ts';
import { createRunReader } from '../render/run-reader.ts';
import { runInWorker } from '../run-in-worker.ts';
import type { Session } from '../session.ts';

/** Prints poems as they are done, one after the other however fast they come. */
function createPrinter(session: Session, pause: () => void): { print(poem: PoemRecord): void; end(): Promise<void> } {
  let count = 0;
  let printing: Promise<void> = Promise.resolve();
  const printNow = async (poem: PoemRecord): Promise<void> => {
    if (session.isJson) return session.printJson(poem);
    pause();
    return session.print(`${count++ > 0 ? '\n' : ''}${renderPoem(poem, session)}`);
  };
  return {
    print: (poem) => {
      printing = printing.then(() => printNow(poem));
      // Told by `end`; a rejection must not count as unhandled before that.
      printing.catch(() => undefined);
    },
    end: () => printing,
  };
}

export function addWriteCommand(host: CommandHost): void {
  const command = host.program.command('write').description(host.text('writeSummary'));
  const typed = addOptionFlags(command, host, describeOptions('write'));
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao write --form 七绝 --theme 秋夜 --rhyme 尤',
      'tuiqiao write --tune 浣溪沙 --theme 春愁 --count 3 --best-of 4',
      'tuiqiao write --form 五绝 --acrostic 春江花月',
      "tuiqiao write --form 五律 --keep '2:清泉石上流' --keep '3:明月□□□' --seed 7",
      "tuiqiao write --form 五绝 --continue '白日依山尽，黄河入海流。'",
      'tuiqiao write --form 七律 --embed 江山 --acrostic-end 秋□愁 --rhyme 楼 --start 平起',
      'tuiqiao write --couplet 海内存知己 --count 5',
      'tuiqiao write --couplet 无边落木萧萧下 --rhyme 灰 --count 5',
      'tuiqiao write --form 七绝 --theme 秋夜 --num-beams 16 --num-beam-groups 4 --count 4',
      'tuiqiao write --form 排律 --lines 16 --theme 登高 --best-of 8',
      'tuiqiao write --form 七绝 --style 李白 --adapter runs/dpo:0.8 --count 200 --json > poems.jsonl',
    ]),
  );
  command.action(
    host.action(async (session) => {
      const { options, warnings } = parseOptions('write', toOptionMap(typed, session.seed));
      for (const warning of warnings) session.warn(warning);
      const interrupt = listenForInterrupt(session);
      const reader = createRunReader(session);
      try {
        const printer = createPrinter(session, reader.stop);
        const onEvent: OnEvent = (event) => {
          if (event.type === 'poem') printer.print(event.record as PoemRecord);
          else reader.onEvent(event);
        };
        const result = await runInWorker('write', options, {
          signal: interrupt.signal,
          onEvent,
          language: session.language,
        });
        await printer.end();
        reader.stop();
        const { givenUp } = result as WriteResult;
        if (givenUp > 0) session.warn(session.text('givenUp', { count: givenUp }));
        return givenUp > 0 ? EXIT.no : EXIT.done;
      } finally {
        reader.stop();
        interrupt.dispose();
      }
    }),
  );
}
