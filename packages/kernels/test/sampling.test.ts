/** Choosing tokens, with both implementations; and that these agree. */
import { describe, expect, it } from 'vitest';
import type { SamplingSettings, TokenChoice, TokenRequest } from '../src/contract/sampling.ts';
import type { Kernels } from '../src/contract.ts';
import { createNativeKernels } from '../src/native.ts';
import { createReferenceKernels } from '../src/reference.ts';
import { createNumbers } from './run-case.ts';
import { tryNative } from './try-native.ts';

const numbers = createNumbers(5);
/** Roughly normal. */
const normal = () => 1.7 * (numbers() + numbers() + numbers());
const V = 300;
const logits = Float32Array.from({ length: V }, () => 3 * normal());
const OFF: SamplingSettings = {
  temperature: 1,
  topK: 0,
  topP: 1,
  minP: 0,
  typicalP: 1,
  repetitionPenalty: 1,
  presencePenalty: 0,
  frequencyPenalty: 0,
};
const reference = createReferenceKernels();
const native = tryNative();
const implementations: { name: string; kernels: Kernels | string }[] = [
  { name: 'reference', kernels: reference },
  { name: 'native', kernels: native },
];

type Asked = Partial<Omit<TokenRequest, 'settings'>> & { readonly settings?: Partial<SamplingSettings> };

function request({ settings, ...rest }: Asked): TokenRequest {
  const nothing = { row: 0, uniform: 0.5, mask: null, bias: null, context: [], counts: new Map(), banned: [] };
  return { ...nothing, ...rest, settings: { ...OFF, ...settings } };
}

function upload(kernels: Kernels, row: Float32Array) {
  const buffer = kernels.allocate('f32', row.length);
  kernels.write(buffer, row);
  return buffer;
}

async function choose(kernels: Kernels, row: Float32Array, asked: Asked): Promise<TokenChoice> {
  return (await kernels.chooseTokens(upload(kernels, row), [request(asked)], { V: row.length }))[0]!;
}

async function chooseMany(
  kernels: Kernels,
  row: Float32Array,
  asked: readonly Asked[],
): Promise<readonly TokenChoice[]> {
  return kernels.chooseTokens(upload(kernels, row), asked.map(request), { V: row.length });
}

async function probabilitiesOf(kernels: Kernels, row: Float32Array, asked: Asked): Promise<Float64Array> {
  return kernels.tokenProbabilities(upload(kernels, row), request(asked), { V: row.length });
}

function maskOf(ids: readonly number[]): Uint32Array {
  const mask = new Uint32Array(Math.ceil(V / 32));
  for (const id of ids) mask[id >> 5]! |= 1 << (id & 31);
  return mask;
}

