/**
 * Whose turn it is. One base holds one adapter at a time: jobs of the model that is switched on run side by side, up to a
 * number; a job of another model waits until they have ended, and those that came after it wait behind it.
 */

interface Waiting {
  readonly model: string | symbol;
  readonly begin: () => void;
}

export class Turns {
  readonly #parallel: number;
  readonly #switchTo: (model: string) => void;
  readonly #waiting: Waiting[] = [];
  #current: string | symbol | null = null;
  #running = 0;

  constructor(parallel: number, switchTo: (model: string) => void) {
    this.#parallel = parallel;
    this.#switchTo = switchTo;
  }

  /** Does the work when its turn has come. @throws the signal's reason when it is aborted before that */
  async take<T>(model: string | symbol, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    await this.#wait(model, signal);
    try {
      return await work();
    } finally {
      this.#running--;
      this.#beginNext();
    }
  }

  /** Does the work while nobody else does any; whoever comes next is switched to anew. */
  alone<T>(work: () => Promise<T>): Promise<T> {
    return this.take(Symbol('alone'), undefined, work);
  }

  #wait(model: string | symbol, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal!.reason);
        this.#beginNext();
      };
      const waiting: Waiting = {
        model,
        begin: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(waiting);
      this.#beginNext();
    });
  }

  #beginNext(): void {
    for (;;) {
      const next = this.#waiting[0];
      if (next === undefined || this.#running >= this.#parallel) return;
      if (this.#running > 0 && next.model !== this.#current) return;
      if (next.model !== this.#current) {
        if (typeof next.model === 'string') this.#switchTo(next.model);
        this.#current = next.model;
      }
      this.#waiting.shift();
      this.#running++;
      next.begin();
    }
  }
}
