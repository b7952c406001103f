/** `tuiqiao prepare`: poems as dataset files. */
import type { PrepareResult } from '@tuiqiao/recipes';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT, type ExitStatus } from '../exit-codes.ts';
import { formatBytes, formatCount } from '../render/numbers.ts';
import { renderTable } from '../render/table.ts';
import type { Session } from '../session.ts';
import { addRecipeInput, loadTypedRecipe, runRecipe } from '../stage-command.ts';

/** A table of the files, or the manifest as JSON. */
export async function tellPrepared(session: Session, result: unknown): Promise<ExitStatus> {
  const { outputDir, manifest } = result as PrepareResult;
  if (session.isJson) {
    await session.printJson({ outputDir, manifest });
    return EXIT.done;
  }
  const isChinese = session.language === 'zh';
  const table = renderTable(
    [
      { title: isChinese ? '数据集' : 'dataset' },
      { title: isChinese ? '文件' : 'file' },
      { title: isChinese ? '条数' : 'rows', isNumber: true },
      { title: isChinese ? '大小' : 'size', isNumber: true },
      { title: 'sha256' },
    ],
    Object.values(manifest.files).map(({ name, file, rows, sizeBytes, sha256 }) => [
      name,
      file,
      formatCount(rows),
      formatBytes(sizeBytes),
      `${sha256.slice(0, 16)}…`,
    ]),
    session.colours,
  );
  await session.print(`${table}\n\n${session.text('runDone', { folder: outputDir })}`);
  return EXIT.done;
}

export function addPrepareCommand(host: CommandHost): void {
  const command = host.program.command('prepare').description(host.text('prepareSummary'));
  const typed = addRecipeInput(command, host, 'prepare');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao prepare recipes/prepare-alpaca.yaml',
      'tuiqiao prepare --format sharegpt --forms 七绝 --max-samples 1000 --output-dir data/qijue',
      'tuiqiao prepare --format preference --tunes 浣溪沙 --output-dir data/pairs',
    ]),
  );
  command.action(
    host.action(async (session, given) =>
      runRecipe(session, given, await loadTypedRecipe(session, given, typed, 'prepare'), { prepare: tellPrepared }),
    ),
  );
}
