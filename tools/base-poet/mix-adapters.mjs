// Developer tool: several adapters of one base as one PEFT folder, their updates added with weights (PEFT's `cat`): how
// `models/base-poet-aligned` was made.
//
//   node tools/base-poet/mix-adapters.mjs OUTPUT_DIR MODEL_DIR ADAPTER_DIR:WEIGHT ADAPTER_DIR:WEIGHT …
import { mkdirSync } from 'node:fs';
import { createKernels } from '@tuiqiao/kernels';
import { loadLanguageModel } from '@tuiqiao/lm';
import { combineAdapters, loadAdapter, saveAdapter } from '@tuiqiao/tune';

const [output, folder, ...parts] = process.argv.slice(2);
const weighted = parts.map((part) => /^(.+):(\d+(?:\.\d+)?)$/u.exec(part));
if (weighted.length === 0 || weighted.includes(null)) {
  process.stderr.write('mix-adapters: expected OUTPUT_DIR MODEL_DIR ADAPTER_DIR:WEIGHT …\n');
  process.exit(2);
}
const kernels = createKernels();
const model = await loadLanguageModel(folder, { kernels, computeType: 'f32' });
const adapters = [];
for (const [, adapter] of weighted) adapters.push(await loadAdapter(model, adapter, { name: adapter }));
const weights = weighted.map(([, , weight]) => Number(weight));
const mixed = await combineAdapters(model, adapters, weights, { combination: 'cat', name: 'mixed' });
mkdirSync(output, { recursive: true });
await saveAdapter(kernels, mixed, output, { baseModelName: folder });
