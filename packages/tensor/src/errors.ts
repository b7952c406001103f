/** Errors of this package: shapes that do not fit, state that does not match. */

export type TensorErrorCode = 'tensor.shape' | 'tensor.state' | 'tensor.option';

/** Message: `op: expected …, got …`. `code` is stable. */
export class TensorError extends Error {
  readonly code: TensorErrorCode;

  constructor(code: TensorErrorCode, message: string) {
    super(message);
    this.name = 'TensorError';
    this.code = code;
  }
}
