// Tests of the prosody package import its files one by one, and with none of them come the tables that `index.ts` and
// `lazy.ts` provide. Tests of other packages go through `index.ts`.
import { expect } from 'vitest';

if (expect.getState().testPath?.includes('packages/prosody/')) {
  await import('../../packages/prosody/src/every-table.ts');
}
