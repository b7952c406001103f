export { createPoemConstraint, type PoemConstraint, type PoemConstraintOptions } from './constraint.ts';
export { placeEmbedded } from './embed-characters.ts';
export { VerseError, type VerseErrorCode } from './errors.ts';
export { verdictOn } from './judge-poem.ts';
export { type Novelty, noveltyOf } from './novelty.ts';
export { parallelLines } from './parallel-bias.ts';
export { type PoemScore, scorePoem } from './poem-score.ts';
export type { PolishTarget } from './polish/polish-plan.ts';
export {
  type PolishChange,
  type PolishOptions,
  type PolishResult,
  type PolishSuggestion,
  polishPoem,
} from './polish/polish-poem.ts';
export { messageFor, type PromptStyle, promptIdsFor, promptStyleOf } from './prompt.ts';
export { nearestRequest, requestCommand } from './request-command.ts';
export { compileRequest, hasAutomaton, planOf, type WritingRequest } from './request-plan.ts';
export type { Reward } from './reward.ts';
export * from './rewards/index.ts';
export {
  createTokenInventory,
  loadTokenInventory,
  type TokenInventory,
  type TokenInventoryOptions,
} from './token-inventory.ts';
export { createTokenBytes } from './tokens/token-bytes.ts';
export type { TextPosition } from './tokens/token-mask.ts';
export {
  type BeamSettings,
  type LineEvent,
  type PoemEvent,
  type WritePoemsOptions,
  type WrittenPoem,
  writePoems,
  writePoemsStream,
} from './write-poems.ts';
