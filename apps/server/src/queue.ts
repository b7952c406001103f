/** How many requests are in the house: those being answered and those that wait. One more is told to come back. */
import { ServerError } from './errors.ts';

/** Weight of the newest duration in the running mean. */
const NEWEST = 0.2;
const MAX_RETRY_SECONDS = 60;

export class RequestQueue {
  readonly #parallel: number;
  readonly #limit: number;
  #open = 0;
  #meanSeconds = 1;
  #isClosing = false;

  /**
   * @param parallel requests answered at the same time
   * @param maxQueue requests that may wait beside them
   */
  constructor(parallel: number, maxQueue: number) {
    this.#parallel = parallel;
    this.#limit = parallel + maxQueue;
  }

  get running(): number {
    return Math.min(this.#open, this.#parallel);
  }

  get waiting(): number {
    return this.#open - this.running;
  }

  /** From now on nobody is let in. */
  close(): void {
    this.#isClosing = true;
  }

  /**
   * Lets a request in; call what it returns when the answer is out.
   * @throws ServerError `queue-full`, `server-closing`
   */
  enter(): () => void {
    if (this.#isClosing) throw new ServerError('server-closing', 'the server is closing');
    if (this.#open >= this.#limit) {
      const rounds = Math.ceil((this.waiting + 1) / this.#parallel);
      const retryAfter = Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil(rounds * this.#meanSeconds)));
      throw new ServerError(
        'queue-full',
        `${this.waiting} requests are waiting already; try again in ${retryAfter} s`,
        {
          retryAfter,
        },
      );
    }
    this.#open++;
    const start = performance.now();
    let isOut = false;
    return () => {
      if (isOut) return;
      isOut = true;
      this.#open--;
      const seconds = (performance.now() - start) / 1000;
      this.#meanSeconds += NEWEST * (seconds - this.#meanSeconds);
    };
  }
}
