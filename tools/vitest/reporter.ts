/** The default reporter plus one last line, `N passed, N failed`, in which a file that did not load counts as failed. */
import type { SerializedError } from 'vitest';
import { DefaultReporter, type TestModule } from 'vitest/node';

export default class CountingReporter extends DefaultReporter {
  override onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    errors: ReadonlyArray<SerializedError>,
    reason: 'passed' | 'interrupted' | 'failed',
  ): void {
    super.onTestRunEnd(modules, errors, reason);
    let passed = 0;
    let failed = errors.length;
    let skipped = 0;
    for (const module of modules) {
      let seen = 0;
      for (const test of module.children.allTests()) {
        seen++;
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failed++;
        else skipped++;
      }
      // A module that failed while loading has no tests to count: it is one failure.
      if (module.errors().length > 0 || (seen === 0 && module.state() === 'failed')) failed++;
    }
    if (skipped > 0) process.stdout.write(`${skipped} skipped (reasons above)\n`);
    process.stdout.write(`${passed} passed, ${failed} failed\n`);
  }
}
