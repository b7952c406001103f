export type { ObjectiveResult } from './objective.ts';
