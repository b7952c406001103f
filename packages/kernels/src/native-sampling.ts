/** Choosing tokens with the addon: requests are laid out as native/sampling.cc reads them. */

import type { TokenChoice, TokenRequest } from './contract/sampling.ts';
import type { DeviceBuffer, Kernels } from './contract.ts';
import { asHost } from './host-buffer.ts';
import type { NativeAddon } from './native-addon.ts';

const REQUEST_NUMBERS = 5;
const SETTINGS = 9;
const RESULTS = 3;
const BANNED = -1;
/** The row's logits are not numbers. */
const NOT_NUMBERS = -2;

export function createNativeSampling(native: NativeAddon): Pick<Kernels, 'chooseTokens' | 'tokenProbabilities'> {
  // Kept from call to call: a mask of a large vocabulary for each of many rows is a megabyte.
  let masks = new Uint32Array(0);
  let biases = new Float32Array(0);

  function sample(
    logits: DeviceBuffer,
    requests: readonly TokenRequest[],
    V: number,
    probabilities: Float64Array | null,
  ): Float64Array {
    const R = requests.length;
    const words = Math.ceil(V / 32);
    const settings = new Float64Array(R * SETTINGS);
    const numbers = new Int32Array(R * REQUEST_NUMBERS);
    const edits: number[] = [];
    const count = (key: 'mask' | 'bias') => requests.reduce((sum, request) => sum + (request[key] === null ? 0 : 1), 0);
    if (masks.length < count('mask') * words) masks = new Uint32Array(count('mask') * words);
    if (biases.length < count('bias') * V) biases = new Float32Array(count('bias') * V);
    let maskCount = 0;
    let biasCount = 0;
    for (const [r, request] of requests.entries()) {
      const { mask, bias } = request;
      if (mask !== null) masks.set(mask.subarray(0, words), maskCount * words);
      if (bias !== null) biases.set(bias, biasCount * V);
      const firstEdit = edits.length / 2;
      pushEdits(edits, request);
      const places = [mask === null ? -1 : maskCount++, bias === null ? -1 : biasCount++];
      numbers.set([request.row, ...places, firstEdit, edits.length / 2], r * REQUEST_NUMBERS);
      settings.set(settingsOf(request), r * SETTINGS);
    }
    const results = new Float64Array(R * RESULTS);
    const rows = asHost(logits).array;
    native.sampleTokens(
      results,
      probabilities,
      rows,
      masks,
      biases,
      Int32Array.from(edits),
      numbers,
      settings,
      R,
      V,
      words,
    );
    return results;
  }

  return {
    async chooseTokens(logits, requests, { V }) {
      if (requests.length === 0) return [];
      const results = sample(logits, requests, V, null);
      return requests.map((_, r) => choiceOf(results.subarray(r * RESULTS, (r + 1) * RESULTS)));
    },
    async tokenProbabilities(logits, request, { V }) {
      const probabilities = new Float64Array(V);
      sample(logits, [request], V, probabilities);
      return probabilities;
    },
  };
}

function choiceOf([id, logProb, allowedMass]: Float64Array): TokenChoice {
  if (id === NOT_NUMBERS) return { id: null, logProb: Number.NaN, allowedMass: Number.NaN };
  if (id! < 0) return { id: null, logProb: Number.NEGATIVE_INFINITY, allowedMass: allowedMass! };
  return { id: id!, logProb: logProb!, allowedMass: allowedMass! };
}

function settingsOf({ settings, uniform }: TokenRequest): number[] {
  const { temperature, topK, topP, minP, typicalP } = settings;
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = settings;
  return [temperature, topK, topP, minP, typicalP, repetitionPenalty, presencePenalty, frequencyPenalty, uniform];
}

/** Each id once, with its code. */
function pushEdits(edits: number[], { settings, context, counts, banned }: TokenRequest): void {
  const { repetitionPenalty, presencePenalty, frequencyPenalty } = settings;
  const codes = new Map<number, number>();
  if (repetitionPenalty !== 1) for (const id of context) codes.set(id, counts.get(id) ?? 0);
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    for (const [id, times] of counts) if (!codes.has(id)) codes.set(id, BANNED - times);
  }
  for (const id of banned) codes.set(id, BANNED);
  for (const [id, code] of codes) edits.push(id, code);
}
