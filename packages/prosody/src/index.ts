export { type Book, loadBook, type Reading, type RhymeGroup, type RhymeWord, rhymeWords } from './books.ts';
export { detectScript, type Script, simplifyCharacter, traditionalForms } from './scripts.ts';
export { type ToneUsage, toneUsage } from './tone-usage.ts';
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
