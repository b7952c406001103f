/** From what is asked to the machine that writes it: checks the plan, keeps the patterns that can be written, or says why none can. */
import type { Book } from '../book-types.ts';
import { loadBook } from '../books.ts';
import { ciLayout } from './ci-layout.ts';
import { coupletLayouts } from './couplet-layout.ts';
import { PlanError, type Words } from './errors.ts';
import type { Layout, Pattern } from './layout.ts';
import { createMachine } from './machine.ts';
import { nearestPlan } from './nearest-plan.ts';
import { type FixedSlots, fixedRhymes, needsOf, openBoxesOf } from './pattern-facts.ts';
import type { FormPlan } from './plan.ts';
import type { PoemAutomaton } from './poem-automaton.ts';
import { regulatedLayout } from './regulated-layout.ts';
import { suppliedGroups } from './rhyme-supply.ts';
import { buildToneSets, GROUP_BITS, groupsOf, loadToneSets, type ToneSets } from './tone-sets.ts';

/**
 * The automaton of a plan.
 *
 * @throws PlanError `PLAN_UNSATISFIABLE` when no poem keeps all of the plan (with the nearest plan that can be kept),
 *   `PLAN_UNKNOWN_TUNE`, `PLAN_UNKNOWN_VARIANT`, `PLAN_UNKNOWN_RHYME`, `PLAN_INVALID` when the plan itself is wrong.
 */
export function compilePlan(plan: FormPlan): PoemAutomaton {
  const attempt = tryPlan(plan);
  if (!Array.isArray(attempt)) return attempt;
  const found = nearestPlan(plan, (relaxed) => !Array.isArray(tryPlan(relaxed)));
  const join = (language: keyof Words, words: readonly Words[], mark: string) =>
    [...new Set(words.map((each) => each[language]))].join(mark);
  throw new PlanError(
    'PLAN_UNSATISFIABLE',
    {
      en: `compilePlan: expected a plan that some poem keeps, got one where ${join('en', attempt, '; ')}`,
      zh: `没有诗能满足这些要求：${join('zh', attempt, '；')}`,
    },
    found === undefined
      ? {}
      : {
          hint: {
            en: `leave out ${join('en', found.dropped, ' and ')}`,
            zh: `不要求${join('zh', found.dropped, '和')}就能写`,
          },
          nearest: found.plan,
        },
  );
}

/** The machine, or a reason for each pattern why it cannot be written. */
function tryPlan(plan: FormPlan): PoemAutomaton | Words[] {
  const book = planBook(plan);
  const forbidden = plan.forbiddenCharacters ?? [];
  const sets =
    forbidden.length === 0
      ? loadToneSets(plan.inventory, book.name)
      : buildToneSets(plan.inventory, book, new Set(forbidden));
  if (plan.form !== '联') {
    return tryLayout(plan, plan.form === '词' ? ciLayout(plan) : regulatedLayout(plan), sets, book);
  }
  let attempt: PoemAutomaton | Words[] = [];
  for (const { layout, fixed } of coupletLayouts(plan, book)) {
    if (plan.rhymeGroup !== undefined && layout.patterns.every(({ rhymes }) => rhymes.every((each) => each === null))) {
      return [
        {
          en: 'the upper line ends in 平, so that the answer ends in 仄 and has no rhyme',
          zh: '上联以平声收，下联应以仄声收，不押韵',
        },
      ];
    }
    attempt = tryLayout({ ...plan, fixed: [...fixed, ...(plan.fixed ?? [])] }, layout, sets, book);
    if (!Array.isArray(attempt)) break;
  }
  return attempt;
}

