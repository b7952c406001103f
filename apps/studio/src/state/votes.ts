/**
 * Votes on pairs of poems, and the two files `tuiqiao compare --read` takes: the sheet of a reader and the key that says
 * whose side is whose.
 */
export type Side = 'left' | 'right';
export type Preference = Side | 'tie';

/** What two models answered to one request, and where the first of them stands. */
export interface Duel {
  readonly form: string;
  readonly title: string;
  /** In the words of the model, for a preference dataset. */
  readonly prompt: string;
  readonly left: string;
  readonly right: string;
  /** The side of model a. */
  readonly a: Side;
}

export interface Vote extends Duel {
  readonly preference: Preference;
  readonly reader: string;
}

/** Votes on one pair of models. */
export interface Ballot {
  readonly a: string;
  readonly b: string;
  readonly votes: readonly Vote[];
}

export interface Tally {
  readonly wins: number;
  readonly losses: number;
  readonly ties: number;
}

/** Of model a. */
export function tallyOf(votes: readonly Vote[]): Tally {
  const ties = votes.filter(({ preference }) => preference === 'tie').length;
  const wins = votes.filter(({ preference, a }) => preference === a).length;
  return { wins, losses: votes.length - wins - ties, ties };
}

/** `base` and `sft` are one ballot, whichever was named first. */
export function ballotName(a: string, b: string): string {
  return [a, b].sort().join('\n');
}

const itemId = (index: number): string => String(index + 1).padStart(3, '0');

/** A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
function cell(text: string): string {
  const harmless = text.replace(/^(?=[=+\-@\t\r])/u, "'");
  return /["\n\r,]/u.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** With the mark that makes spreadsheets read UTF-8. */
export function writeVotes({ votes }: Ballot): string {
  const rows = votes.map(({ form, title, left, right, preference, reader }, i) => [
    itemId(i),
    form,
    title,
    left,
    right,
    preference,
    reader,
  ]);
  const table = [['id', 'form', 'title', 'left', 'right', 'preference', 'reader'], ...rows];
  return `\uFEFF${table.map((row) => `${row.map(cell).join(',')}\r\n`).join('')}`;
}

export function writeKey({ a, b, votes }: Ballot): string {
  const items = votes.map(({ form, title, left, right }, i) => ({
    id: itemId(i),
    form,
    ...(title === '' ? {} : { title }),
    left,
    right,
  }));
  const key = {
    a,
    b,
    seed: 0,
    items: Object.fromEntries(votes.map((vote, i) => [itemId(i), { a: vote.a, prompt: vote.prompt }])),
  };
  return `${JSON.stringify({ key, items }, null, 2)}\n`;
}
