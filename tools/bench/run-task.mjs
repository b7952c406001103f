// The child process of one bench task: runs it and sends its result to `main.mjs`.

import { maxRssMegabytes } from './meter.mjs';
import { POINTS, PROFILES, TASKS } from './tasks.mjs';

const [name, options] = process.argv.slice(2);
try {
  const task = TASKS[name] ?? PROFILES[name] ?? POINTS[name];
  const result = await task(JSON.parse(options));
  process.send({ peakMegabytes: maxRssMegabytes(), ...result }, () => process.disconnect());
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
