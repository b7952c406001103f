export { createPoemConstraint, type PoemConstraint } from './constraint.ts';
export { VerseError, type VerseErrorCode } from './errors.ts';
export { type Novelty, noveltyOf } from './novelty.ts';
export { messageFor, type PromptStyle, promptIdsFor, promptStyleOf } from './prompt.ts';
export { compileRequest, hasAutomaton, planOf, type WritingRequest } from './request-plan.ts';
export type { Reward } from './reward.ts';
export * from './rewards/index.ts';
export { createTokenInventory, type TokenInventory } from './token-inventory.ts';
export { type WritePoemsOptions, type WrittenPoem, writePoems } from './write-poems.ts';
