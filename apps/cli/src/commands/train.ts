/** `tuiqiao train`: whichever stage the recipe names, as LLaMA-Factory's `train` does. */
import { type CommandHost, examples } from '../command-host.ts';
import { addRecipeInput, loadTypedRecipe, runRecipe } from '../stage-command.ts';
import { tellLadder } from './evaluate.ts';
import { tellPrepared } from './prepare.ts';

export function addTrainCommand(host: CommandHost): void {
  const command = host.program.command('train').description(host.text('trainSummary'));
  const typed = addRecipeInput(command, host, undefined);
  command.option('--resume [run]', host.text('optionResume'));
  command.on('option:resume', (text: string | null) => typed.push({ key: 'resume', value: text ?? true }));
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao train recipes/base-sft.yaml',
      'tuiqiao train recipes/base-sft.yaml --set learningRate=1e-4 --set lora.rank=8',
      'tuiqiao train runs/sft/recipe.yaml --resume',
    ]),
  );
  command.action(
    host.action(async (session, given) =>
      runRecipe(session, given, await loadTypedRecipe(session, given, typed, undefined), {
        prepare: tellPrepared,
        evaluate: tellLadder,
      }),
    ),
  );
}
