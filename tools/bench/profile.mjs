// Where the time of a training step goes: every kernel call is timed on its way in. Native kernels run within their
// call, so the rest of a step is TypeScript.
import { createKernels } from '@tuiqiao/kernels';
import { median } from './meter.mjs';
import { prepareFineTuning, preparePretraining, timeSteps } from './training.mjs';

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

/** Median time of every kind of call over the steps of a workload. */
async function profileSteps(prepare, isQuick) {
  const steps = [];
  let current = new Map();
  const kernels = timedKernels(createKernels({ prefer: 'native' }), (label, milliseconds, operations) => {
    const entry = current.get(label) ?? { calls: 0, milliseconds: 0, operations: 0 };
    entry.calls++;
    entry.milliseconds += milliseconds;
    entry.operations += operations;
    current.set(label, entry);
  });
  const workload = await prepare(kernels);
  const laps = await timeSteps(workload, isQuick ? 8 : 20, (counts) => {
    if (counts) steps.push(current);
    current = new Map();
  });
  const labels = [...new Set(steps.flatMap((step) => [...step.keys()]))];
  const entries = labels.map((label) => {
    const each = steps.map((step) => step.get(label) ?? { calls: 0, milliseconds: 0, operations: 0 });
    const milliseconds = median(each.map((entry) => entry.milliseconds));
    const { calls, operations } = each[0];
    return { label, calls, milliseconds, gigaflops: operations === 0 ? null : operations / milliseconds / 1e6 };
  });
  entries.sort((a, b) => b.milliseconds - a.milliseconds);
  return {
    name: workload.name,
    stepMilliseconds: median(laps.map(({ seconds }) => seconds * 1000)),
    foreignCores: median(laps.map(({ foreignCores }) => foreignCores ?? 0)),
    entries,
  };
}

export const profilePretraining = ({ isQuick }) => profileSteps(preparePretraining, isQuick);
export const profileFineTuning = ({ isQuick }) => profileSteps(prepareFineTuning, isQuick);
