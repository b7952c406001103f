/** `tuiqiao hub pull`: a model from the Hugging Face hub or a mirror of it. */
import path from 'node:path';
import type { Command } from 'commander';
import { type CommandHost, examples, type Handler } from '../command-host.ts';
import { CliError } from '../errors.ts';
import { EXIT } from '../exit-codes.ts';
import { listenForInterrupt } from '../interrupt.ts';
import { formatBytes, formatCount } from '../render/numbers.ts';

const DEFAULT_ENDPOINT = 'https://huggingface.co';
/** Time between two lines of progress where there is no terminal to draw a bar on. */
const PROGRESS_INTERVAL_MS = 2000;

interface PullFlags {
  readonly dir?: string;
  readonly revision: string;
  readonly file?: string[];
}

const pull: Handler = async (session, command) => {
  const { pullModel } = await import('../hub/pull-model.ts');
  const { defaultCacheFolder } = await import('@tuiqiao/corpus');
  const [repo = ''] = command.args;
  const { dir, revision, file = [] } = command.opts<PullFlags>();
  if (!/^[\w.-]+\/[\w.-]+$/u.test(repo) || repo.split('/').some((part) => /^\.+$/u.test(part))) {
    throw new CliError('command-line', `hub pull: expected organisation/model, got ${repo}`);
  }
  const folder = path.resolve(dir ?? path.join(defaultCacheFolder(), 'models', ...repo.split('/')));
  const interrupt = listenForInterrupt(session);
  let last = 0;
  try {
    const files = await pullModel({
      repo,
      folder,
      revision,
      files: file,
      endpoint: (process.env.HF_ENDPOINT || DEFAULT_ENDPOINT).replace(/\/+$/u, ''),
      token: process.env.HF_TOKEN || undefined,
      signal: interrupt.signal,
      onProgress: ({ file: name, doneBytes, totalBytes }) => {
        const now = Date.now();
        if (now - last < PROGRESS_INTERVAL_MS) return;
        last = now;
        session.say(`${name} ${formatBytes(doneBytes)} / ${formatBytes(totalBytes)}`);
      },
    });
    const totalBytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (session.isJson) {
      await session.printJson({ repo, revision, folder, totalBytes, files });
    } else {
      await session.print(
        session.text('hubPulled', { repo, files: formatCount(files.length), bytes: formatBytes(totalBytes), folder }),
      );
    }
    return EXIT.done;
  } finally {
    interrupt.dispose();
  }
};

export function addHubCommand(host: CommandHost): void {
  const hub: Command = host.program.command('hub').description(host.text('hubSummary'));
  hub
    .command('pull <model>')
    .description(host.text('hubPullSummary'))
    .option('--dir <folder>', host.text('optionHubDir'))
    .option('--revision <name>', host.text('optionHubRevision'), 'main')
    .option('--file <name...>', host.text('optionHubFile'))
    .addHelpText(
      'after',
      examples(host, [
        'tuiqiao hub pull Qwen/Qwen3-0.6B',
        'HF_ENDPOINT=https://hf-mirror.com tuiqiao hub pull Qwen/Qwen3-0.6B --dir models/qwen3',
        'tuiqiao hub pull Qwen/Qwen3-0.6B-GGUF --file Qwen3-0.6B-Q8_0.gguf',
      ]),
    )
    .action(host.action(pull));
}