describe.each(implementations)('choosing tokens, $name', ({ kernels: built }) => {
  const isMissing = typeof built === 'string';
  const kernels = built as Kernels;

  it.skipIf(isMissing)('says how much of the model a mask leaves, whatever the temperature', async () => {
    const ids = [0, 3, 31, 32, 200, 299];
    const mask = maskOf(ids);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    const left = ids.reduce((total, id) => total + Math.exp(logits[id]!), 0) / sum;
    for (const temperature of [0, 0.5, 1]) {
      const settings = { temperature };
      expect((await choose(kernels, logits, { settings, mask })).allowedMass).toBeCloseTo(left, 6);
      expect((await choose(kernels, logits, { settings })).allowedMass).toBe(1);
    }
  });

  it.skipIf(isMissing)('keeps exactly the tokens of top-p that a full sort keeps', async () => {
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    const sorted = [...logits].map((logit, id) => ({ id, p: Math.exp(logit) / sum })).sort((a, b) => b.p - a.p);
    for (const topP of [0.05, 0.3, 0.6, 0.9, 0.99, 0.9999]) {
      const kept: number[] = [];
      for (let i = 0, mass = 0; mass < topP; i++) {
        kept.push(sorted[i]!.id);
        mass += sorted[i]!.p;
      }
      const probabilities = await probabilitiesOf(kernels, logits, { settings: { topP } });
      const nonZero = [...probabilities.keys()].filter((id) => probabilities[id]! > 0);
      expect(nonZero.sort((a, b) => a - b)).toEqual(kept.sort((a, b) => a - b));
    }
  });

  it.skipIf(isMissing)('applies filters among the allowed tokens only', async () => {
    const allowed = [3, 64, 95, 96, 200, 299];
    const best = [...allowed].sort((a, b) => logits[b]! - logits[a]!);
    const probabilities = await probabilitiesOf(kernels, logits, { settings: { topK: 2 }, mask: maskOf(allowed) });
    const kept = [...probabilities.keys()].filter((id) => probabilities[id]! > 0);
    expect(kept.sort()).toEqual(best.slice(0, 2).sort());
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
  });

  it.skipIf(isMissing)('keeps all of equal tokens, and one of a certain one', async () => {
    const settings = { topP: 0.5 };
    const equal = await probabilitiesOf(kernels, Float32Array.of(1, 1, 1, 1), { settings });
    expect([...equal]).toEqual([0.25, 0.25, 0.25, 0.25]);
    const certain = await probabilitiesOf(kernels, Float32Array.of(9, -900, -900, -900), { settings });
    expect([...certain]).toEqual([1, 0, 0, 0]);
  });

  it.skipIf(isMissing)('draws what it says it draws from', async () => {
    const settings = { temperature: 0.9, topK: 6, repetitionPenalty: 1.4 };
    const context = [0, 7, 12];
    const probabilities = await probabilitiesOf(kernels, logits, { settings, context });
    const counts = new Float64Array(V);
    const n = 20_000;
    const asked = Array.from({ length: n }, (_, i) => ({ settings, context, uniform: (i + 0.5) / n }));
    for (const { id } of await chooseMany(kernels, logits, asked)) counts[id!]! += 1 / n;
    for (let v = 0; v < V; v++) expect(Math.abs(counts[v]! - probabilities[v]!)).toBeLessThan(2 / n);
  });

  it.skipIf(isMissing)('draws from the whole vocabulary by blocks as token by token', async () => {
    for (const size of [1, 255, 256, 257, 3000]) {
      const row = Float32Array.from({ length: size }, (_, v) => (v % 700 < 300 ? Number.NEGATIVE_INFINITY : normal()));
      row[size - 1] = 0;
      const settings = { temperature: 0.7 };
      const probabilities = await probabilitiesOf(kernels, row, { settings });
      const ends = [...probabilities];
      for (let v = 1; v < size; v++) ends[v]! += ends[v - 1]!;
      const uniforms = Array.from({ length: 201 }, (_, i) => (i === 200 ? 1 - 2 ** -53 : i / 200 + 1e-9));
      const choices = await chooseMany(
        kernels,
        row,
        uniforms.map((uniform) => ({ settings, uniform })),
      );
      for (const [i, { id }] of choices.entries()) {
        expect(probabilities[id!]).toBeGreaterThan(0);
        expect(ends[id!]).toBeGreaterThanOrEqual(uniforms[i]! - 1e-12);
        expect(ends[id!]! - probabilities[id!]!).toBeLessThanOrEqual(uniforms[i]! + 1e-12);
      }
    }
  });

  it.skipIf(isMissing)('leaves the logits as they were', async () => {
    const settings = { repetitionPenalty: 1.7, presencePenalty: 0.4, frequencyPenalty: 0.2, topK: 5 };
    const history = { context: [1, 2, 3], counts: new Map([[3, 2]]), banned: [4] };
    for (const bias of [null, logits.map((logit) => -logit)]) {
      const buffer = upload(kernels, logits);
      await kernels.chooseTokens(buffer, [request({ settings, ...history, bias })], { V });
      expect(await kernels.read(buffer)).toEqual(logits);
    }
  });

  it.skipIf(isMissing)('says that logits are not numbers', async () => {
    const broken = logits.slice();
    broken[7] = Number.NaN;
    expect((await choose(kernels, broken, {})).logProb).toBeNaN();
    expect((await choose(kernels, new Float32Array(4).fill(Number.NEGATIVE_INFINITY), {})).logProb).toBeNaN();
  });

  it.skipIf(isMissing)('chooses nothing where mask and bans leave nothing', async () => {
    for (const temperature of [0, 1]) {
      const settings = { temperature };
      expect((await choose(kernels, logits, { settings, mask: maskOf([]) })).id).toBeNull();
      expect((await choose(kernels, logits, { settings, mask: maskOf([5]), banned: [5] })).id).toBeNull();
      expect((await choose(kernels, Float32Array.of(1, 2), { settings, banned: [0, 1] })).id).toBeNull();
    }
  });

  it.skipIf(isMissing)('survives the ends of the unit interval and logits of −∞', async () => {
    const some = Float32Array.of(Number.NEGATIVE_INFINITY, 1, 1, Number.NEGATIVE_INFINITY);
    expect((await choose(kernels, some, { uniform: 0 })).id).toBe(1);
    expect((await choose(kernels, some, { uniform: 1 - 2 ** -53 })).id).toBe(2);
  });
});

