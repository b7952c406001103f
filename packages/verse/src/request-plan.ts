/** From a request in words to the automaton's plan: forms, groups and fixed characters by number. */
import type { PoemRequest } from '@tuiqiao/corpus';
import {
  type BookName,
  compilePlan,
  type FixedCharacter,
  type FormPlan,
  findTune,
  loadBook,
  PlanError,
  type PoemAutomaton,
  type RegulatedFormName,
  splitText,
} from '@tuiqiao/prosody';
import { VerseError } from './errors.ts';
import { nearestRequest, requestCommand } from './request-command.ts';
import type { TokenInventory } from './token-inventory.ts';

/** A request with what only the decoder needs to know. */
export interface WritingRequest extends PoemRequest {
  readonly book?: BookName;
  /** `钦定词谱 1`; the commonest variant when absent. */
  readonly variant?: string;
  /** Lines of a 排律. */
  readonly lineCount?: number;
  /** Acrostics, kept lines, a given first line: characters that must stand where they are told. */
  readonly fixed?: readonly FixedCharacter[];
  readonly noRepeatedCharacters?: boolean;
  /** With `noRepeatedCharacters`: 叠字 (萧萧) are no repetition. */
  readonly allowsDoubling?: boolean;
  /** 首句借邻韵: the first line may rhyme in a neighbour group. */
  readonly neighbourFirstLine?: boolean;
  /** 嵌字: characters that must stand somewhere; where, is drawn anew for each poem. */
  readonly embedded?: readonly string[];
  /** Rhymes are drawn by how readily poets read them level, not by all of a character's readings; regulated verse only. */
  readonly weighsReadings?: boolean;
  /** How strongly the middle couplets of 律诗 and 排律 are drawn towards 对仗; 0 (default): not at all. */
  readonly parallelism?: number;
  /** 上联: the line that is to be answered (form 联); what is written is the couplet. */
  readonly couplet?: string;
}

const REGULATED: readonly string[] = ['五绝', '七绝', '五律', '七律', '五排', '七排'];

function isRegulated(form: string | undefined): form is RegulatedFormName {
  return form !== undefined && REGULATED.includes(form);
}

/** What was given of each line, the characters together: whole lines, and parts of lines. */
export function givenLines({ fixed = [], couplet }: WritingRequest): string[] {
  const given = new Map<number, string>();
  for (const { line, character } of [...fixed].sort((a, b) => a.line - b.line || a.position - b.position)) {
    given.set(line, (given.get(line) ?? '') + character);
  }
  if (couplet !== undefined) for (const [i, { text }] of splitText(couplet).lines.entries()) given.set(i + 1, text);
  return [...new Set(given.values())];
}

/** True when the automaton knows the form asked for. */
export function hasAutomaton(request: WritingRequest): boolean {
  return request.tune !== undefined || request.couplet !== undefined || isRegulated(request.form);
}

/**
 * The plan of a request over the characters the model can write.
 *
 * @throws VerseError `verse-request` when form, tune or rhyme is unknown
 */
