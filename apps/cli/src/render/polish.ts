/** Rewrites for a reader: the lines that change, the new characters marked, with what the model thinks of them. */
import type { PolishRecord } from '@tuiqiao/recipes';
import type { Session } from '../session.ts';

/** Line `number` of a text as the verdict has it. */
const lineOf = (verdict: PolishRecord['original']['verdict'], number: number): string =>
  verdict.lines[number - 1]?.text ?? '';

export function renderPolish({ original, target, suggestions }: PolishRecord, session: Session): string {
  const { colours } = session;
  const rows = [original.text];
  const faults = original.verdict.findings.filter(({ verdict }) => verdict === '疵' || verdict === '拗可');
  for (const { message } of faults) rows.push(`  ${colours.red(message)}`);
  rows.push('');
  if (target.kind === 'line') rows.push(colours.dim(session.text('polishLine', { line: target.line })));
  if (suggestions.length === 0) rows.push(session.text('polishNothing'));
  for (const [index, { changes, gain, verdict }] of suggestions.entries()) {
    const changed = [...new Set(changes.map(({ line }) => line))];
    const lines = changed.map((line) => {
      const places = new Set(changes.filter((change) => change.line === line).map(({ position }) => position));
      let position = 0;
      const marked = [...lineOf(verdict, line)]
        .map((character) => {
          if (!/\p{Script=Han}/u.test(character)) return character;
          position++;
          return places.has(position) ? colours.bold(colours.green(character)) : character;
        })
        .join('');
      return `${session.text('polishChange', { line })} ${lineOf(original.verdict, line)} → ${marked}`;
    });
    const sign = gain >= 0 ? '+' : '−';
    const score = colours.dim(`${session.text('polishGain')} ${sign}${Math.abs(gain).toFixed(2)}`);
    rows.push(`${String(index + 1).padStart(3)}  ${lines.join('\n     ')}  ${score}`);
  }
  return rows.join('\n');
}
