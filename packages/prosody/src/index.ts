export type { PlanErrorCode } from './automaton/errors.ts';
export { PlanError } from './automaton/errors.ts';
export type { CharacterInventory } from './automaton/inventory.ts';
export { createInventory } from './automaton/inventory.ts';
export type { CiPlan, FixedCharacter, FormPlan, RegulatedFormName, RegulatedPlan } from './automaton/plan.ts';
export type { AllowedSet, AutomatonState, Place, PoemAutomaton } from './automaton/poem-automaton.ts';
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
