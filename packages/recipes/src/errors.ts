/** What can go wrong between a recipe file and a run folder. */
import { type ErrorWords, TuiqiaoError } from '@tuiqiao/schema';

export type RecipesErrorCode =
  | 'recipe-not-found'
  | 'recipe-too-large'
  | 'recipe-bad-yaml'
  | 'recipe-bad-override'
  | 'recipe-bad-value'
  | 'run-folder-in-use'
  | 'run-folder-not-empty'
  | 'run-folder-damaged'
  | 'run-not-found'
  | 'checkpoint-not-found'
  | 'dataset-not-found'
  | 'dataset-empty'
  | 'dataset-unsupported'
  | 'write-request'
  /** More than one place of a poem to be polished, or a book nobody knows. */
  | 'polish-target'
  | 'model-not-found'
  /** An adapter that learnt another prompt than it would be given. */
  | 'template-mismatch'
  | 'served-name-twice'
  | 'served-model-unknown'
  | 'prompt-empty'
  | 'prompt-too-long'
  | 'prompt-token-unknown'
  | 'endpoint-failed'
  | 'endpoint-refused'
  | 'sheet-malformed'
  | 'disk-full'
  | 'disk-not-writable';

export class RecipesError extends TuiqiaoError {
  constructor(
    code: RecipesErrorCode,
    message: string,
    options: { hint?: string; zh?: ErrorWords; cause?: unknown } = {},
  ) {
    super(code, message, options);
  }
}

function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  const code = systemCode(error);
  return code !== undefined && codes.includes(code);
}

/**
 * The same failure as a sentence when it is the disk's: full (`disk-full`) or closed to us (`disk-not-writable`).
 * Anything else comes back unchanged.
 */
export function explainDiskError(error: unknown, action: string): unknown {
  if (isSystemError(error, 'ENOSPC', 'EDQUOT')) {
    return new RecipesError('disk-full', `${action}: the disk is full`, {
      hint: 'Free some space and run the same command with --resume.',
      zh: { message: `${action}：磁盘已满`, hint: '腾出空间后，加 --resume 再运行同一命令。' },
      cause: error,
    });
  }
  if (isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR')) {
    return new RecipesError('disk-not-writable', `${action}: cannot write there (${systemCode(error)})`, {
      hint: 'Choose another folder with --output-dir.',
      zh: { message: `${action}：那里不能写（${systemCode(error)}）`, hint: '用 --output-dir 换一个文件夹。' },
      cause: error,
    });
  }
  return error;
}