function tryLayout(plan: FormPlan, layout: Layout, sets: ToneSets, book: Book): PoemAutomaton | Words[] {
  const noRepeatedCharacters = plan.noRepeatedCharacters ?? false;
  const fixed = fixedSlots(plan, layout);
  const neighbours = neighbourBits(book);
  const supplyReason = noRepeatedCharacters ? inventoryReason(plan, layout, sets) : undefined;
  const fixedReason = fixedCharacterReason(plan, fixed, sets);
  if (supplyReason !== undefined || fixedReason !== undefined) return [supplyReason ?? fixedReason!];

  const reasons: Words[] = [];
  const patterns: Pattern[] = [];
  const initialGroups: number[][] = [];
  for (const pattern of layout.patterns) {
    const reason = toneReason(layout, pattern, fixed, plan, sets);
    const groups = reason === undefined ? openGroups(plan, layout, pattern, fixed, neighbours, sets) : [];
    const failed = groups.indexOf(0);
    if (reason !== undefined) reasons.push(reason);
    else if (failed >= 0)
      reasons.push({
        en: `no rhyme group has the fixed rhymes and enough other characters (${pattern.name})`,
        zh: `没有一个韵部既含指定的韵脚、又有足够的字（${pattern.name}）`,
      });
    else {
      patterns.push(pattern);
      initialGroups.push(groups);
    }
  }
  if (patterns.length === 0) return reasons;
  return createMachine({
    layout: { ...layout, patterns },
    sets,
    inventory: plan.inventory,
    fixed,
    neighbours,
    initialGroups,
    noRepeatedCharacters,
    allowsDoubling: noRepeatedCharacters && (plan.allowsDoubling ?? false),
  });
}

function planBook(plan: FormPlan): Book {
  const name = plan.book ?? (plan.form === '词' ? 'cilin' : 'pingshui');
  if (plan.form === '词' && name === 'pingshui') {
    throw new PlanError('PLAN_INVALID', {
      en: 'compilePlan: expected cilin, xinyun or tongyun as the book of a ci, got pingshui',
      zh: '词不用平水韵，请用 cilin（词林正韵）、xinyun 或 tongyun',
    });
  }
  if (name === 'guangyun') {
    throw new PlanError('PLAN_INVALID', {
      en: 'compilePlan: expected pingshui, cilin, xinyun or tongyun, got guangyun (its 206 rhymes serve checking only)',
      zh: '广韵二百零六韵只用于检验，作诗请用 pingshui、cilin、xinyun 或 tongyun',
    });
  }
  const book = loadBook(name);
  const { rhymeGroup } = plan;
  if (rhymeGroup !== undefined) {
    const group = book.group(rhymeGroup);
    if (group === undefined || rhymeGroup > GROUP_BITS) {
      const levelOnly = group === undefined ? '' : ` (${group.name} is oblique; regulated verse rhymes in level tones)`;
      throw new PlanError('PLAN_UNKNOWN_RHYME', {
        en: `compilePlan: expected a rhyme group of ${name}, got ${rhymeGroup}${levelOnly}`,
        zh: group === undefined ? `${name} 没有第 ${rhymeGroup} 个韵部` : `${group.name}是仄声韵，近体诗押平声韵`,
      });
    }
  }
  return book;
}

function fixedSlots(plan: FormPlan, layout: Layout): FixedSlots {
  const indexes = new Int32Array(layout.slots.length).fill(-1);
  const exempt = new Uint8Array(layout.slots.length);
  const slotAt = new Map(layout.slots.map((cell, slot) => [`${cell.line} ${cell.position}`, slot]));
  for (const { line, position, character, isExempt } of plan.fixed ?? []) {
    const slot = slotAt.get(`${line} ${position}`);
    if (slot === undefined) {
      throw new PlanError('PLAN_INVALID', {
        en: `compilePlan: expected a place inside the poem for ${character}, got line ${line} position ${position}`,
        zh: `指定的“${character}”不在诗内：没有第${line}句第${position}字`,
      });
    }
    const index = plan.inventory.indexOf(character);
    if (index < 0) {
      throw new PlanError('PLAN_INVALID', {
        en: `compilePlan: expected fixed characters of the inventory, got ${character}`,
        zh: `模型写不出指定的字“${character}”`,
      });
    }
    if (indexes[slot]! >= 0 && indexes[slot] !== index) {
      throw new PlanError('PLAN_INVALID', {
        en: `compilePlan: expected one character at line ${line} position ${position}, got two`,
        zh: `第${line}句第${position}字指定了两个不同的字`,
      });
    }
    indexes[slot] = index;
    if (isExempt) exempt[slot] = 1;
  }
  return { indexes, exempt };
}

