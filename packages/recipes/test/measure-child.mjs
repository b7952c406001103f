// Plans or runs the recipe given as JSON, and prints what was estimated or needed: seconds of processor time (other work
// on the machine does not count) of training, and bytes of resident memory at the peak. For stage-plan.slow.test.ts.
import {
  loadRecipe,
  parseOverride,
  planStage,
  runDpo,
  runGrpo,
  runKto,
  runPretrain,
  runRm,
  runSft,
} from '../dist/index.js';

const [mode, stage, ...overrides] = process.argv.slice(2);
const runs = { sft: runSft, dpo: runDpo, kto: runKto, rm: runRm, grpo: runGrpo, pretrain: runPretrain };
const seconds = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
const { recipe } = await loadRecipe({ stage, overrides: overrides.map(parseOverride) });
if (mode === 'plan') {
  const plan = await planStage(recipe, { clock: seconds });
  process.stdout.write(JSON.stringify({ memoryBytes: plan.memoryBytes, seconds: plan.seconds }));
} else {
  let start = 0;
  await runs[stage](recipe, {
    // Beginning with the reference, where there is one.
    onEvent: (event) => {
      const isReference = event.type === 'progress' && event.label === 'reference';
      if (start === 0 && (isReference || event.type === 'run-start')) start = seconds();
    },
  });
  process.stdout.write(
    JSON.stringify({ memoryBytes: process.resourceUsage().maxRSS * 1024, seconds: seconds() - start }),
  );
}
