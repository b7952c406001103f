/**
 * A head start from the rhyme tables: every character's embedding begins as noise plus a direction for its tone and
 * one for each rhyme group it can be read in, and a rhyme group's control token begins with that group's direction.
 * A model of this size otherwise spends millions of tokens to find out which characters rhyme (tones come early,
 * rhyme late); the tables already know. Only the start is set: training may move every number.
 *
 * e(char) = N(0, σ²) + a·t(tone) + b·mean_g r(g),  t and r fixed random unit vectors, a and b in units of σ·√C.
 */

import { controlToken } from '@tuiqiao/corpus';
import { loadBook } from '@tuiqiao/prosody';
import type { Random } from '@tuiqiao/tensor';
import type { PoetVocabulary } from './vocabulary.ts';

export interface EmbeddingPriorOptions {
  /** Embedding width C. */
  readonly width: number;
  /** Standard deviation σ of the noise. */
  readonly deviation: number;
  /** Length of the tone direction relative to the noise's expected length. */
  readonly toneStrength: number;
  /** Length of the rhyme direction relative to the noise's expected length. */
  readonly rhymeStrength: number;
}

function randomDirection(random: Random, width: number): Float32Array {
  const direction = Float32Array.from({ length: width }, () => random.normal());
  const norm = Math.hypot(...direction);
  return direction.map((x) => x / norm);
}

function addScaled(target: Float32Array, offset: number, direction: Float32Array, factor: number): void {
  for (let c = 0; c < direction.length; c++) target[offset + c] = target[offset + c]! + factor * direction[c]!;
}

/** Embedding matrix [V, C], row-major. */
export function embeddingWithProsody(
  vocabulary: PoetVocabulary,
  options: EmbeddingPriorOptions,
  random: Random,
): Float32Array {
  const { width, deviation } = options;
  const entries = [...vocabulary.specials, ...vocabulary.characters];
  const table = new Float32Array(entries.length * width);
  for (let i = 0; i < table.length; i++) table[i] = deviation * random.normal();

  const noiseLength = deviation * Math.sqrt(width);
  const tone = { 平: randomDirection(random, width), 仄: randomDirection(random, width) };
  const row = new Map(entries.map((entry, index) => [entry, index * width]));

  for (const book of [loadBook('pingshui'), loadBook('cilin')]) {
    const directions = new Map(book.groups.map((group) => [group.id, randomDirection(random, width)]));
    for (const group of book.groups) {
      const offset = row.get(controlToken('rhyme', group.name));
      if (offset !== undefined)
        addScaled(table, offset, directions.get(group.id)!, options.rhymeStrength * noiseLength);
    }
    for (const char of vocabulary.characters) {
      const readings = book.readings(char);
      const share = (options.rhymeStrength * noiseLength) / Math.max(1, readings.length);
      for (const reading of readings) {
        const direction = directions.get(reading.group);
        if (direction !== undefined) addScaled(table, row.get(char)!, direction, share);
      }
      // The tone is said once, by the book the regulated forms are judged by.
      if (book.name !== 'pingshui' || readings.length === 0) continue;
      const toneShare = (options.toneStrength * noiseLength) / readings.length;
      for (const reading of readings) addScaled(table, row.get(char)!, tone[reading.tone], toneShare);
    }
  }
  return table;
}
