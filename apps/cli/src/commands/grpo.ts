/** `tuiqiao grpo`: the grpo stage from a recipe. */
import { type CommandHost, examples } from '../command-host.ts';
import { addRecipeInput, loadTypedRecipe, runRecipe } from '../stage-command.ts';

export function addGrpoCommand(host: CommandHost): void {
  const command = host.program.command('grpo').description(host.text('grpoSummary'));
  const typed = addRecipeInput(command, host, 'grpo');
  command.addHelpText(
    'after',
    examples(host, [
      'tuiqiao grpo recipes/base-grpo.yaml',
      'tuiqiao grpo recipes/base-grpo.yaml --adapter runs/dpo --grpo.beta 0.05',
      'tuiqiao grpo recipes/base-grpo.yaml --rewards shape,rhyme,tones,./moon.ts',
      'tuiqiao grpo --resume runs/grpo',
    ]),
  );
  command.action(
    host.action(async (session, given) =>
      runRecipe(session, given, await loadTypedRecipe(session, given, typed, 'grpo')),
    ),
  );
}
