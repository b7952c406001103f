import { TuiqiaoError } from '@tuiqiao/schema';

/** What can go wrong with the corpus; the codes are stable. */
export type CorpusErrorCode =
  | 'network'
  | 'corpus-integrity'
  | 'corpus-missing'
  | 'corpus-damaged'
  | 'disk'
  | 'aborted'
  | 'dataset-missing'
  | 'dataset-malformed'
  | 'dataset-info-malformed'
  | 'dataset-too-large'
  | 'dataset-unsupported'
  | 'dataset-empty'
  | 'negative-unsupported'
  | 'dataset-empty'
  | 'dataset-malformed'
  | 'dataset-missing'
  | 'dataset-too-large'
  | 'dataset-unsupported';

export class CorpusError extends TuiqiaoError {
  declare readonly code: CorpusErrorCode;

  constructor(code: CorpusErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(code, message, options);
  }
}
