/** `tuiqiao pretrain`: the pretrain stage from a recipe. */
import { type CommandHost, examples } from '../command-host.ts';
import { addRecipeInput, loadTypedRecipe, runRecipe } from '../stage-command.ts';

export function addPretrainCommand(host: CommandHost): void {
  const command = host.program.command('pretrain').description(host.text('pretrainSummary'));
  const typed = addRecipeInput(command, host, 'pretrain');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao pretrain recipes/base-poet.yaml',
      'tuiqiao pretrain --corpus starter --max-steps 200 --output-dir runs/try',
      'tuiqiao pretrain --resume runs/pretrain',
      'tuiqiao pretrain --model models/base-poet --output-dir runs/further',
    ]),
  );
  command.action(
    host.action(async (session, given) =>
      runRecipe(session, given, await loadTypedRecipe(session, given, typed, 'pretrain')),
    ),
  );
}
