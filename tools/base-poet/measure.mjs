// Developer tool: the figures of the base model's card. Held-out bits per character of the model beside an interpolated
// Kneser–Ney 4-gram of the same data, and what it writes from a prompt in its own format, unconstrained, by the checker.
//
//   node tools/base-poet/measure.mjs MODEL_DIR POEMS.jsonl.gz [--poems 2000] [--count 400]
//
// POEMS is the file the model was pretrained on: its train split trains the 4-gram, its test split is scored.
import { parseArgs } from 'node:util';
import { loadPoems } from '@tuiqiao/corpus';
import { trainKneserNey, wilson } from '@tuiqiao/eval';
import { createKernels } from '@tuiqiao/kernels';
import { loadLanguageModel, loadTokenizer } from '@tuiqiao/lm';
import { createRandom } from '@tuiqiao/tensor';
import { evaluateLoss, exampleDataset } from '@tuiqiao/tune';
import { writePoems } from '@tuiqiao/verse';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    poems: { type: 'string', default: '2000' },
    count: { type: 'string', default: '400' },
    'old-style-share': { type: 'string', default: '0.1' },
    'max-tokens': { type: 'string', default: '128' },
    seed: { type: 'string', default: '42' },
  },
});
const [folder, file] = positionals;
const seed = Number(values.seed);
const kernels = createKernels();
const model = await loadLanguageModel(folder, { kernels });
const tokenizer = await loadTokenizer(folder);
const all = await loadPoems(file);

// As `runPretrain` chooses: regulated verse and ci whole, a share of the rest.
const isRead = ({ id, text, labels }) =>
  [...text].length <= Number(values['max-tokens']) &&
  ((labels.form !== null && labels.form !== '古') ||
    createRandom(seed).fork(id).uniform() < Number(values['old-style-share']));
const read = all.filter(isRead);
const heldOut = read.filter((poem) => poem.labels.split === 'test');
createRandom(seed).shuffle(heldOut);
const scored = heldOut.slice(0, Number(values.poems));

const encode = (text) => tokenizer.encode(text);
const complete = (poem) => encode(`${poem.text}<|end|>`);
const hanOf = (poem) => poem.text.match(/\p{Script=Han}/gu)?.length ?? 0;
const characters = scored.reduce((sum, poem) => sum + hanOf(poem), 0);
const print = (name, value) => process.stdout.write(`${name}: ${value}\n`);

async function modelBits(promptOf) {
  const data = exampleDataset(
    scored.map((poem) => ({ id: poem.id, promptIds: encode(promptOf(poem)), completionIds: complete(poem) })),
  );
  const { eval_loss: loss, eval_tokens: tokens } = await evaluateLoss({ model, data });
  return (loss * tokens) / Math.LN2 / characters;
}

print('held-out poems', `${scored.length} (${characters} characters)`);
print('model, no prompt, bits per character', (await modelBits(() => '<|poem|>')).toFixed(3));
const { controlPrompt, requestOf } = await import('@tuiqiao/corpus');
const known = (token) => tokenizer.tokenToId(token) !== null;
const plain = ({ form, tune, rhyme, title }) => ({ form, tune, rhyme, title });
const compact = (request) => Object.fromEntries(Object.entries(request).filter(([, value]) => value !== undefined));
print(
  'model, form only',
  (await modelBits((p) => controlPrompt(compact({ form: requestOf(p).form, tune: requestOf(p).tune }), known))).toFixed(
    3,
  ),
);
print(
  'model, form, rhyme and title',
  (await modelBits((p) => controlPrompt(compact(plain(requestOf(p))), known))).toFixed(3),
);

const training = read.filter((poem) => poem.labels.split === 'train').map(complete);
const ngram = trainKneserNey(training, { order: 4, vocabularySize: tokenizer.vocabSize });
const bits = scored.reduce((sum, poem) => sum - ngram.sequenceLogProbability(complete(poem)), 0) / characters;
print('Kneser–Ney 4-gram, bits per character', `${bits.toFixed(3)} (trained on ${training.length} poems)`);

const count = Number(values.count);
let kept = 0;
let total = 0;
for (const form of ['五绝', '七绝', '五律', '七律']) {
  const pool = heldOut.filter((poem) => poem.labels.form === form && poem.labels.rhyme !== null && poem.title !== '');
  const requests = Array.from({ length: count }, (_, i) => {
    const { rhyme, title } = requestOf(pool[i % pool.length]);
    return { form, rhyme, title };
  });
  const poems = await writePoems({
    model,
    tokenizer,
    requests,
    isConstrained: false,
    seed,
    sampling: { temperature: 0.8 },
    slots: 128,
  });
  const rate = (rule) => {
    const { k, n, ci } = wilson(poems.filter((poem) => poem.verdict.strict[rule]).length, poems.length);
    return `${rule} ${((100 * k) / n).toFixed(1)} [${ci.map((x) => (100 * x).toFixed(1)).join(', ')}]`;
  };
  kept += poems.filter((poem) => poem.verdict.strict.all).length;
  total += poems.length;
  print(
    `${form}, n ${poems.length}, temperature 0.8, seed ${seed}`,
    ['length', 'rhyme', 'meter', 'all'].map(rate).join(' · '),
  );
}
const overall = wilson(kept, total);
print(
  'four forms, all rules',
  `${((100 * kept) / total).toFixed(1)} [${overall.ci.map((x) => (100 * x).toFixed(1)).join(', ')}], n ${total}`,
);
