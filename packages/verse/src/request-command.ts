/** A request as the command that makes it: what a refusal offers instead is typed at once. */
import { type FormPlan, loadBook } from '@tuiqiao/prosody';
import type { WritingRequest } from './request-plan.ts';

/** Stands for a character that is left to the model. */
const FREE = '□';

/** The request with what the plan gave up left out. */
export function nearestRequest(request: WritingRequest, nearest: FormPlan): WritingRequest {
  const { rhyme, fixed, noRepeatedCharacters, allowsDoubling, start, firstLineRhymes, variant, ...rest } = request;
  const regulated = nearest.form === '词' || nearest.form === '联' ? null : nearest;
  return {
    ...rest,
    ...(nearest.form !== '词' || nearest.variant === undefined || variant === undefined ? {} : { variant }),
    ...(regulated?.start === undefined || start === undefined ? {} : { start }),
    ...(regulated?.firstLineRhymes === undefined || firstLineRhymes === undefined ? {} : { firstLineRhymes }),
    ...(nearest.rhymeGroup === undefined || rhyme === undefined ? {} : { rhyme }),
    ...(nearest.fixed === undefined || nearest.fixed.length === 0 || fixed === undefined
      ? {}
      : { fixed: nearest.fixed }),
    ...(nearest.noRepeatedCharacters
      ? { noRepeatedCharacters: true, ...(allowsDoubling === undefined ? {} : { allowsDoubling }) }
      : {}),
  };
}

/** `tuiqiao write --form 五绝 --rhyme 东 --keep '2:清泉□□□'` */
export function requestCommand(request: WritingRequest): string {
  const flags: string[] = [];
  const add = (name: string, value?: string | number): void => {
    flags.push(value === undefined ? `--${name}` : `--${name} ${quote(String(value))}`);
  };
  if (request.couplet !== undefined) add('couplet', request.couplet);
  else if (request.tune !== undefined) add('tune', request.tune);
  else if (request.form !== undefined) add('form', request.form);
  if (request.variant !== undefined) add('variant', request.variant);
  if (request.lineCount !== undefined) add('lines', request.lineCount);
  if (request.book !== undefined) add('book', request.book);
  if (request.rhyme !== undefined) {
    const group = loadBook(request.book ?? (request.tune === undefined ? 'pingshui' : 'cilin')).findGroup(
      request.rhyme,
    );
    add('rhyme', group?.simplified ?? request.rhyme);
  }
  if (request.start !== undefined) add('start', request.start);
  if (request.firstLineRhymes !== undefined) add(`${request.firstLineRhymes ? '' : 'no-'}rhyme-first-line`);
  if (request.neighbourFirstLine) add('neighbour-first-line');
  for (const kept of keptLines(request)) add('keep', kept);
  if (request.embedded !== undefined && request.embedded.length > 0) add('embed', request.embedded.join(''));
  add('repeats', request.noRepeatedCharacters ? (request.allowsDoubling ? 'doubled' : 'none') : 'free');
  if (request.title !== undefined) add('title', request.title);
  if (request.author !== undefined) add('style', request.author);
  else if (request.dynasty !== undefined) add('style', request.dynasty);
  return ['tuiqiao write', ...flags].join(' ');
}

function keptLines({ fixed = [] }: WritingRequest): string[] {
  const lines = new Map<number, string[]>();
  for (const { line, position, character } of fixed) {
    const own = lines.get(line) ?? [];
    for (let index = own.length; index < position; index++) own.push(FREE);
    own[position - 1] = character;
    lines.set(line, own);
  }
  return [...lines].sort(([a], [b]) => a - b).map(([line, characters]) => `${line}:${characters.join('')}`);
}

/** For a POSIX shell; plain words stay as they are. */
function quote(word: string): string {
  return /^[\p{L}\p{N}_.:-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
