// Where the time of a pretraining step goes: every kernel call is timed on its way in. Native kernels run within their
// call, so the rest of a step is TypeScript.
import { createKernels } from '@tuiqiao/kernels';
import { median, Stopwatch } from './meter.mjs';
import { adamw, newTinyModel, randomExamples, SEQUENCES, trainSteps } from './training.mjs';

const WARM_UP_STEPS = 4;

/** The kernels, with the time of each call added to `onCall(label, milliseconds, operations)`. */
function timedKernels(kernels, onCall) {
  const timed = { features: kernels.features };
  for (const [name, method] of Object.entries(kernels)) {
    if (typeof method !== 'function') continue;
    timed[name] = (...args) => {
      const start = performance.now();
      const result = method.apply(kernels, args);
      onCall(labelOf(name, args), performance.now() - start, name === 'matmul' ? operationsOf(args.at(-1)) : 0);
      return result;
    };
  }
  return timed;
}

const operationsOf = ({ M, N, K }) => 2 * M * N * K;

function labelOf(name, args) {
  const sizes = args.at(-1);
  if (name === 'matmul') {
    const { M, N, K, transposeA, transposeB, accumulate } = sizes;
    const layout = `${transposeA ? 'Aᵀ' : 'A'}·${transposeB ? 'Bᵀ' : 'B'}${accumulate ? ' +=' : ''}`;
    return `matmul ${M}×${N}×${K} ${layout} ${args[1].dtype}→${args[0].dtype}`;
  }
  if (name === 'scale' || name === 'fill') {
    const types = name === 'fill' ? args[0].dtype : `${args[1].dtype}→${args[0].dtype}${sizes.accumulate ? ' +=' : ''}`;
    return `${name} ${args[0].length} ${types}`;
  }
  return name;
}

export async function runProfile({ isQuick }) {
  const steps = isQuick ? 8 : 20;
  const totals = [];
  let current = new Map();
  const kernels = timedKernels(createKernels({ prefer: 'native' }), (label, milliseconds, operations) => {
    const entry = current.get(label) ?? { calls: 0, milliseconds: 0, operations: 0 };
    entry.calls++;
    entry.milliseconds += milliseconds;
    entry.operations += operations;
    current.set(label, entry);
  });
  const model = newTinyModel(kernels);
  const parameters = [...model.parameters.values()];
  const data = randomExamples({ count: SEQUENCES * 8, promptTokens: 1, vocabSize: model.config.vocabSize });
  const watch = new Stopwatch();
  const laps = [];
  await trainSteps({
    model,
    parameters,
    optimizer: adamw(kernels, parameters, 0.1),
    data,
    sequences: SEQUENCES,
    steps: WARM_UP_STEPS + steps,
    onStep: (step) => {
      const lap = watch.lap();
      if (step > WARM_UP_STEPS) {
        laps.push(lap);
        totals.push(current);
      }
      current = new Map();
    },
  });
  const labels = [...new Set(totals.flatMap((step) => [...step.keys()]))];
  const entries = labels.map((label) => {
    const each = totals.map((step) => step.get(label) ?? { calls: 0, milliseconds: 0, operations: 0 });
    const milliseconds = median(each.map((entry) => entry.milliseconds));
    const { calls, operations } = each[0];
    return { label, calls, milliseconds, gigaflops: operations === 0 ? null : operations / milliseconds / 1e6 };
  });
  entries.sort((a, b) => b.milliseconds - a.milliseconds);
  const stepMilliseconds = median(laps.map(({ seconds }) => seconds * 1000));
  return { stepMilliseconds, entries, foreignCores: laps.map(({ foreignCores }) => foreignCores) };
}
