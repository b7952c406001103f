export type { Dynasty, Poem, PoemLabels } from './poem.ts';
