import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The arrows of the house (docs/architecture.md): a package imports from a lower floor only, and just what this table
 * allows. `tsc -b` alone would not notice an undeclared import under npm's hoisting.
 */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  schema: [],
  prosody: [],
  kernels: [],
  tensor: ['kernels'],
  corpus: ['prosody', 'schema'],
  lm: ['tensor', 'schema'],
  tune: ['lm', 'tensor', 'schema'],
  verse: ['lm', 'corpus', 'prosody', 'schema'],
  eval: ['corpus', 'prosody'],
  recipes: ['eval', 'verse', 'corpus', 'prosody', 'tune', 'lm', 'tensor', 'kernels', 'schema'],
};
const APPS: Readonly<Record<string, readonly string[]>> = {
  server: ['recipes', 'prosody', 'schema'],
  // A page: it reaches the server over HTTP alone.
  studio: ['prosody', 'schema'],
  // The command starts the server: the one arrow between apps.
  cli: ['server', 'recipes', 'eval', 'corpus', 'prosody', 'kernels', 'schema'],
};

const root = path.resolve(import.meta.dirname, '..');
const SCOPE = '@tuiqiao/';

function sourcesOf(folder: string): string[] {
  return readdirSync(path.join(folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !/\.(test|bench)\.ts$/.test(name))
    .map((name) => path.join(folder, 'src', name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/(?:\bfrom\s|\bimport\b)\s*\(?\s*'([^'.][^']*)'/g)].map((match) => match[1]!);
}

function check(folder: string, allowed: readonly string[]): void {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    dependencies?: Record<string, string>;
  };
  const declared = Object.keys(manifest.dependencies ?? {});
  const ours = declared.filter((name) => name.startsWith(SCOPE)).map((name) => name.slice(SCOPE.length));
  expect([...ours].sort(), 'declared arrows').toEqual([...allowed].sort());
  for (const file of sourcesOf(folder)) {
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('node:')) continue;
      const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0]!;
      expect(declared, `${path.relative(root, file)} imports ${specifier}`).toContain(name);
    }
  }
}

describe('the house', () => {
  it('has just the rooms of the table', () => {
    expect(readdirSync(path.join(root, 'packages')).sort()).toEqual(Object.keys(ARROWS).sort());
    expect(readdirSync(path.join(root, 'apps')).sort()).toEqual(Object.keys(APPS).sort());
  });
  for (const [name, allowed] of Object.entries(ARROWS)) {
    it(`packages/${name} imports only from the floors below it`, () =>
      check(path.join(root, 'packages', name), allowed));
  }
  for (const [name, allowed] of Object.entries(APPS)) {
    it(`apps/${name} imports only declared packages`, () => check(path.join(root, 'apps', name), allowed));
  }
  it('keeps what runs in a browser free of Node', () => {
    for (const folder of ['packages/schema', 'packages/prosody', 'apps/studio']) {
      for (const file of sourcesOf(path.join(root, folder))) {
        expect(
          importsOf(file).filter((specifier) => specifier.startsWith('node:')),
          file,
        ).toEqual([]);
      }
    }
  });
});
