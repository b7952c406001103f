// Our side of the comparison: rollouts, reference, rewards and updates through the training loop, as the grpo stage does.
import { readFileSync, writeFileSync } from 'node:fs';
import { createKernels } from '@tuiqiao/kernels';
import { loadLanguageModel, loadTokenizer } from '@tuiqiao/lm';
import { createAdamW } from '@tuiqiao/tensor';
import { attachLora, freezeReference, grpoObjective, rolloutSource, trainFrom } from '@tuiqiao/tune';

const [taskFile, resultFile] = process.argv.slice(2);
const task = JSON.parse(readFileSync(taskFile, 'utf8'));
/** No token has this id: nothing ends before its last token. */
const NEVER = -1;

const kernels = createKernels({ prefer: 'native', threads: task.threads });
const model = await loadLanguageModel(task.model, { kernels, computeType: 'auto', trainable: false });
const tokenizer = await loadTokenizer(task.model);
const adapter = attachLora(model, {
  rank: task.rank,
  alpha: task.alpha,
  dropout: 0,
  targetModules: 'all-linear',
  seed: task.seed,
});
const reference = freezeReference(model, adapter, 'start');
const source = rolloutSource({
  model,
  prompts: task.prompts.map((text, i) => ({ id: `prompt ${i}`, promptIds: tokenizer.encode(text) })),
  seed: task.seed,
  promptsPerRollout: task.completionsPerStep / task.groupSize,
  groupSize: task.groupSize,
  sampling: { temperature: task.temperature },
  maxNewTokens: task.completionTokens,
  stopId: NEVER,
  reference,
  // The share of different characters: as cheap as a reward can be, and no two completions earn the same.
  score: (completions) => {
    const totals = completions.map(({ ids }) => new Set(tokenizer.decode([...ids])).size / task.completionTokens);
    return { totals, parts: { distinct: totals } };
  },
});
const stepSeconds = [];
const stepCpuSeconds = [];
/** Of all threads, user and system. */
const cpuNow = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};
let last = performance.now();
let lastCpu = cpuNow();
await trainFrom(source, {
  model,
  parameters: adapter.parameters,
  optimizer: createAdamW(kernels, [{ parameters: adapter.parameters, weightDecay: 0 }]),
  schedule: () => task.learningRate,
  objective: grpoObjective({ loss: 'dapo', beta: task.beta, epsilon: task.epsilon, temperature: task.temperature }),
  totalSteps: task.steps,
  onStep: () => {
    const now = performance.now();
    stepSeconds.push((now - last) / 1000);
    last = now;
    const cpu = cpuNow();
    stepCpuSeconds.push(cpu - lastCpu);
    lastCpu = cpu;
  },
});
writeFileSync(
  resultFile,
  JSON.stringify({ stepSeconds, stepCpuSeconds, cpuSeconds: cpuNow(), versions: { node: process.version } }),
);
