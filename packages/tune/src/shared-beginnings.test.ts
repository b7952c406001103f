import { createRandom } from '@tuiqiao/tensor';
import { describe, expect, it } from 'vitest';
import { sharedBeginnings } from './shared-beginnings.ts';

function runsOf(sequences: readonly (readonly number[])[]) {
  const starts = new Int32Array(sequences.length + 1);
  for (const [s, sequence] of sequences.entries()) starts[s + 1] = starts[s]! + sequence.length;
  return { tokens: Int32Array.from(sequences.flat()), starts };
}

const groupsOf = (sequences: readonly (readonly number[])[]) => sharedBeginnings(runsOf(sequences));
const rowsSaved = (groups: ReturnType<typeof groupsOf>) =>
  groups.reduce((sum, { members, length }) => sum + (members.length - 1) * length, 0);

describe('sharedBeginnings', () => {
  it('puts sequences that begin alike together, wherever they stand', () => {
    expect(groupsOf([[1, 2, 3], [7, 8], [1, 2, 4], [9], [1, 2]])).toEqual([
      { members: [0, 2, 4], length: 2 },
      { members: [1], length: 0 },
      { members: [3], length: 0 },
    ]);
  });

  it('prefers two long beginnings to a short one of all', () => {
    expect(
      groupsOf([
        [1, 5, 5, 5, 2],
        [1, 6, 6, 6, 2],
        [1, 5, 5, 5, 3],
        [1, 6, 6, 6, 3],
      ]),
    ).toEqual([
      { members: [0, 2], length: 4 },
      { members: [1, 3], length: 4 },
    ]);
    expect(
      groupsOf([
        [1, 1, 1, 5, 2],
        [1, 1, 1, 6, 2],
        [1, 1, 1, 5, 3],
        [1, 1, 1, 6, 3],
      ]),
    ).toEqual([{ members: [0, 1, 2, 3], length: 3 }]);
  });

  it('saves as many rows as the best way to cut them into runs', () => {
    const random = createRandom(3);
    for (let round = 0; round < 40; round++) {
      const sequences = Array.from({ length: 6 }, () =>
        Array.from({ length: 1 + random.integer(6) }, () => random.integer(2)),
      );
      const groups = groupsOf(sequences);
      expect(groups.flatMap(({ members }) => members).sort()).toEqual([0, 1, 2, 3, 4, 5]);
      for (const { members, length } of groups) {
        const beginnings = members.map((s) => sequences[s]!.slice(0, length).join());
        expect(new Set(beginnings).size).toBe(1);
      }
      expect(rowsSaved(groups)).toBe(mostRowsSaved(sequences));
    }
  });
});

/** By trying every way to cut the sequences, in order of their tokens, into runs. */
function mostRowsSaved(sequences: readonly (readonly number[])[]): number {
  const inOrder = sequences.map((sequence) => sequence.join('')).sort();
  let most = 0;
  for (let cuts = 0; cuts < 2 ** (inOrder.length - 1); cuts++) {
    const runs: string[][] = [[]];
    for (const [place, sequence] of inOrder.entries()) {
      runs.at(-1)!.push(sequence);
      if ((cuts >> place) & 1) runs.push([]);
    }
    most = Math.max(
      most,
      runs.reduce((sum, run) => sum + Math.max(0, run.length - 1) * commonOf(run), 0),
    );
  }
  return most;
}

function commonOf(sequences: readonly string[]): number {
  let length = 0;
  while (sequences.every((each) => length < each.length && each[length] === sequences[0]![length])) length++;
  return length;
}
