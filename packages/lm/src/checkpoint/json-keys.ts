/**
 * `JSON.parse` keeps the last of two equal keys and says nothing; in a tensor header that hides a tensor. This scans the
 * top level of JSON text that is already known to parse.
 */
export function duplicateKeys(text: string): string[] {
  const seen = new Set<string>();
  const repeated: string[] = [];
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']') depth--;
    else if (character === '"') {
      const end = endOfString(text, i);
      if (depth === 1 && isFollowedByColon(text, end)) {
        const key = JSON.parse(text.slice(i, end)) as string;
        if (seen.has(key)) repeated.push(key);
        seen.add(key);
      }
      i = end - 1;
    }
  }
  return repeated;
}

/** Index just past the closing quote of the string that opens at `start`. */
function endOfString(text: string, start: number): number {
  let i = start + 1;
  while (text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
  return i + 1;
}

function isFollowedByColon(text: string, from: number): boolean {
  let i = from;
  while (text[i] === ' ' || text[i] === '\n' || text[i] === '\t' || text[i] === '\r') i++;
  return text[i] === ':';
}
