/**
 * Text of a foreign file, bounded and strictly decoded: a file in another encoding would otherwise pass as a poem of
 * unknown characters, and a file without line feeds would fill the memory.
 */
import { TextDecoder } from 'node:util';
import { CliError } from '../errors.ts';

/** A longer line is not a poem but a mistaken file. */
export const MAX_LINE_LENGTH = 1 << 20;

export interface NumberedLine {
  readonly line: string;
  /** From 1. */
  readonly number: number;
}

function createDecoder(encoding: string): TextDecoder {
  try {
    return new TextDecoder(encoding, { fatal: true });
  } catch (cause) {
    throw new CliError('input-bad', `--encoding: expected an encoding such as utf-8 or gb18030, got ${encoding}`, {
      cause,
    });
  }
}

const UTF_16_LITTLE = [0xff, 0xfe] as const;

/**
 * Pieces of decoded text. A UTF-16 byte order mark is believed where no other encoding is asked for.
 * @throws CliError `input-bad` for bytes that are no text of the encoding.
 */
export async function* decodeStream(
  name: string,
  stream: AsyncIterable<Uint8Array | string>,
  encoding: string,
): AsyncGenerator<string> {
  let decoder = createDecoder(encoding);
  let isFirst = true;
  const decode = (bytes: Uint8Array | undefined): string => {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch (cause) {
      throw new CliError('input-bad', `${name}: expected ${encoding} text`, {
        cause,
        hint: 'Name the encoding, e.g. --encoding gb18030, or convert the file: iconv -f GBK -t UTF-8.',
      });
    }
  };
  for await (const chunk of stream) {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk;
    if (isFirst && encoding === 'utf-8' && UTF_16_LITTLE.every((byte, index) => bytes[index] === byte)) {
      decoder = createDecoder('utf-16le');
    }
    isFirst = false;
    const text = decode(bytes);
    if (text.includes('\0')) {
      throw new CliError('input-bad', `${name}: expected text, got a binary file`, {
        hint: 'Poems are read from text, JSON lines and CSV.',
      });
    }
    if (text !== '') yield text;
  }
  const rest = decode(undefined);
  if (rest !== '') yield rest;
}

/**
 * The lines of decoded text, without their ends.
 * @throws CliError `input-bad` for a line beyond {@link MAX_LINE_LENGTH}.
 */
export async function* splitLines(name: string, pieces: AsyncIterable<string>): AsyncGenerator<NumberedLine> {
  let number = 0;
  let rest = '';
  const take = (line: string): NumberedLine => {
    number++;
    if (line.length > MAX_LINE_LENGTH) {
      throw new CliError('input-bad', `${name}, line ${number}: longer than a poem can be`);
    }
    return { line: line.endsWith('\r') ? line.slice(0, -1) : line, number };
  };
  for await (const piece of pieces) {
    const lines = piece.split('\n');
    lines[0] = rest + lines[0]!;
    rest = lines.pop()!;
    for (const line of lines) yield take(line);
    if (rest.length > MAX_LINE_LENGTH) yield take(rest);
  }
  if (rest !== '') yield take(rest);
}
