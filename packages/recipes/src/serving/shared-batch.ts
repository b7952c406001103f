/**
 * One decoding batch that everybody's sequences share: they join between steps and leave when they end. Its cache takes
 * memory page by page, so a long sequence joins short ones.
 */
import { setImmediate } from 'node:timers/promises';
import { type BatchSequence, DecodeBatch, type LanguageModel, type SequenceEnd, type TokenEvent } from '@tuiqiao/lm';

type OnSequenceEvent = (event: TokenEvent | SequenceEnd) => void;

interface Entry {
  readonly sequence: BatchSequence;
  readonly onEvent: OnSequenceEvent;
  readonly fail: (error: unknown) => void;
}

export class SharedBatch {
  readonly #model: LanguageModel;
  readonly #slots: number;
  #batch: DecodeBatch | null = null;
  #waiting: Entry[] = [];
  readonly #running = new Map<BatchSequence, Entry>();
  #isStepping = false;

  constructor(model: LanguageModel, slots: number) {
    this.#model = model;
    this.#slots = slots;
  }

  /**
   * Decodes the sequences to their ends.
   * @throws the signal's reason when aborted, what the model throws
   */
  run(sequences: readonly BatchSequence[], onEvent: OnSequenceEvent, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      let left = sequences.length;
      const finish = (settle: () => void): void => {
        signal?.removeEventListener('abort', abort);
        for (const sequence of sequences) this.#drop(sequence);
        settle();
      };
      const fail = (error: unknown): void => finish(() => reject(error));
      const abort = (): void => fail(signal!.reason);
      signal?.addEventListener('abort', abort, { once: true });
      for (const sequence of sequences) {
        this.#waiting.push({
          sequence,
          fail,
          onEvent: (event) => {
            onEvent(event);
            if (event.type === 'end' && --left === 0) finish(resolve);
          },
        });
      }
      void this.#stepUntilEmpty();
    });
  }

  /** The next cache is made anew: it belongs to the soft prompt that was on when it was made. Call it between jobs only. */
  forgetCache(): void {
    this.#batch?.close();
    this.#batch = null;
  }

  #drop(sequence: BatchSequence): void {
    this.#waiting = this.#waiting.filter((entry) => entry.sequence !== sequence);
    if (this.#running.delete(sequence)) this.#batch?.remove(sequence);
  }

  #admit(): void {
    this.#batch ??= new DecodeBatch(this.#model, this.#slots, this.#model.config.maxPositions);
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!this.#batch.add(first.sequence)) return;
      this.#waiting.shift();
      this.#running.set(first.sequence, first);
    }
  }

  async #stepUntilEmpty(): Promise<void> {
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      while (this.#waiting.length > 0 || this.#running.size > 0) {
        this.#admit();
        for (const { of, event } of await this.#batch!.step()) {
          const entry = this.#running.get(of);
          if (event.type === 'end') this.#running.delete(of);
          entry?.onEvent(event);
        }
        // Host kernels run on this thread: requests and aborts arrive between steps.
        await setImmediate();
      }
    } catch (error) {
      const open = [...this.#running.values(), ...this.#waiting];
      this.#running.clear();
      this.#waiting = [];
      this.#batch?.close();
      this.#batch = null;
      for (const { fail } of open) fail(error);
    } finally {
      this.#isStepping = false;
    }
  }
}
