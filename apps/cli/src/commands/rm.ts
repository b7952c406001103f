/** `tuiqiao rm`: the rm stage from a recipe. */
import { type CommandHost, examples } from '../command-host.ts';
import { addRecipeInput, loadTypedRecipe, runRecipe } from '../stage-command.ts';

export function addRmCommand(host: CommandHost): void {
  const command = host.program.command('rm').description(host.text('rmSummary'));
  const typed = addRecipeInput(command, host, 'rm');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao rm recipes/base-rm.yaml',
      'tuiqiao rm recipes/base-rm.yaml --pairs.source negatives',
      'tuiqiao rm --resume runs/rm',
    ]),
  );
  command.action(
    host.action(async (session, given) =>
      runRecipe(session, given, await loadTypedRecipe(session, given, typed, 'rm')),
    ),
  );
}
