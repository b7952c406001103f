/** `tuiqiao dpo`: the dpo stage from a recipe. */
import { type CommandHost, examples } from '../command-host.ts';
import { addRecipeInput, loadTypedRecipe, runRecipe } from '../stage-command.ts';

export function addDpoCommand(host: CommandHost): void {
  const command = host.program.command('dpo').description(host.text('dpoSummary'));
  const typed = addRecipeInput(command, host, 'dpo');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao dpo recipes/base-dpo.yaml',
      'tuiqiao dpo recipes/base-dpo.yaml --adapter runs/sft --dpo.beta 0.2',
      'tuiqiao dpo --resume runs/dpo',
    ]),
  );
  command.action(
    host.action(async (session, given) =>
      runRecipe(session, given, await loadTypedRecipe(session, given, typed, 'dpo')),
    ),
  );
}
