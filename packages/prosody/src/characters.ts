// One string for every character of the BMP: a corpus has the same few thousand characters millions of times, and what is
// looked up later (readings, usage, repetitions) is found faster by the same string than by an equal one.

const singles: (string | undefined)[] = new Array(0x10000);

/** The character of a UTF-16 unit that is one by itself. */
export function characterOfUnit(unit: number): string {
  let char = singles[unit];
  if (char === undefined) {
    char = String.fromCharCode(unit);
    singles[unit] = char;
  }
  return char;
}
