// The figures as text for a terminal and as `docs/benchmarks.md`.
import { CLEAN_CORES } from './meter.mjs';

const number = new Intl.NumberFormat('en', { maximumSignificantDigits: 4, maximumFractionDigits: 0 });
const rate = (value) => number.format(value);

const percent = (value) => `${(100 * value).toFixed(1)} %`;

function disturbance({ repetitions, undisturbed, isContended }) {
  return `${undisturbed} of ${repetitions} undisturbed${isContended ? ': contended' : ''}`;
}

function peakText({ peak, computeType }) {
  const doubt = peak.isContended ? ', contended' : '';
  return `${computeType} GEMM peak ${peak.withHead.toFixed(0)} GFLOP/s with the head (layers alone ${peak.layers.toFixed(0)}${doubt})`;
}

/** A share whose time or whose peak others disturbed is no measurement. */
const isDoubtful = ({ rows, peak }) => peak.isContended || rows.some(({ isContended }) => isContended);

function shareText({ rows, peak, mfu, mfuOfLayersPeak, gigaflops }) {
  return `MFU ${mfu.toFixed(3)} (${gigaflops.toFixed(0)} GFLOP/s of useful work; of the layers’ peak ${mfuOfLayersPeak.toFixed(3)})${isDoubtful({ rows, peak }) ? ', contended: no measure' : ''}`;
}

export function machineText({ processor, threads, isa, gemm, memoryGigabytes, node, platform, revision }) {
  return `${processor}, ${threads} threads, ${isa}, ${gemm}, ${memoryGigabytes} GB, ${platform}, Node ${node}, revision ${revision ?? 'unknown'}`;
}