describe('native choices = reference choices', () => {
  const settings: Partial<SamplingSettings>[] = [
    {},
    { temperature: 0 },
    { temperature: 0.8 },
    { temperature: 1.3, topK: 20 },
    { topP: 0.9 },
    { minP: 0.05 },
    { typicalP: 0.7 },
    { temperature: 0.7, topK: 60, topP: 0.95, minP: 0.01, typicalP: 0.95 },
    { repetitionPenalty: 1.3, presencePenalty: 0.5, frequencyPenalty: 0.25, topP: 0.8 },
    { presencePenalty: 0.5 },
  ];

  const isas = ['best', 'avx2', 'generic'];
  it.skipIf(typeof native === 'string').each(isas)(
    'over many rows, with masks, bias, penalties and bans: %s',
    async (isa) => {
      if (isa === 'avx2' && process.arch !== 'x64') return;
      // The choice of an instruction set holds for the process.
      const chosen = createNativeKernels(isa === 'best' ? {} : { isa });
      const size = 2999;
      const rows = 40;
      const values = Float32Array.from({ length: rows * size }, () => 3 * normal());
      const requests = Array.from({ length: 4 * rows }, (_, i) => {
        const bit = (every: number) => (i % every === 0 ? 0 : -1);
        const mask = Uint32Array.from({ length: Math.ceil(size / 32) }, () =>
          i % 5 === 1 ? (numbers() * 2 ** 31) & (numbers() * 2 ** 31) : bit(3),
        );
        mask[3] = 0x0ff0;
        return request({
          row: i % rows,
          uniform: (numbers() + 1) / 2,
          settings: settings[i % settings.length]!,
          mask: i % 2 === 0 ? mask : null,
          bias: i % 7 === 0 ? Float32Array.from({ length: size }, numbers) : null,
          context: [3, 100, 101, i],
          counts: new Map([
            [3, 2],
            [i, 1],
            [500, 4],
          ]),
          banned: i % 3 === 0 ? [100, 7] : [],
        });
      });
      const sizes = { V: size };
      const expected = await reference.chooseTokens(upload(reference, values), requests, sizes);
      const actual = await chosen.chooseTokens(upload(chosen, values), requests, sizes);
      createNativeKernels();
      expect(actual.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
      for (const [i, { logProb, allowedMass }] of expected.entries()) {
        expect(actual[i]!.logProb).toBeCloseTo(logProb, 10);
        expect(actual[i]!.allowedMass).toBeCloseTo(allowedMass, 10);
      }
    },
  );
});
