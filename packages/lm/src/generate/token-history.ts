/** Ids that would complete an n-gram which `tokens` already holds. */
export function repeatingIds(tokens: readonly number[], n: number): Set<number> {
  const banned = new Set<number>();
  const prefix = n - 1;
  const last = tokens.length - prefix;
  if (last < 0) return banned;
  for (let start = 0; start < last; start++) {
    let length = 0;
    while (length < prefix && tokens[start + length] === tokens[last + length]) length++;
    if (length === prefix) banned.add(tokens[start + prefix]!);
  }
  return banned;
}
