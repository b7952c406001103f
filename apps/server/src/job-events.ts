/** A job's events as a sequence one can wait for: its errors come out before the first of them, while a status can still be sent. */

export interface JobEvents<Event, Result> extends AsyncIterable<Event> {
  /** Waits until there is an event or the job has ended. @throws the job's error when it failed before any event */
  begin(): Promise<void>;
  /** What the job returned, after its events. */
  readonly result: Promise<Result>;
}

export function startJob<Event, Result>(
  run: (onEvent: (event: Event) => void) => Promise<Result>,
): JobEvents<Event, Result> {
  const waiting: Event[] = [];
  let hasEnded = false;
  let wake = (): void => undefined;
  const next = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const result = run((event) => {
    waiting.push(event);
    wake();
  }).finally(() => {
    hasEnded = true;
    wake();
  });
  // Whoever reads the events meets the error; without a reader it must not end the process.
  result.catch(() => undefined);
  return {
    result,
    begin: async () => {
      while (waiting.length === 0 && !hasEnded) await next();
      if (waiting.length === 0) await result;
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) yield event;
        if (hasEnded) break;
        await next();
      }
      await result;
    },
  };
}
