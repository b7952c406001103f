/** "Did you mean": how far one word is from another, and the nearest of a list. */

/** Optimal-string-alignment distance: insertions, deletions, substitutions and swaps of neighbours, each worth 1. */
export function editDistance(a: string, b: string): number {
  const from = [...a];
  const to = [...b];
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const substitution = last[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, substitution);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        best = Math.min(best, beforeLast[j - 2]! + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[to.length]!;
}

/** Words are compared without case, `_`, `-`, so that `lora_rnak` finds `loraRank`. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[_-]/gu, '');
}

/** The candidate nearest to `word`, when it is near enough to be a slip of the finger: at most a third of it wrong. */
export function findNearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(word);
  let nearest: string | undefined;
  let shortest = Math.max(1, Math.floor([...wanted].length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(wanted, plain(candidate));
    if (distance < shortest) {
      shortest = distance;
      nearest = candidate;
    }
  }
  return nearest;
}
