/** The program: global options, one language for all help, and the list of commands that exist. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type CommandHost, createHost } from './command-host.ts';
import { addCheckCommand } from './commands/check.ts';
import { addCorpusCommand } from './commands/corpus.ts';
import { addDemoCommand } from './commands/demo.ts';
import { addDpoCommand } from './commands/dpo.ts';
import { addEnvCommand } from './commands/env.ts';
import { addEvaluateCommand } from './commands/evaluate.ts';
import { addGrpoCommand } from './commands/grpo.ts';
import { addPrepareCommand } from './commands/prepare.ts';
import { addPretrainCommand } from './commands/pretrain.ts';
import { addSftCommand } from './commands/sft.ts';
import { addTrainCommand } from './commands/train.ts';
import { addWriteCommand } from './commands/write.ts';
import { LANGUAGES, type Language, type MessageKey, translate } from './messages.ts';
import { readVersion } from './program-version.ts';

const MAX_SEED = 0xffff_ffff;

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!Number.isInteger(seed) || seed < 0 || seed > MAX_SEED) {
    throw new InvalidArgumentError(`expected a whole number from 0 to ${MAX_SEED}`);
  }
  return seed;
}

/** Commander's fixed headings → ours. */
function translateHeading(title: string, text: (key: MessageKey) => string): string {
  const headings: Readonly<Record<string, MessageKey>> = {
    'Usage:': 'headingUsage',
    'Arguments:': 'headingArguments',
    'Options:': 'headingOptions',
    'Commands:': 'headingCommands',
    'Global Options:': 'headingGlobal',
  };
  const key = headings[title];
  return key === undefined ? title : text(key);
}

export function createProgram(language: Language): CommandHost {
  const text = (key: MessageKey) => translate(language, key);
  const program = new Command('tuiqiao');
  program
    .description(text('tagline'))
    .version(readVersion(), '-V, --version', text('optionVersion'))
    .helpOption('-h, --help', text('optionHelp'))
    .helpCommand('help [command]', text('commandHelp'))
    .option('--json', text('optionJson'))
    .option('-q, --quiet', text('optionQuiet'))
    .addOption(new Option('--seed <n>', text('optionSeed')).argParser(parseSeed))
    .addOption(new Option('--lang <language>', text('optionLang')).choices([...LANGUAGES]))
    .option('--no-color', text('optionNoColor'))
    .option('--debug', text('optionDebug'))
    .configureHelp({ showGlobalOptions: true, styleTitle: (title) => translateHeading(title, text) })
    // Errors are told by `reportFailure`, in one sentence and with our exit status.
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .addHelpText('after', `\n${text('learnMore')}`);
  const host = createHost(program, language, text);
  addDemoCommand(host);
  addWriteCommand(host);
  addCheckCommand(host);
  addEvaluateCommand(host);
  addCorpusCommand(host);
  addPrepareCommand(host);
  addTrainCommand(host);
  addPretrainCommand(host);
  addSftCommand(host);
  addDpoCommand(host);
  addGrpoCommand(host);
  addEnvCommand(host);
  return host;
}
