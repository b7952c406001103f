/** `tuiqiao export`: files for llama.cpp, Ollama, mlx-lm and PEFT. */
import type { ExportResult } from '@tuiqiao/recipes';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT, type ExitStatus } from '../exit-codes.ts';
import { differenceCells, differenceColumns } from '../render/difference.ts';
import { renderTable } from '../render/table.ts';
import { addOptionsCommand } from '../run-options.ts';
import type { Session } from '../session.ts';

const ROW_NAMES = {
  adapter: { zh: '原样', en: 'as it was' },
  merged: { zh: '合并后', en: 'merged' },
  file: { zh: '读回的文件', en: 'file, read back' },
} as const;

async function tell(session: Session, given: unknown): Promise<ExitStatus> {
  const result = given as ExportResult;
  const { check, outputDir, files } = result;
  const status = check === null || check.isSame ? EXIT.done : EXIT.no;
  if (session.isJson) {
    await session.printJson(result);
    return status;
  }
  if (check !== null) {
    const isChinese = session.language === 'zh';
    const table = renderTable(
      [{ title: '' }, ...differenceColumns(isChinese), { title: isChinese ? '合律' : 'correct poems', isNumber: true }],
      check.rows.map(({ name, difference, poems }) => [
        ROW_NAMES[name][session.language],
        ...differenceCells(difference),
        poems === null ? '–' : `${poems.correct}/${poems.written}`,
      ]),
      session.colours,
    );
    await session.print(`${table}\n`);
  }
  const verdict = check === null ? [] : [session.text(check.isSame ? 'checkSame' : 'checkDiffers')];
  await session.print([session.text('runDone', { folder: outputDir }), files.join(', '), ...verdict].join(' · '));
  return status;
}

export function addExportCommand(host: CommandHost): void {
  addOptionsCommand(host, 'export', host.text('exportSummary'), tell).addHelpText(
    'after',
    examples(host, [
      'tuiqiao export --adapter runs/sft --type Q8_0',
      'tuiqiao export --format ollama --adapter runs/dpo --output-dir runs/ollama',
      'tuiqiao export --format mlx --adapter runs/sft --output-dir runs/sft-mlx',
      'tuiqiao export --format peft --adapter mlx-adapter --output-dir runs/from-mlx',
    ]),
  );
}
