/** Error codes of every package → exit status and the Chinese words put before the sentence. Read in one place. */

import { type ErrorWords, TuiqiaoError } from '@tuiqiao/schema';

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
  'hub-refused': request('模型库没有所要的文件'),
  'hub-unreachable': environment('连不上模型库'),
  'hub-integrity': environment('下载的模型校验不符'),
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
  'write-request': request('写作要求有误'),
  'polish-target': request('推敲的地方有误'),
  'run-folder-in-use': request('运行文件夹正被占用'),
  'run-folder-not-empty': request('运行文件夹里已有一次运行'),
  'run-folder-damaged': request('运行文件夹已损坏'),
  'run-not-found': request('找不到运行'),
  'checkpoint-not-found': request('找不到检查点'),
  'disk-full': environment('磁盘已满'),
  'disk-not-writable': environment('无法写入'),
  'recipe-bad-value': request('配方的值不对'),
  'dataset-not-found': request('找不到数据'),
  'dataset-empty': request('数据为空'),
  'model-not-found': environment('找不到模型'),
  'template-mismatch': request('提示格式不符'),
  'endpoint-failed': environment('接口没有回应'),
  'endpoint-refused': request('接口拒绝了请求'),
  'port-in-use': environment('端口已被占用'),
  'address-refused': environment('不能在此地址监听'),
  'served-name-twice': request('模型名重复'),
  'served-model-unknown': request('没有这个模型'),
  'prompt-empty': request('没有提示'),
  'prompt-too-long': request('提示过长'),
  'prompt-token-unknown': request('不认识的记号'),
  'engine-ended': environment('模型线程已结束'),
  'sheet-malformed': request('评阅表有误'),
  'gguf-unsupported': request('该模型没有 GGUF 写法'),
  'out-of-memory': environment('内存不足'),
  // corpus
  network: environment('网络不通'),
  'corpus-integrity': environment('下载的语料校验不符'),
  'corpus-missing': environment('尚无完整语料'),
  'corpus-damaged': environment('语料已损坏'),
  disk: environment('磁盘有误'),
  'dataset-missing': request('找不到数据文件'),
  'dataset-malformed': request('数据格式不对'),
  'dataset-info-malformed': request('dataset_info.json 有误'),
  'dataset-too-large': request('数据过大'),
  'dataset-unsupported': request('不支持这种数据'),
  aborted: { status: EXIT.interrupted, zh: '已中断' },
  'negative-unsupported': request('做不出这种反例'),
  // prosody and verse
  PROSODY_UNKNOWN_FORM: request('没有这种体裁'),
  PROSODY_UNKNOWN_BOOK: request('没有这种韵书'),
  PROSODY_TEXT_TOO_LONG: request('文本过长'),
  PROSODY_NOT_LOADED: environment('程序内部出错'),
  PLAN_INVALID: request('要求不成立'),
  PLAN_UNKNOWN_TUNE: request('没有这个词牌'),
  PLAN_UNKNOWN_VARIANT: request('没有这一体'),
  PLAN_UNKNOWN_RHYME: request('没有这个韵部'),
  PLAN_UNSATISFIABLE: request('几项要求不能同时满足'),
  'verse-request': request('写作要求有误'),
  'verse-reward': request('奖励有误'),
  'verse-vocabulary': request('模型的字表不够写'),
  // models
  'checkpoint-missing': environment('找不到模型文件'),
  'checkpoint-malformed': request('模型文件已损坏'),
  'checkpoint-mismatch': request('检查点与模型不符'),
  'checkpoint-write-failed': environment('存不下模型文件'),
  'config-malformed': request('config.json 有误'),
  'model-type-unknown': request('不认识的模型种类'),
  'model-feature-unsupported': request('本版本不支持这种模型'),
  'tokenizer-missing': environment('找不到 tokenizer.json'),
  'tokenizer-malformed': request('tokenizer.json 有误'),
  'chat-template-failed': request('对话模板有误'),
  'batch-invalid': environment('程序内部出错'),
  'cache-full': environment('超出解码缓存'),
  'token-trimmed': request('词元不在所留词表之内'),
  'model-trimmed': request('词表已裁剪'),
  'generation-invalid': request('取样选项有误'),
  // training
  'adapter-format': request('适配器有误'),
  'adapter-mismatch': request('适配器与模型不符'),
  'checkpoint-exists': request('文件夹里已有检查点'),
  'checkpoint-format': request('检查点已损坏'),
  'dpo-pairs': request('偏好数据有误'),
  'dpo-reference': request('参考模型有误'),
  'dpo-start-mismatch': request('DPO 的起点不符'),
  'grpo-rewards-stuck': { status: EXIT.no, zh: '奖励不动' },
  'grpo-rollout': request('GRPO 选项有误'),
  'grpo-start-mismatch': request('GRPO 的起点不符'),
  'kto-start-mismatch': request('KTO 的起点不符'),
  'lora-options': request('LoRA 选项有误'),
  'merge-quantized': request('四位量化的模型不能直接合并'),
  'lora-target': request('LoRA 找不到目标层'),
  'tune-batching': request('批次选项有误'),
  'tune-diverged': { status: EXIT.no, zh: '训练发散' },
  'tune-objective': environment('程序内部出错'),
  'tune-options': request('训练选项有误'),
  // engine
  'native-missing': environment('原生内核未编译'),
  'option-invalid': request('选项有误'),
  'tensor.shape': environment('程序内部出错'),
  'tensor.state': environment('程序内部出错'),
  'tensor.option': request('选项有误'),
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
  /** The whole sentence and hint in Chinese, of errors that have them. */
  readonly zhWords?: ErrorWords;
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
  if (code !== undefined && known !== undefined) {
    const words = thrown instanceof TuiqiaoError ? thrown.zh : undefined;
    return { status: known.status, code, message, hint, zh: known.zh, ...(words && { zhWords: words }) };
  }
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
