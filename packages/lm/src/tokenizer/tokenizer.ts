/**
 * The contract of a tokenizer: text to ids and back as Hugging Face `tokenizers` does it, and conversations to text.
 * Two implementations: the library's (`library-tokenizer.ts`) for any `tokenizer.json`, and a direct one for
 * vocabularies of single characters (`character-tokenizer.ts`).
 */

export interface EncodeOptions {
  /** Adds what the tokenizer's post-processor adds (a start token, say). Default true, as Hugging Face. */
  readonly addSpecialTokens?: boolean;
}

export interface DecodeOptions {
  /** Leaves special tokens out of the text. Default false, as Hugging Face. */
  readonly skipSpecialTokens?: boolean;
}

export interface ChatMessage {
  readonly role: string;
  readonly content: string | null;
  /** Whatever else the template reads: `tool_calls`, `reasoning_content`. */
  readonly [key: string]: unknown;
}

export interface ChatTemplateOptions {
  /** Ends the text where the assistant's answer begins. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** Function descriptions, as the OpenAI API has them. */
  readonly tools?: readonly unknown[];
  /** Further variables of the template, under its own names: `enable_thinking`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface Tokenizer {
  /** Largest id + 1, added tokens included. A model's vocabulary may be larger (padded). */
  readonly vocabSize: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  readonly padTokenId: number | null;
  readonly unknownTokenId: number | null;
  /** Ids that `skipSpecialTokens` leaves out. */
  readonly specialIds: ReadonlySet<number>;
  readonly hasChatTemplate: boolean;
  /** `tokenizer.json` and `tokenizer_config.json` as read, to be written beside a model. */
  readonly files: TokenizerFiles;
  /** Special tokens written out in the text are recognised. */
  encode(text: string, options?: EncodeOptions): number[];
  decode(ids: Iterable<number>, options?: DecodeOptions): string;
  /** Null when there is no such token. */
  tokenToId(token: string): number | null;
  /** The token as the vocabulary has it (byte-level tokens look garbled). Null when there is no such id. */
  idToToken(id: number): string | null;
  /**
   * A conversation as the model was taught to read it.
   * @throws LmError `chat-template-failed` when there is no template, or the template refuses the conversation
   */
  applyChatTemplate(messages: readonly ChatMessage[], options?: ChatTemplateOptions): string;
}

export interface TokenizerFiles {
  readonly tokenizerJson: Readonly<Record<string, unknown>>;
  readonly tokenizerConfig: Readonly<Record<string, unknown>>;
}
