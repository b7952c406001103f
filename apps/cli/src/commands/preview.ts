/** `tuiqiao preview`: what a fine-tuning recipe learns from, with the loss mask in colour. */
import type { PreviewResult } from '@tuiqiao/recipes';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT, type ExitStatus } from '../exit-codes.ts';
import { formatCount } from '../render/numbers.ts';
import { runInWorker } from '../run-in-worker.ts';
import type { Session } from '../session.ts';
import { addRecipeInput, loadTypedRecipe } from '../stage-command.ts';

async function tell(session: Session, result: PreviewResult): Promise<ExitStatus> {
  for (const warning of result.warnings) session.warn(warning);
  if (session.isJson) {
    await session.printJson(result);
    return EXIT.done;
  }
  const { bold, dim, green, yellow } = session.colours;
  for (const { id, spans, tokens, learntTokens } of result.examples) {
    // Without colours the learnt parts stand in brackets.
    const isPlain = green('x') === 'x';
    const text = spans.map(({ text: part, weight }) => {
      if (weight === 0) return dim(part);
      if (isPlain) return `⟦${part}⟧`;
      return weight === 1 ? green(part) : yellow(part);
    });
    await session.print(`${bold(id)}  ${learntTokens}/${tokens}\n${text.join('')}\n`);
  }
  const { totals } = result;
  await session.print(
    session.text('previewTotals', {
      examples: formatCount(totals.examples),
      tokens: formatCount(totals.tokens),
      learnt: formatCount(totals.learntTokens),
    }),
  );
  return EXIT.done;
}

export function addPreviewCommand(host: CommandHost): void {
  const command = host.program.command('preview').description(host.text('previewSummary'));
  const typed = addRecipeInput(command, host, 'sft');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao preview recipes/base-sft.yaml',
      'tuiqiao preview --dataset data.jsonl --model models/base-poet',
    ]),
  );
  command.action(
    host.action(async (session, given) => {
      const recipe = await loadTypedRecipe(session, given, typed, 'sft');
      return tell(session, (await runInWorker('preview', recipe, {})) as PreviewResult);
    }),
  );
}
