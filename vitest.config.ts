import { defineConfig } from 'vitest/config';

// Two projects: `fast` runs on every `npm test`, `slow` only with `--slow`. Packages are read from their sources
// (the `tuiqiao-source` export condition), so a test never sees a stale build of its neighbour.
const shared = {
  resolve: { conditions: ['tuiqiao-source'] },
  ssr: { resolve: { conditions: ['tuiqiao-source'], externalConditions: ['tuiqiao-source'] } },
};

export default defineConfig({
  ...shared,
  test: {
    reporters: ['./tools/vitest/reporter.ts'],
    pool: 'forks',
    setupFiles: ['./tools/vitest/prosody-tables.ts'],
    maxWorkers: 2,
    projects: [
      {
        ...shared,
        extends: true,
        test: {
          name: 'fast',
          include: ['packages/**/*.test.ts', 'apps/**/*.test.ts', 'test/**/*.test.ts', 'e2e/**/*.test.ts'],
          exclude: ['**/*.slow.test.ts', '**/node_modules/**', '**/dist/**'],
          testTimeout: 30_000,
        },
      },
      {
        ...shared,
        extends: true,
        test: {
          name: 'slow',
          include: ['**/*.slow.test.ts'],
          exclude: ['**/node_modules/**', '**/dist/**'],
          testTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
