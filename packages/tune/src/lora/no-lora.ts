import type { AdapterConfig } from './adapter.ts';

/** What adapters of other kinds have no numbers for. */
export const NO_LORA: AdapterConfig = {
  rank: 0,
  alpha: 0,
  dropout: 0,
  targetModules: [],
  useRslora: false,
  rankPattern: {},
  alphaPattern: {},
  initialization: 'kaiming',
  useDora: false,
  modulesToSave: [],
  taskType: 'CAUSAL_LM',
  baseModelName: null,
};
