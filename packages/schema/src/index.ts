export { TuiqiaoError } from './errors.ts';
export type { Metrics } from './metrics.ts';
export type {
  CheckpointSave,
  EvalEnd,
  OnEvent,
  Progress,
  RunControls,
  RunEnd,
  RunEvent,
  RunFailure,
  RunStart,
  RunWarning,
  Sample,
  StepEnd,
} from './run-event.ts';
