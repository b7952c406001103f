import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { TuiqiaoError } from '@tuiqiao/schema';
import { describe, expect, it } from 'vitest';
import { describeFailure, ERROR_TABLE } from './exit-codes.ts';

const root = path.resolve(import.meta.dirname, '../../..');

/** Every code of every `…ErrorCode` union, and every code that some error class is made with. */
function declaredCodes(): string[] {
  const packages = path.join(root, 'packages');
  const files = readdirSync(packages).flatMap((name) =>
    readdirSync(path.join(packages, name, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
      .map((file) => path.join(packages, name, 'src', file)),
  );
  const codes = files.flatMap((file) => {
    const text = readFileSync(file, 'utf8').replace(/\/\*.*?\*\//gsu, '');
    const unions = [...text.matchAll(/(?:ErrorCode =|readonly code:)([^;]*);/gu)].map((match) => match[1]!);
    return [
      ...unions.flatMap((union) => [...union.matchAll(/'([\w.-]+)'/gu)].map((match) => match[1]!)),
      ...[...text.matchAll(/new [A-Z]\w+Error\(\s*'([\w.-]+)'/gu)].map((match) => match[1]!),
    ];
  });
  return [...new Set(codes)].sort();
}

describe('ERROR_TABLE', () => {
  it('has every code that a package can throw', () => {
    const codes = declaredCodes();
    expect(codes.length).toBeGreaterThan(60);
    expect(codes.filter((code) => ERROR_TABLE[code] === undefined)).toEqual([]);
  });
});

describe('describeFailure', () => {
  it('keeps code, message and hint of our errors', () => {
    const failure = describeFailure(
      new TuiqiaoError('disk-full', 'writing x: the disk is full', { hint: 'Free some.' }),
    );
    expect(failure).toMatchObject({
      status: 3,
      code: 'disk-full',
      message: 'writing x: the disk is full',
      hint: 'Free some.',
    });
  });

  it.each([
    [Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }), 3, 'disk-full'],
    [Object.assign(new Error('ENOENT: x'), { code: 'ENOENT' }), 2, 'input-not-found'],
    [new DOMException('stopped', 'AbortError'), 130, 'aborted'],
    [new TypeError('x is not a function'), 3, 'internal'],
    ['a string', 3, 'internal'],
  ])('%s → %i %s', (thrown, status, code) => {
    expect(describeFailure(thrown)).toMatchObject({ status, code });
  });
});