function fixedCharacterReason(plan: FormPlan, fixed: FixedSlots, sets: ToneSets): Words | undefined {
  for (const [slot, index] of fixed.indexes.entries()) {
    if (index < 0 || fixed.exempt[slot]) continue;
    const character = plan.inventory.characters[index];
    if (sets.listed.tones[index] === 0) {
      const isForbidden = plan.forbiddenCharacters?.includes(character!) ?? false;
      return {
        en: `${character} is ${isForbidden ? 'both fixed and forbidden' : 'not in the rhyme book'}`,
        zh: `“${character}”${isForbidden ? '既指定又禁用' : '不在韵书里'}`,
      };
    }
  }
  return undefined;
}

/** Without repetition every slot takes a character away; this many of each tone can never run out. */
function inventoryReason(plan: FormPlan, layout: Layout, sets: ToneSets): Words | undefined {
  const count = (bits: Uint32Array) => bits.reduce((sum, word) => sum + popCount(word), 0);
  const fewest = Math.min(count(sets.byTone[1]!), count(sets.byTone[2]!));
  const rhymes = Math.max(...layout.patterns.map((pattern) => pattern.rhymes.filter(Boolean).length));
  const needed = layout.slots.length + rhymes;
  if (fewest >= needed) return undefined;
  return {
    en: `the inventory (${plan.inventory.characters.length} characters) has fewer than ${needed} of one tone and none may be repeated`,
    zh: `可写的平声字或仄声字不足 ${needed} 个，又不许重字`,
  };
}

/** Why the fixed characters' tones do not fit the pattern. */
function toneReason(
  layout: Layout,
  pattern: Pattern,
  fixed: FixedSlots,
  plan: FormPlan,
  sets: ToneSets,
): Words | undefined {
  const emptyTone = [1, 2].find((tone) => sets.byTone[tone]!.every((word) => word === 0));
  if (emptyTone !== undefined) {
    const name = emptyTone === 1 ? '平' : '仄';
    return { en: `the inventory has no character of ${name}`, zh: `没有可写的${name}声字` };
  }
  const closed = openBoxesOf(layout, pattern, fixed, sets).indexOf(0);
  if (closed < 0) return undefined;
  for (const [slot, cell] of layout.slots.entries()) {
    const index = fixed.indexes[slot]!;
    if (cell.unit !== closed || index < 0 || fixed.exempt[slot]) continue;
    const tones = sets.listed.tones[index]! & 3;
    if (pattern.units[closed]!.boxes.some((box) => box[cell.offset]! & tones)) continue;
    const character = plan.inventory.characters[index];
    const [has, wants] = tones === 1 ? ['平', '仄'] : ['仄', '平'];
    return {
      en: `line ${cell.line} position ${cell.position} wants ${wants} and ${character} is ${has} (${pattern.name})`,
      zh: `第${cell.line}句第${cell.position}字应${wants}而“${character}”是${has}（${pattern.name}）`,
    };
  }
  const { line } = layout.slots.find((cell) => cell.unit === closed)!;
  return {
    en: `the fixed characters from line ${line} on do not fit together (${pattern.name})`,
    zh: `第${line}句起指定的字平仄互不相容（${pattern.name}）`,
  };
}

