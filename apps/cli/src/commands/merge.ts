/** `tuiqiao merge`: adapters into their base. */
import type { MergeResult } from '@tuiqiao/recipes';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT, type ExitStatus } from '../exit-codes.ts';
import { differenceCells, differenceColumns } from '../render/difference.ts';
import { renderTable } from '../render/table.ts';
import { addOptionsCommand } from '../run-options.ts';
import type { Session } from '../session.ts';

async function tell(session: Session, given: unknown): Promise<ExitStatus> {
  const result = given as MergeResult;
  const { check, outputDir } = result;
  const status = check === null || check.isSame ? EXIT.done : EXIT.no;
  if (session.isJson) {
    await session.printJson(result);
    return status;
  }
  if (check !== null) {
    const isChinese = session.language === 'zh';
    const table = renderTable(
      [{ title: isChinese ? '与适配器相比' : 'against the adapter' }, ...differenceColumns(isChinese)],
      [
        [isChinese ? '合并后（f32）' : 'merged, f32', ...differenceCells(check.merged)],
        [isChinese ? '写出的文件' : 'as written', ...differenceCells(check.saved)],
      ],
      session.colours,
    );
    await session.print(`${table}\n`);
  }
  const verdict = check === null ? [] : [session.text(check.isSame ? 'checkSame' : 'checkDiffers')];
  await session.print([session.text('runDone', { folder: outputDir }), ...verdict].join(' · '));
  return status;
}

export function addMergeCommand(host: CommandHost): void {
  addOptionsCommand(host, 'merge', host.text('mergeSummary'), tell).addHelpText(
    'after',
    examples(host, [
      'tuiqiao merge --adapter runs/sft',
      'tuiqiao merge --model models/base-poet --adapter runs/sft,runs/dpo:0.5 --output-dir runs/merged',
      'tuiqiao merge --adapter runs/a:0.6,runs/b:0.4 --combination cat --dtype f32',
    ]),
  );
}
