/** What of a poem is to be written anew, and the automaton that keeps the rest. Places count from 1, as `check` counts. */
import {
  compilePlan,
  type FixedCharacter,
  type FormPlan,
  PlanError,
  type PoemAutomaton,
  splitText,
  type Verdict,
} from '@tuiqiao/prosody';
import { VerseError } from '../errors.ts';
import { planOf, type WritingRequest } from '../request-plan.ts';
import type { TokenInventory } from '../token-inventory.ts';

export type PolishTarget =
  | { readonly kind: 'character'; readonly line: number; readonly position: number }
  | { readonly kind: 'line'; readonly line: number }
  /** Lines 2n − 1 and 2n. */
  | { readonly kind: 'couplet'; readonly couplet: number }
  /** Every place where a rule is broken; what is chosen when nothing is asked for and the poem has faults. */
  | { readonly kind: 'faults' };

/** A place of the poem as `check` counts it. */
export interface PoemPlace {
  readonly line: number;
  readonly position: number;
  readonly character: string;
}

export interface PolishPlan {
  readonly automaton: PoemAutomaton;
  /** The poem itself as an automaton that lets nothing else through: for its own log-probability. */
  readonly original: PoemAutomaton;
  /** By flat index of the characters. */
  readonly isOpen: readonly boolean[];
  /** Faults outside the target that are kept. */
  readonly keepsFaults: boolean;
}

/** Characters of the poem in order, with their places. */
export function placesOf(text: string): PoemPlace[] {
  return splitText(text).lines.flatMap(({ chars }, line) =>
    chars.map((character, position) => ({ line: line + 1, position: position + 1, character })),
  );
}

const isFault = ({ verdict }: Verdict['findings'][number]): boolean => verdict === '疵' || verdict === '拗可';

/** True where a finding stands: at its character, or anywhere in its line when it names none. */
function faultyPlaces(places: readonly PoemPlace[], verdict: Verdict): boolean[] {
  const faults = verdict.findings.filter(isFault);
  return places.map(({ line, position }) =>
    faults.some((fault) => fault.line === line && (fault.position === undefined || fault.position === position)),
  );
}

function openPlaces(places: readonly PoemPlace[], target: PolishTarget, verdict: Verdict): boolean[] {
  switch (target.kind) {
    case 'character':
      return places.map(({ line, position }) => line === target.line && position === target.position);
    case 'line':
      return places.map(({ line }) => line === target.line);
    case 'couplet':
      return places.map(({ line }) => Math.ceil(line / 2) === target.couplet);
    case 'faults':
      return faultyPlaces(places, verdict);
    default:
      return target satisfies never;
  }
}

/**
 * The automaton of the rewrite: open places are free, all others stand. Faults that stand outside the target stay, since
 * nobody asked for other places; everything that is written anew keeps every rule.
 *
 * @throws VerseError `verse-request` when the target is not in the poem, its length is not the form's, or nothing fits
 */
export function planPolish(
  text: string,
  verdict: Verdict,
  request: WritingRequest,
  target: PolishTarget,
  tokens: TokenInventory,
): PolishPlan {
  const places = placesOf(text);
  const isOpen = openPlaces(places, target, verdict);
  if (!isOpen.includes(true)) {
    throw new VerseError('verse-request', `polish: expected a place inside the poem, got ${describeTarget(target)}`, {
      zh: { message: '要改的地方不在诗内' },
    });
  }
  const unknown = places.find(({ character }, i) => !isOpen[i] && tokens.inventory.indexOf(character) < 0);
  if (unknown !== undefined) {
    throw new VerseError('verse-request', `polish: expected characters the model knows, got ${unknown.character}`, {
      zh: { message: `模型不认得“${unknown.character}”` },
    });
  }
  const whole = fixAll(request, places, tokens);
  const original = compilePlan({
    ...whole.plan,
    fixed: whole.fixed.map((each) => ({ ...each, isExempt: true })),
  } as FormPlan);
  const faulty = faultyPlaces(places, verdict);
  const faultyLines = new Set(verdict.findings.filter(isFault).map(({ line }) => line));
  const kept = whole.fixed.filter((_, i) => !isOpen[i]);
  const keptPlaces = places.flatMap((place, i) => (isOpen[i] ? [] : [{ ...place, isFaulty: faulty[i]! }]));
  const exempting: readonly ((i: number) => boolean)[] = [
    () => false,
    (i) => keptPlaces[i]!.isFaulty,
    (i) => faultyLines.has(keptPlaces[i]!.line),
  ];
  let reason: PlanError | undefined;
  for (const [degree, isExempt] of exempting.entries()) {
    const fixed = kept.map((each, i) => (isExempt(i) ? { ...each, isExempt: true } : each));
    for (const noRepeatedCharacters of [request.noRepeatedCharacters ?? false, false]) {
      const plan = { ...whole.plan, fixed, noRepeatedCharacters } as FormPlan;
      try {
        return { automaton: compilePlan(plan), original, isOpen, keepsFaults: degree > 0 };
      } catch (error) {
        if (!(error instanceof PlanError)) throw error;
        reason ??= error;
      }
    }
    if (faultyLines.size === 0) break;
  }
  throw new VerseError('verse-request', `polish: ${reason!.message}`, {
    hint: 'open more of the poem: a line instead of a character, a couplet instead of a line',
    zh: { message: reason!.zh.message, hint: '多放开一些：由一字到一句，由一句到一联' },
    cause: reason,
  });
}

/** Every character of the poem as a fixed one, at the place the automaton has for it. */
function fixAll(
  request: WritingRequest,
  places: readonly PoemPlace[],
  tokens: TokenInventory,
): { plan: FormPlan; fixed: FixedCharacter[] } {
  const plan = planOf(request, tokens);
  const slots = slotsOf(compilePlan(plan));
  if (slots.length !== places.length) {
    const form = request.tune ?? request.form;
    throw new VerseError(
      'verse-request',
      `polish: expected ${slots.length} characters of a ${form}, got ${places.length}`,
      {
        hint: 'a character too many or too few must be mended first; `tuiqiao check` says where',
        zh: {
          message: `${form}应有 ${slots.length} 字，现有 ${places.length} 字`,
          hint: '先补足或删去，tuiqiao check 会指出在哪里',
        },
      },
    );
  }
  return { plan, fixed: places.map(({ character }, i) => ({ ...slots[i]!, character })) };
}

/** Places as the automaton counts them (a line of ci ends at 读, too), in order. */
function slotsOf(automaton: PoemAutomaton): { line: number; position: number }[] {
  const slots: { line: number; position: number }[] = [];
  let state = automaton.start;
  while (!automaton.isComplete(state)) {
    const allowed = automaton.allowed(state);
    if (allowed.kind === 'end') break;
    if (allowed.kind === 'mark') {
      state = automaton.advance(state, allowed.mark)!;
      continue;
    }
    slots.push(automaton.place(state)!);
    const word = allowed.bits.findIndex((bits) => bits !== 0);
    const bits = allowed.bits[word]!;
    state = automaton.advanceIndex(state, word * 32 + 31 - Math.clz32(bits & -bits))!;
  }
  return slots;
}

function describeTarget(target: PolishTarget): string {
  switch (target.kind) {
    case 'character':
      return `line ${target.line} position ${target.position}`;
    case 'line':
      return `line ${target.line}`;
    case 'couplet':
      return `couplet ${target.couplet}`;
    case 'faults':
      return 'a poem without faults';
    default:
      return target satisfies never;
  }
}
