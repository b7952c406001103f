export {
  DATASET_INFO_FILE,
  type DatasetEntry,
  type DatasetInfo,
  datasetInfoEntry,
  readDatasetInfo,
} from './dataset-info.ts';
export { type DatasetLayout, usualLayout } from './dataset-layout.ts';
export {
  DATASET_FORMATS,
  type DatasetFormat,
  type DatasetMessage,
  type DatasetRole,
  type DatasetRow,
  isPreferenceFormat,
  kindOf,
  type RowKind,
} from './dataset-row.ts';
export { POEM_COLUMNS, type PoemColumn, poemColumns } from './poem-columns.ts';
export {
  detectDatasetLayout,
  loadDatasetRows,
  MAX_JSON_BYTES,
  MAX_LINE_BYTES,
  MAX_ROWS,
  type ReadDatasetOptions,
  readDatasetRows,
} from './read-dataset.ts';
export { formatRow, type WrittenDataset, writeDatasetFile } from './write-dataset.ts';