const peersText = (versions) =>
  Object.entries(versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ');

function peerLine({ ours, peer, failure, rate: theirs, ratio, unit, peakMegabytes }) {
  if (failure !== undefined) return `${ours} / ${peer}: failed: ${failure}`;
  return `${ours} / ${peer}: ${ratio.toFixed(2)} × (theirs ${rate(theirs.median)} ${unit}, ${peakMegabytes.toFixed(0)} MB; ${disturbance(theirs)})`;
}

export function printReport({ machine, tasks, peers, peerVersions }) {
  const lines = [machineText(machine), ''];
  for (const task of Object.values(tasks)) {
    for (const row of task.rows) {
      const range = `${rate(row.least)} – ${rate(row.most)}`;
      lines.push(`${row.name.padEnd(28)}${rate(row.median).padStart(9)} ${row.unit}   ${range}   ${disturbance(row)}`);
    }
    lines.push(`  ${task.note}`);
    if (task.mfu !== undefined) {
      lines.push(`  ${shareText(task)}; ${peakText(task)}; ${task.secondsPerStep.toFixed(3)} s a step`);
    }
    lines.push(`  peak memory of the process ${task.peakMegabytes.toFixed(0)} MB`, '');
  }
  if (peers !== undefined) lines.push(peersText(peerVersions), ...peers.map(peerLine), '');
  process.stdout.write(`${lines.join('\n')}\n`);
}

export function printProfile({ tasks }) {
  for (const profile of Object.values(tasks)) printStep(profile);
}

function printStep({ name, stepMilliseconds, foreignCores, entries }) {
  const inKernels = entries.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const line = (label, calls, milliseconds, gigaflops) =>
    `${label.padEnd(52)}${String(calls ?? '').padStart(6)}${milliseconds.toFixed(2).padStart(10)}${percent(milliseconds / stepMilliseconds).padStart(9)}${(gigaflops?.toFixed(0) ?? '').padStart(8)}`;
  const lines = [
    `${name}; others took ${foreignCores.toFixed(2)} cores`,
    `${'kernel'.padEnd(52)} calls   ms/step    share GFLOP/s`,
  ];
  for (const { label, calls, milliseconds, gigaflops } of entries) {
    lines.push(line(label, calls, milliseconds, gigaflops));
  }
  const products = entries.filter(({ gigaflops }) => gigaflops !== null);
  const inProducts = products.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const operations = products.reduce((sum, { milliseconds, gigaflops }) => sum + milliseconds * gigaflops, 0);
  lines.push(line('all matrix products', null, inProducts, operations / inProducts));
  lines.push(line('all other kernels', null, inKernels - inProducts));
  lines.push(line('TypeScript', null, stepMilliseconds - inKernels));
  lines.push(line('a step (median)', null, stepMilliseconds), '');
  process.stdout.write(`${lines.join('\n')}\n`);
}

export function markdownReport({ date, machine, quick, tasks, peers, peerVersions }) {
  const rows = Object.values(tasks).flatMap(({ rows }) => rows);
  const training = Object.values(tasks).filter((task) => task.mfu !== undefined);
  return `# Benchmarks

Written by \`npm run bench -- --write\` on ${date.slice(0, 10)}${quick ? ' (quick: few repetitions)' : ''}. Rates differ by a
fifth from hour to hour on a virtual machine; measure on your own.

- Machine: ${machineText(machine)}.
- A figure is the median of its repetitions, with least and most. Repetitions in which other processes took ${CLEAN_CORES} of a
  core or more do not count; where fewer than three are left, all count, and the row is marked as contended.
- MFU: useful operations per second over the speed of the matrix product (GEMM) measured in the same process. Full
  training counts 6 operations a weight and token, and causal attention; LoRA 4 a layer weight and row, and 4 a weight
  and target in the head and after the last attention; what samples begin with alike is one row. Optimizer, norms, softmax and checks are time without operations. The peak is weighted by the
  operations of the model's own shapes at 4,096 rows: qkv, o, gate and up, down of every layer, and the head.
- Training runs through the product's own loop: packing, clipping, AdamW, accuracy and checks for divergence included.
- Over sequence length, batch, rank and model size: [benchmarks-scaling.md](benchmarks-scaling.md) (\`npm run bench -- --scaling --write\`).

| what | median | least | most | unit | repetitions |
|---|---:|---:|---:|---|---|
${rows.map((row) => `| ${row.name} | ${rate(row.median)} | ${rate(row.least)} | ${rate(row.most)} | ${row.unit} | ${disturbance(row)} |`).join('\n')}

${
  training.length === 0
    ? ''
    : `| training | MFU | GFLOP/s of useful work | GEMM peak | MFU, layers' peak | layers' peak | s/step | peak memory |
|---|---:|---:|---:|---:|---:|---:|---:|
${training.map((task) => `| ${task.rows[0].name} | ${task.mfu.toFixed(3)}${isDoubtful(task) ? ' (contended: no measure)' : ''} | ${task.gigaflops.toFixed(0)} | ${task.peak.withHead.toFixed(0)} | ${task.mfuOfLayersPeak.toFixed(3)} | ${task.peak.layers.toFixed(0)} | ${task.secondsPerStep.toFixed(3)} | ${task.peakMegabytes.toFixed(0)} MB |`).join('\n')}
`
}
${Object.values(tasks)
  .map(({ rows, note }) => `- ${rows.map(({ name }) => name).join('; ')}: ${note}.`)
  .join('\n')}
${peers === undefined ? '' : peersSection(peers, peerVersions)}`;
}

function peersSection(peers, versions) {
  const row = ({ ours, peer, failure, rate: theirs, ratio, ourRate, peakMegabytes }) =>
    failure === undefined
      ? `| ${ours} | ${peer} | ${rate(ourRate)} | ${rate(theirs.median)} | ${ratio.toFixed(2)} × | ${peakMegabytes.toFixed(0)} MB | ${disturbance(theirs)} |`
      : `| ${ours} | ${peer} | | failed: ${failure} | | | |`;
  return `
## Beside Python's libraries and llama.cpp

The same work on the same token ids in the same run, as many threads: ${peersText(versions)}.

| what | peer | ours | theirs | ratio | their peak memory | their repetitions |
|---|---|---:|---:|---:|---:|---:|
${peers.map(row).join('\n')}
`;
}
