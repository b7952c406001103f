/** `tuiqiao evaluate`: the ladder of models on the same prompts and seeds. */
import type { EvaluateResult } from '@tuiqiao/recipes';
import type { Recipe } from '@tuiqiao/schema';
import { type CommandHost, examples } from '../command-host.ts';
import { EXIT, type ExitStatus } from '../exit-codes.ts';
import { renderLadder } from '../render/ladder.ts';
import type { Session } from '../session.ts';
import { addRecipeInput, loadTypedRecipe, runRecipe } from '../stage-command.ts';

/** Table or JSON; exit 1 when the last model stays under `failUnder`. */
export async function tellLadder(session: Session, result: unknown, recipe: Recipe): Promise<ExitStatus> {
  const { report, outputDir } = result as EvaluateResult;
  if (session.isJson) await session.printJson(report);
  else await session.print(`${renderLadder(report, session)}\n\n${session.text('runDone', { folder: outputDir })}`);
  const last = report.models.at(-1)?.overall.all;
  const bar = recipe.stage === 'evaluate' ? recipe.failUnder : undefined;
  return bar !== undefined && last !== undefined && last.k / Math.max(1, last.n) < bar ? EXIT.no : EXIT.done;
}

export function addEvaluateCommand(host: CommandHost): void {
  const command = host.program.command('evaluate').description(host.text('evaluateSummary'));
  const typed = addRecipeInput(command, host, 'evaluate');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao evaluate --models models/base-poet --count 100',
      'tuiqiao evaluate --models base=models/base-poet,sft=models/base-poet+runs/sft,dpo=models/base-poet+runs/dpo',
      'tuiqiao evaluate --models models/base-poet+runs/dpo --forms 七绝 --fail-under 0.6',
      'tuiqiao evaluate --models dpo=models/base-poet+runs/dpo --with-constrained --tunes 浣溪沙 --styles 李白,杜甫',
      'tuiqiao evaluate --models base=models/base-poet,qwen=http://localhost:8000/v1#qwen3 --tasks continuation,couplet',
    ]),
  );
  command.action(
    host.action(async (session, given) =>
      runRecipe(session, given, await loadTypedRecipe(session, given, typed, 'evaluate'), { evaluate: tellLadder }),
    ),
  );
}
