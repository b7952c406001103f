export type {
  BookName,
  CoupletScore,
  Finding,
  Grade,
  LineReading,
  RhymeFound,
  RuleId,
  Score,
  ToneMark,
  Verdict,
} from './verdict.ts';
