export { compilePlan } from './automaton/compile-plan.ts';
export type { PlanErrorCode, Words } from './automaton/errors.ts';
export { PlanError } from './automaton/errors.ts';
export type { CharacterInventory } from './automaton/inventory.ts';
export { createInventory } from './automaton/inventory.ts';
export type {
  CiPlan,
  CoupletPlan,
  FixedCharacter,
  FormPlan,
  RegulatedFormName,
  RegulatedPlan,
} from './automaton/plan.ts';
export type { AllowedSet, AutomatonState, LookAhead, Place, PoemAutomaton } from './automaton/poem-automaton.ts';
export type { Book, Reading, RhymeGroup, RhymeWord } from './book-types.ts';
export { loadBook } from './books.ts';
export { type CheckInput, type CheckOptions, check } from './check.ts';
export { type CiOptions, checkCi } from './ci/check-ci.ts';
export type { LineEnd, Slot, Tune, TuneBook, TuneLine, TunePractice, TuneVariant } from './ci/tune.ts';
export { findTune, tunes } from './ci/tunes.ts';
export { ProsodyError, type ProsodyErrorCode } from './errors.ts';
export {
  findForm,
  formOfShape,
  type LineType,
  listSchemes,
  type RegulatedForm,
  type Scheme,
  type SlotMask,
  type Start,
  shapeOfForm,
  slotMask,
} from './forms.ts';
export type { Language } from './messages.ts';
export { loadPairs, type PairScore, type PairTable } from './parallelism/pair-table.ts';
export { scoreCouplet, scoreCouplets } from './parallelism/parallelism.ts';
export {
  type Fault,
  type LaidCharacter,
  type LaidLine,
  type LaidSentence,
  type LaidStanza,
  layPoem,
} from './poems/lay-poem.ts';
export { joinStanzas, type SeparatedPoem, separatePoems } from './poems/separate.ts';
export { glossOf, type ReadingEvidence, readingEvidence } from './reading-evidence.ts';
export { rhymeUses, rhymeWords } from './rhyme-words.ts';
export { characterScript, detectScript, type Script, simplifyCharacter, traditionalForms } from './scripts.ts';
export { MAX_TEXT_LENGTH, type PoemLine, type PoemText, splitText } from './text.ts';
export { type ToneUsage, toneUsage } from './tone-usage.ts';
export type {
  BookName,
  CoupletScore,
  FacingPair,
  Finding,
  Grade,
  LineReading,
  Polyphone,
  RhymeFound,
  RuleId,
  Score,
  ToneMark,
  Verdict,
} from './verdict.ts';
