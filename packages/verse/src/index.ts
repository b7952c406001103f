export type { Reward } from './reward.ts';
