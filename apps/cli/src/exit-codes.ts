/** Error codes of every package → exit status and the Chinese words put before the sentence. Read in one place. */

export const EXIT = {
  done: 0,
  /** The work ran and the answer is no. */
  no: 1,
  /** The request was wrong. */
  request: 2,
  /** The environment cannot do it. */
  environment: 3,
  interrupted: 130,
} as const;

export type ExitStatus = (typeof EXIT)[keyof typeof EXIT];

interface ErrorEntry {
  readonly status: ExitStatus;
  readonly zh: string;
}

const request = (zh: string): ErrorEntry => ({ status: EXIT.request, zh });
const environment = (zh: string): ErrorEntry => ({ status: EXIT.environment, zh });

export const ERROR_TABLE: Readonly<Record<string, ErrorEntry>> = {
  // the command line
  'command-line': request('命令有误'),
  'no-poem': request('没有找到诗'),
  'input-not-found': request('找不到输入'),
  'input-bad': request('输入有误'),
  internal: environment('程序内部出错'),
  // schema
  'option-unknown': request('不认识的选项'),
  'option-bad-value': request('选项的值不对'),
  'option-missing': request('缺少选项'),
  'option-twice': request('同一选项给了两次'),
  'option-unsupported': request('本版本做不到'),
  'recipe-not-a-map': request('配方格式不对'),
  'stage-unknown': request('不认识的阶段'),
  'stage-not-yet': request('本版本没有这个阶段'),
  // recipes
  'recipe-not-found': request('找不到配方'),
  'recipe-too-large': request('配方过大'),
  'recipe-bad-yaml': request('配方不是合格的 YAML'),
  'recipe-bad-override': request('--set 有误'),
  'run-folder-in-use': request('运行文件夹正被占用'),
  'run-folder-not-empty': request('运行文件夹里已有一次运行'),
  'run-folder-damaged': request('运行文件夹已损坏'),
  'checkpoint-not-found': request('找不到检查点'),
  'disk-full': environment('磁盘已满'),
  'disk-not-writable': environment('无法写入'),
};

/** Node's own errors, by `code`. */
const SYSTEM_TABLE: Readonly<Record<string, ErrorEntry & { readonly ours: string }>> = {
  ENOSPC: { ...environment('磁盘已满'), ours: 'disk-full' },
  EDQUOT: { ...environment('磁盘已满'), ours: 'disk-full' },
  EROFS: { ...environment('无法写入'), ours: 'disk-not-writable' },
  EACCES: { ...environment('没有权限'), ours: 'disk-not-writable' },
  ENOENT: { ...request('找不到文件'), ours: 'input-not-found' },
  EISDIR: { ...request('是文件夹而非文件'), ours: 'input-bad' },
  ERR_WORKER_OUT_OF_MEMORY: { ...environment('内存不足'), ours: 'out-of-memory' },
};

/** An error as a person or a program is told of it. */
export interface Failure {
  readonly status: ExitStatus;
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  readonly zh: string;
}

function textField(error: object, name: string): string | undefined {
  const value = (error as Record<string, unknown>)[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Any thrown thing → status, code, sentence, hint. What nobody foresaw is `internal`. */
export function describeFailure(thrown: unknown): Failure {
  const error: object = typeof thrown === 'object' && thrown !== null ? thrown : new Error(String(thrown));
  const message = textField(error, 'message') ?? String(thrown);
  const code = textField(error, 'code');
  const hint = textField(error, 'hint');
  const known = code === undefined ? undefined : ERROR_TABLE[code];
  if (code !== undefined && known !== undefined) return { status: known.status, code, message, hint, zh: known.zh };
  const system = code === undefined ? undefined : SYSTEM_TABLE[code];
  if (system !== undefined) return { status: system.status, code: system.ours, message, hint, zh: system.zh };
  if (textField(error, 'name') === 'AbortError' || code === 'aborted') {
    return { status: EXIT.interrupted, code: 'aborted', message, hint, zh: '已中断' };
  }
  const internal = ERROR_TABLE.internal!;
  return {
    status: internal.status,
    code: 'internal',
    message: `unexpected: ${message}`,
    hint: hint ?? 'Run again with --debug for the stack trace.',
    zh: internal.zh,
  };
}
