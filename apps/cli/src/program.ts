/** The program: global options, one language for all help, and the list of commands that exist. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type CommandHost, createHost } from './command-host.ts';
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

/**
 * Every command, in the order of the help. A command's file is read only when its name stands on the command line: one
 * poem is checked before all stages, their options and the engine would have been loaded.
 */
const COMMANDS: readonly {
  readonly name: string;
  readonly summary: MessageKey;
  readonly load: () => Promise<(host: CommandHost) => void>;
}[] = [
  { name: 'demo', summary: 'demoSummary', load: async () => (await import('./commands/demo.ts')).addDemoCommand },
  { name: 'write', summary: 'writeSummary', load: async () => (await import('./commands/write.ts')).addWriteCommand },
  {
    name: 'polish',
    summary: 'polishSummary',
    load: async () => (await import('./commands/polish.ts')).addPolishCommand,
  },
  { name: 'check', summary: 'checkSummary', load: async () => (await import('./commands/check.ts')).addCheckCommand },
  {
    name: 'evaluate',
    summary: 'evaluateSummary',
    load: async () => (await import('./commands/evaluate.ts')).addEvaluateCommand,
  },
  { name: 'hub', summary: 'hubSummary', load: async () => (await import('./commands/hub.ts')).addHubCommand },
  {
    name: 'compare',
    summary: 'compareSummary',
    load: async () => (await import('./commands/compare.ts')).addCompareCommand,
  },
  {
    name: 'corpus',
    summary: 'corpusSummary',
    load: async () => (await import('./commands/corpus.ts')).addCorpusCommand,
  },
  {
    name: 'prepare',
    summary: 'prepareSummary',
    load: async () => (await import('./commands/prepare.ts')).addPrepareCommand,
  },
  {
    name: 'preview',
    summary: 'previewSummary',
    load: async () => (await import('./commands/preview.ts')).addPreviewCommand,
  },
  { name: 'train', summary: 'trainSummary', load: async () => (await import('./commands/train.ts')).addTrainCommand },
  {
    name: 'pretrain',
    summary: 'pretrainSummary',
    load: async () => (await import('./commands/pretrain.ts')).addPretrainCommand,
  },
  { name: 'sft', summary: 'sftSummary', load: async () => (await import('./commands/sft.ts')).addSftCommand },
  { name: 'dpo', summary: 'dpoSummary', load: async () => (await import('./commands/dpo.ts')).addDpoCommand },
  { name: 'kto', summary: 'ktoSummary', load: async () => (await import('./commands/kto.ts')).addKtoCommand },
  { name: 'rm', summary: 'rmSummary', load: async () => (await import('./commands/rm.ts')).addRmCommand },
  { name: 'grpo', summary: 'grpoSummary', load: async () => (await import('./commands/grpo.ts')).addGrpoCommand },
  { name: 'merge', summary: 'mergeSummary', load: async () => (await import('./commands/merge.ts')).addMergeCommand },
  {
    name: 'export',
    summary: 'exportSummary',
    load: async () => (await import('./commands/export.ts')).addExportCommand,
  },
  { name: 'chat', summary: 'chatSummary', load: async () => (await import('./commands/chat.ts')).addChatCommand },
  { name: 'serve', summary: 'serveSummary', load: async () => (await import('./commands/serve.ts')).addServeCommand },
  {
    name: 'studio',
    summary: 'studioSummary',
    load: async () => (await import('./commands/studio.ts')).addStudioCommand,
  },
  { name: 'env', summary: 'envSummary', load: async () => (await import('./commands/env.ts')).addEnvCommand },
];

/** @param argv the words typed; without them every command is loaded. */
export async function createProgram(language: Language, argv?: readonly string[]): Promise<CommandHost> {
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
    .configureHelp({
      showGlobalOptions: true,
      styleTitle: (title) => translateHeading(title, text),
      // Commands that are not loaded know neither their options nor their arguments.
      subcommandTerm: (command) => command.name(),
    })
    // Errors are told by `reportFailure`, in one sentence and with our exit status.
    .exitOverride()
    .configureOutput({ writeErr: () => undefined, outputError: () => undefined })
    .addHelpText('after', `\n${text('learnMore')}`);
  const host = createHost(program, language, text);
  const words = new Set(argv);
  for (const { name, summary, load } of COMMANDS) {
    if (argv === undefined || words.has(name)) (await load())(host);
    else program.command(name).description(text(summary));
  }
  return host;
}
