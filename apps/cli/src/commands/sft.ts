/** `tuiqiao sft`: the sft stage from a recipe. */
import { type CommandHost, examples } from '../command-host.ts';
import { addRecipeInput, loadTypedRecipe, runRecipe } from '../stage-command.ts';

export function addSftCommand(host: CommandHost): void {
  const command = host.program.command('sft').description(host.text('sftSummary'));
  const typed = addRecipeInput(command, host, 'sft');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao sft recipes/base-sft.yaml',
      'tuiqiao sft recipes/base-sft.yaml --lora.rank 8 --learning-rate 1e-4',
      'tuiqiao sft recipes/base-sft.yaml --set epochs=2 --dry-run',
      'tuiqiao sft --resume runs/sft',
    ]),
  );
  command.action(
    host.action(async (session, given) =>
      runRecipe(session, given, await loadTypedRecipe(session, given, typed, 'sft')),
    ),
  );
}
