import { TuiqiaoError } from '@tuiqiao/schema';

export type LmErrorCode =
  | 'checkpoint-missing'
  | 'checkpoint-malformed'
  | 'checkpoint-mismatch'
  | 'checkpoint-write-failed'
  | 'gguf-unsupported'
  | 'config-malformed'
  | 'model-type-unknown'
  | 'model-feature-unsupported'
  | 'tokenizer-missing'
  | 'tokenizer-malformed'
  | 'chat-template-failed'
  | 'batch-invalid'
  | 'cache-full'
  | 'token-trimmed'
  | 'model-trimmed'
  | 'generation-invalid';

/** A model, tokenizer or checkpoint that cannot be used as asked. The message reads "op: expected …, got …". */
export class LmError extends TuiqiaoError {
  declare readonly code: LmErrorCode;

  constructor(code: LmErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
  }
}
