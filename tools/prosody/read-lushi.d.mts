export function readLushi(folder: string, simplify: (char: string) => string): string[][][];
export function toLushi(text: string, simplify: (char: string) => string): string[][] | null;
