/** `report.json` and `report.html` of a run folder, each whole or not at all. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { type LadderReport, type ReportInput, renderReport } from '@tuiqiao/eval';
import type { Kernels } from '@tuiqiao/tensor';
import writeFileAtomic from 'write-file-atomic';
import { describeKernels } from './compute.ts';
import { explainDiskError } from './errors.ts';
import { describeMachine, describeVersions } from './run-manifest.ts';
import { RUN_FILES } from './workspace.ts';

export type ReportParts = Omit<ReportInput, 'date' | 'machine' | 'versions' | 'ladder'> & {
  readonly ladder: LadderReport;
  readonly kernels: Kernels;
};

export async function writeReport(folder: string, { kernels, ...parts }: ReportParts): Promise<void> {
  const { cpu, cores, memoryBytes } = describeMachine();
  const html = renderReport({
    ...parts,
    date: new Date().toISOString(),
    machine: `${cpu}, ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(0)} GiB. ${describeKernels(kernels)}`,
    versions: describeVersions(),
  });
  try {
    await mkdir(folder, { recursive: true });
    await writeFileAtomic(path.join(folder, RUN_FILES.reportData), `${JSON.stringify(parts.ladder, null, 2)}\n`);
    await writeFileAtomic(path.join(folder, RUN_FILES.report), html);
  } catch (error) {
    throw explainDiskError(error, `writing the report in ${folder}`);
  }
}
