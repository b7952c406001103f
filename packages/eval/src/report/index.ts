export { renderReport } from './render-report.ts';
export type { ReportInput, ReportLanguage, ReportLogEntry, ReportPoem, ReportRun } from './report-input.ts';