/** Rhyme groups by set that hold the fixed rhymes and enough other characters; 0 where there is none. */
function openGroups(
  plan: FormPlan,
  layout: Layout,
  pattern: Pattern,
  fixed: FixedSlots,
  neighbours: Uint32Array,
  sets: ToneSets,
): number[] {
  const everyGroup = 2 ** GROUP_BITS - 1;
  const groups = Array.from({ length: pattern.setCount }, (_, set) =>
    set === 0 && plan.rhymeGroup !== undefined ? 1 << (plan.rhymeGroup - 1) : everyGroup,
  );
  for (const [slot, rhyme] of pattern.rhymes.entries()) {
    if (!rhyme) continue;
    if (fixed.indexes[slot]! >= 0 && !fixed.exempt[slot]) {
      const reached = groupsOf(sets.listed, fixed.indexes[slot]!, rhyme.tones);
      groups[rhyme.set]! &= rhyme.mayBorrow ? reached | neighboursOf(reached, neighbours) : reached;
    }
  }
  const noRepeatedCharacters = plan.noRepeatedCharacters ?? false;
  const isFixed = (slot: number) => fixed.indexes[slot]! >= 0;
  const need = needsOf(pattern, isFixed, noRepeatedCharacters)[0]!;
  const used = fixedRhymes(pattern, fixed);
  const written = [...new Set(fixed.indexes)].filter((index) => index >= 0);
  return groups.map((open, set) => {
    if (!mayAllRepeat(pattern, fixed, set)) return 0;
    const taken = noRepeatedCharacters ? written : used[set]!;
    const supplied = suppliedGroups(sets, open, need[set]!, taken, 0);
    const first = pattern.rhymes.findIndex((rhyme) => rhyme?.set === set);
    if (first < 0 || isFixed(first)) return supplied;
    // The first rhyme may ask for more (a confirmed tone) or be content with less (a neighbour group) than the others.
    const { unit, offset } = layout.slots[first]!;
    const wanted = pattern.units[unit]!.boxes.reduce((bits, box) => bits | box[offset]!, 0);
    const mayBorrow = pattern.rhymes[first]!.mayBorrow;
    const after = needsOf(pattern, isFixed, noRepeatedCharacters)[first + 1]![set]!;
    const ample = suppliedGroups(sets, supplied, { ...after, all: Math.max(1, after.all) }, taken, 1);
    const spent = taken.length + (noRepeatedCharacters ? first : 0);
    return filterBits(supplied, (group) => {
      const own = (ample >>> group) & 1 ? [group] : [];
      const sources = mayBorrow ? [...own, ...bitsOf(neighbours[group]!)] : own;
      return countFitting(sources, pattern.rhymes[first]!.tones, wanted, sets) > spent;
    });
  });
}

/** Characters of the groups that have one of the wanted tone bits. */
function countFitting(groups: readonly number[], tones: number, wanted: number, sets: ToneSets): number {
  const fitting = sets.byTone[wanted]!;
  let count = 0;
  for (let word = 0; word < fitting.length; word++) {
    const rhyming = groups.reduce((bits, group) => bits | sets.byGroup[tones]![group]![word]!, 0);
    count += popCount(rhyming & fitting[word]!);
  }
  return count;
}

/** A rhyme character fixed twice is legal only where each repetition directly follows, in a line that may repeat (叠句). */
function mayAllRepeat(pattern: Pattern, fixed: FixedSlots, set: number): boolean {
  const seen = new Set<number>();
  let previous = -1;
  for (const [slot, rhyme] of pattern.rhymes.entries()) {
    if (!rhyme || rhyme.set !== set) continue;
    const index = fixed.exempt[slot] ? -1 : fixed.indexes[slot]!;
    if (index >= 0 && seen.has(index) && !(rhyme.mayRepeat && previous === index)) return false;
    if (index >= 0) seen.add(index);
    previous = index;
  }
  return true;
}

function neighbourBits(book: Book): Uint32Array {
  const bits = new Uint32Array(GROUP_BITS);
  for (const group of book.groups) {
    if (group.id > GROUP_BITS) continue;
    for (const other of book.neighbours(group.id)) if (other <= GROUP_BITS) bits[group.id - 1]! |= 1 << (other - 1);
  }
  return bits;
}

const neighboursOf = (groups: number, neighbours: Uint32Array) =>
  bitsOf(groups).reduce((found, group) => found | neighbours[group]!, 0);

function bitsOf(mask: number): number[] {
  return Array.from({ length: GROUP_BITS }, (_, bit) => bit).filter((bit) => (mask >>> bit) & 1);
}

const filterBits = (mask: number, keep: (bit: number) => boolean) =>
  bitsOf(mask).reduce((kept, bit) => (keep(bit) ? kept | (1 << bit) : kept), 0);

function popCount(word: number): number {
  let count = 0;
  for (let rest = word; rest !== 0; rest &= rest - 1) count++;
  return count;
}
