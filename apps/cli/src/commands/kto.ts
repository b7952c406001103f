/** `tuiqiao kto`: the kto stage from a recipe. */
import { type CommandHost, examples } from '../command-host.ts';
import { addRecipeInput, loadTypedRecipe, runRecipe } from '../stage-command.ts';

export function addKtoCommand(host: CommandHost): void {
  const command = host.program.command('kto').description(host.text('ktoSummary'));
  const typed = addRecipeInput(command, host, 'kto');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao kto recipes/base-kto.yaml',
      'tuiqiao kto recipes/base-kto.yaml --adapter runs/sft --kto.beta 0.2',
      'tuiqiao kto --resume runs/kto',
    ]),
  );
  command.action(
    host.action(async (session, given) =>
      runRecipe(session, given, await loadTypedRecipe(session, given, typed, 'kto')),
    ),
  );
}
