export function findPoemFolder(name: string): string | undefined;
