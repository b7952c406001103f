/**
 * Whose manner a poem has: multinomial logistic regression over the characters and neighbouring pairs of its lines,
 * hashed. It reads nothing but the poem; title and author's name are never shown to it. Weights are kept in 4 bits. The
 * shipped model (`loadStyle`) was trained by `tools/eval/train-style.mjs`, which also measured its accuracy on held-out
 * near-duplicate clusters.
 */
import { splitLines } from '@tuiqiao/corpus';
import { uniform } from '../intervals.ts';

export interface StyleExample {
  readonly text: string;
  readonly label: string;
}

export interface StyleClassifier {
  readonly labels: readonly string[];
  /** P(label | poem), in the order of `labels`. */
  probabilities(text: string): Float64Array;
  /** The likeliest label. */
  classify(text: string): string;
}

export interface StyleTrainingOptions {
  /** Power of two. Default 65,536. */
  readonly buckets?: number;
  /** Default 6. */
  readonly epochs?: number;
  /** AdaGrad's rate. Default 0.3. */
  readonly rate?: number;
  readonly seed?: number;
}

/** What is kept of a trained classifier: 4-bit weights, one scale a label. */
export interface StyleWeights {
  readonly labels: readonly string[];
  readonly buckets: number;
  readonly biases: readonly number[];
  /** Weight = (nibble − 8) × scale. */
  readonly scales: readonly number[];
  /** Two weights a byte, low half first; label by label. */
  readonly nibbles: Uint8Array;
}

const DEFAULT_BUCKETS = 65_536;
/** A bias sees every poem: it moves slowly. */
const BIAS_RATE = 0.01;
const DECAY = 1e-6;
const ZERO_NIBBLE = 8;
/** Multiples of the root mean square of a label's weights that 4 bits reach: rare large ones are cut. */
const REACH = 3;

/** FNV-1a over UTF-16 units with a final mix. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
    value ^= value >>> 15;
  }
  return value >>> 0;
}

/** Buckets of the characters and neighbouring pairs of the lines, each once. */
function featuresOf(text: string, buckets: number): Uint32Array {
  const features = new Set<number>();
  for (const line of splitLines(text)) {
    const characters = [...line];
    characters.forEach((char, i) => {
      features.add(hash(char) % buckets);
      const next = characters[i + 1];
      if (next !== undefined) features.add(hash(char + next) % buckets);
    });
  }
  return Uint32Array.from(features);
}

function softmax(scores: Float64Array): Float64Array {
  const highest = scores.reduce((most, score) => Math.max(most, score), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (let k = 0; k < scores.length; k++) {
    scores[k] = Math.exp(scores[k]! - highest);
    sum += scores[k]!;
  }
  return scores.map((score) => score / sum);
}

/** bias_k + Σ w_k[f] / √(number of features): long poems must not be surer than short ones. */
function scoresOf(
  features: Uint32Array,
  labels: number,
  biases: ArrayLike<number>,
  weight: (feature: number, label: number) => number,
): Float64Array {
  const scale = 1 / Math.sqrt(Math.max(1, features.length));
  return Float64Array.from({ length: labels }, (_, k) => {
    let sum = 0;
    for (const feature of features) sum += weight(feature, k);
    return biases[k]! + sum * scale;
  });
}

/** Labels weigh alike however many poems each has. The same examples, options and seed give the same weights. */
export function trainStyle(examples: readonly StyleExample[], options: StyleTrainingOptions = {}): StyleWeights {
  const { buckets = DEFAULT_BUCKETS, epochs = 6, rate = 0.3, seed = 1 } = options;
  const labels = [...new Set(examples.map(({ label }) => label))].sort();
  const K = labels.length;
  const places = new Map(labels.map((label, k) => [label, k]));
  const targets = examples.map(({ label }) => places.get(label)!);
  const counts = labels.map((_, k) => targets.filter((target) => target === k).length);
  const features = examples.map(({ text }) => featuresOf(text, buckets));
  // Feature by feature, the weights of all labels together: that is the order in which they are used.
  const weights = new Float32Array(K * buckets);
  const squares = new Float32Array(K * buckets).fill(1e-6);
  const biases = new Float64Array(K);
  const random = uniform(seed);
  const order = Int32Array.from(examples, (_, i) => i);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let i = order.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    for (const i of order) {
      const own = features[i]!;
      const probabilities = softmax(scoresOf(own, K, biases, (feature, k) => weights[feature * K + k]!));
      const importance = examples.length / K / counts[targets[i]!]!;
      const scale = 1 / Math.sqrt(Math.max(1, own.length));
      for (let k = 0; k < K; k++) {
        const error = (probabilities[k]! - Number(k === targets[i])) * importance;
        biases[k] = biases[k]! - BIAS_RATE * error;
        for (const feature of own) {
          const at = feature * K + k;
          const gradient = error * scale + DECAY * weights[at]!;
          squares[at] = squares[at]! + gradient * gradient;
          weights[at] = weights[at]! - (rate * gradient) / Math.sqrt(squares[at]!);
        }
      }
    }
  }
  return quantise(labels, buckets, weights, biases);
}

function quantise(
  labels: readonly string[],
  buckets: number,
  weights: Float32Array,
  biases: Float64Array,
): StyleWeights {
  const K = labels.length;
  const nibbles = new Uint8Array((K * buckets) / 2);
  const scales = labels.map((_, k) => {
    let squares = 0;
    for (let f = 0; f < buckets; f++) squares += weights[f * K + k]! ** 2;
    const scale = (REACH * Math.sqrt(squares / buckets)) / (ZERO_NIBBLE - 1) || 1;
    for (let f = 0; f < buckets; f++) {
      const level = Math.max(1, Math.min(15, Math.round(weights[f * K + k]! / scale) + ZERO_NIBBLE));
      const at = k * buckets + f;
      nibbles[at >> 1] = nibbles[at >> 1]! | (level << (4 * (at & 1)));
    }
    return scale;
  });
  return { labels, buckets, biases: [...biases], scales, nibbles };
}

export function openStyle({ labels, buckets, biases, scales, nibbles }: StyleWeights): StyleClassifier {
  const weight = (feature: number, k: number): number => {
    const at = k * buckets + feature;
    return (((nibbles[at >> 1]! >> (4 * (at & 1))) & 15) - ZERO_NIBBLE) * scales[k]!;
  };
  const probabilities = (text: string): Float64Array =>
    softmax(scoresOf(featuresOf(text, buckets), labels.length, biases, weight));
  return {
    labels,
    probabilities,
    classify: (text) => {
      const shares = probabilities(text);
      return labels[shares.reduce((best, share, k) => (share > shares[best]! ? k : best), 0)]!;
    },
  };
}
