/** 53-bit hashes of verse lines: two independent 32-bit FNV-style runs over the UTF-16 units, punctuation left out. */

/** Low 32 bits and 21 high bits packed into one exact double in [0, 2⁵³). */
export function hashLine(line: string): number {
  let low = 0x811c9dc5;
  let high = 0x9747b28c;
  for (let i = 0; i < line.length; i++) {
    const unit = line.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995);
    high ^= high >>> 15;
  }
  // FNV alone leaves the last characters in few bits; finish both runs as murmur3 does.
  low = finish(low);
  high = finish(high ^ line.length);
  return (high >>> 11) * 0x1_0000_0000 + (low >>> 0);
}

function finish(hash: number): number {
  let mixed = hash ^ (hash >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