export function planOf(request: WritingRequest, tokens: TokenInventory): FormPlan {
  const book: BookName = request.book ?? (request.tune === undefined ? 'pingshui' : 'cilin');
  const common = {
    book,
    inventory: tokens.inventory,
    ...(request.rhyme === undefined ? {} : { rhymeGroup: groupOf(book, request.rhyme) }),
    ...(request.fixed === undefined ? {} : { fixed: request.fixed }),
    ...(request.noRepeatedCharacters === undefined ? {} : { noRepeatedCharacters: request.noRepeatedCharacters }),
    ...(request.allowsDoubling === undefined ? {} : { allowsDoubling: request.allowsDoubling }),
  };
  if (request.tune !== undefined) {
    if (findTune(request.tune) === undefined) {
      throw new VerseError('verse-request', `write: there is no tune called ${request.tune} in the tables`, {
        hint: 'common tunes are 浣溪沙 菩萨蛮 西江月 临江仙 蝶恋花 水调歌头',
        zh: {
          message: `词谱中没有词牌“${request.tune}”`,
          hint: '常见的有 浣溪沙 菩萨蛮 西江月 临江仙 蝶恋花 水调歌头',
        },
      });
    }
    return {
      form: '词',
      tune: request.tune,
      ...common,
      ...(request.variant === undefined ? {} : { variant: request.variant }),
    };
  }
  if (request.couplet !== undefined) return { form: '联', upper: request.couplet, ...common };
  if (!isRegulated(request.form)) {
    throw new VerseError(
      'verse-request',
      `write: expected a form of ${REGULATED.join(' ')} or a tune, got ${request.form ?? 'neither'}`,
    );
  }
  return {
    form: request.form,
    ...common,
    ...(request.start === undefined ? {} : { start: request.start }),
    ...(request.firstLineRhymes === undefined ? {} : { firstLineRhymes: request.firstLineRhymes }),
    ...(request.neighbourFirstLine === undefined ? {} : { neighbourFirstLine: request.neighbourFirstLine }),
    ...(request.lineCount === undefined ? {} : { lineCount: request.lineCount }),
  };
}

function groupOf(book: BookName, rhyme: string): number {
  const group = loadBook(book).findGroup(rhyme);
  if (group === undefined) {
    throw new VerseError('verse-request', `write: ${book} has no rhyme group called ${rhyme}`, {
      hint:
        book === 'pingshui'
          ? 'level groups are 东 冬 江 支 微 鱼 虞 齐 佳 灰 真 文 元 寒 删 先 萧 肴 豪 歌 麻 阳 庚 青 蒸 尤 侵 覃 盐 咸'
          : 'name a part, e.g. 第三部, or a character that rhymes in it',
    });
  }
  return group.id;
}

/** Automata kept for each inventory; a request with embedded characters has one for every place they may stand in. */
const AUTOMATA_KEPT = 64;
const automata = new WeakMap<TokenInventory, Map<string, PoemAutomaton>>();

/** What of a request the automaton depends on, as a key. */
export function shapeKey(request: WritingRequest): string {
  const { title: _title, theme: _theme, author: _author, dynasty: _dynasty, ...shape } = request;
  return JSON.stringify(shape);
}

/**
 * The automaton of a request; those asked for last are kept, with the masks that began them.
 *
 * @throws VerseError `verse-request` with the reason and the nearest request that can be satisfied, as a command
 */
export function compileRequest(request: WritingRequest, tokens: TokenInventory): PoemAutomaton {
  let kept = automata.get(tokens);
  if (kept === undefined) {
    kept = new Map();
    automata.set(tokens, kept);
  }
  const key = shapeKey(request);
  const automaton = kept.get(key) ?? compileAnew(request, tokens);
  // The oldest comes first in a map: what is used moves to its end.
  kept.delete(key);
  kept.set(key, automaton);
  if (kept.size > AUTOMATA_KEPT) kept.delete(kept.keys().next().value!);
  return automaton;
}

/** @throws VerseError `verse-request` with the reason and the nearest request that can be satisfied, as a command */
function compileAnew(request: WritingRequest, tokens: TokenInventory): PoemAutomaton {
  try {
    return compilePlan(planOf(request, tokens));
  } catch (error) {
    if (!(error instanceof PlanError)) throw error;
    const command = error.nearest === undefined ? undefined : requestCommand(nearestRequest(request, error.nearest));
    const withCommand = (hint: string): string => (command === undefined ? hint : `${hint}: ${command}`);
    throw new VerseError('verse-request', `write: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: withCommand(error.hint) }),
      zh: { ...error.zh, ...(error.zh.hint === undefined ? {} : { hint: withCommand(error.zh.hint) }) },
      cause: error,
    });
  }
}
