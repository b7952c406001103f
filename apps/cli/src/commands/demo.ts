/** `tuiqiao demo`: the main job on the embedded defaults, told as it goes. */
import path from 'node:path';
import type { DemoResult } from '@tuiqiao/recipes';
import { describeOptions, parseOptions } from '@tuiqiao/schema';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT } from '../exit-codes.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { addOptionFlags, toOptionMap } from '../option-flags.ts';
import { renderLadder } from '../render/ladder.ts';
import { joinList } from '../render/numbers.ts';
import { renderPoem } from '../render/poem.ts';
import { createRunReader } from '../render/run-reader.ts';
import { runInWorker } from '../run-in-worker.ts';
import type { Session } from '../session.ts';

async function tell(session: Session, result: DemoResult): Promise<void> {
  if (session.isJson) {
    await session.printJson(result);
    return;
  }
  const { bold } = session.colours;
  await session.print(`\n${renderLadder(result.report, session)}`);
  for (const poem of result.poems) await session.print(`\n${renderPoem(poem, session)}`);
  if (result.alreadyDone.length > 0) {
    session.say(`\n${session.text('alreadyDone', { parts: joinList(result.alreadyDone, session.language) })}`);
  }
  await session.print(`\n${bold(session.text('report'))} ${path.join(result.outputDir, 'report.html')}`);
}

export function addDemoCommand(host: CommandHost): void {
  const command = host.program.command('demo').description(host.text('demoSummary'));
  const typed = addOptionFlags(command, host, describeOptions('demo'));
  command.addHelpText(
    'after',
    examples(host, ['npm run demo', 'npm run demo -- --theme 春愁 --rhyme 东', 'tuiqiao demo --overwrite-output-dir']),
  );
  command.action(
    host.action(async (session) => {
      const { options, warnings } = parseOptions('demo', toOptionMap(typed, session.seed));
      for (const warning of warnings) session.warn(warning);
      const interrupt = listenForInterrupt(session);
      const reader = createRunReader(session);
      try {
        const controls = { signal: interrupt.signal, onEvent: reader.onEvent, language: session.language };
        const result = (await runInWorker('demo', options, controls)) as DemoResult;
        reader.stop();
        await tell(session, result);
        return EXIT.done;
      } finally {
        reader.stop();
        interrupt.dispose();
      }
    }),
  );
}
