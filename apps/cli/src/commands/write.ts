/** `tuiqiao write`: poems on request, told with their verdict and where a line came from. */
import type { WriteResult } from '@tuiqiao/recipes';
import { parseOptions } from '@tuiqiao/schema';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT, type ExitStatus } from '../exit-codes.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { renderPoem } from '../render/poem.ts';
import { createRunReader } from '../render/run-reader.ts';
import { runInWorker } from '../run-in-worker.ts';
import type { Session } from '../session.ts';

async function tell(session: Session, { poems, givenUp }: WriteResult): Promise<ExitStatus> {
  for (const [index, poem] of poems.entries()) {
    if (session.isJson) {
      await session.printJson(poem);
      continue;
    }
    await session.print(`${index > 0 ? '\n' : ''}${renderPoem(poem, session)}`);
  }
  if (givenUp > 0) session.warn(session.text('givenUp', { count: givenUp }));
  return givenUp > 0 ? EXIT.no : EXIT.done;
}

export function addWriteCommand(host: CommandHost): void {
  const command = host.program.command('write').description(host.text('writeSummary'));
  const typed = addOptionFlags(command, host, 'write');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao write --form 七绝 --theme 秋夜 --rhyme 尤',
      'tuiqiao write --tune 浣溪沙 --theme 春愁 --count 3 --best-of 4',
      'tuiqiao write --form 五绝 --acrostic 春江花月',
      "tuiqiao write --form 五律 --keep '2:清泉石上流' --seed 7",
      'tuiqiao write --form 七绝 --style 李白 --adapter runs/dpo:0.8 --count 200 --json > poems.jsonl',
    ]),
  );
  command.action(
    host.action(async (session) => {
      const { options, warnings } = parseOptions('write', toOptionMap('write', typed, session.seed));
      for (const warning of warnings) session.warn(warning);
      const interrupt = listenForInterrupt(session);
      const reader = createRunReader(session);
      try {
        const result = await runInWorker('write', options, { signal: interrupt.signal, onEvent: reader.onEvent });
        reader.stop();
        return await tell(session, result as WriteResult);
      } finally {
        reader.stop();
        interrupt.dispose();
      }
    }),
  );
}
