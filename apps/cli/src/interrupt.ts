/** Ctrl-C: the first asks the work to stop cleanly, the second ends the process at once. */
import { EXIT } from './exit-codes.ts';
import type { Session } from './session.ts';

export interface Interrupt {
  readonly signal: AbortSignal;
  /** Gives Ctrl-C back to the system. */
  dispose(): void;
}

export function listenForInterrupt(session: Session): Interrupt {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    session.say(`\n${session.text('interruptOnce')}`);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: controller.signal,
    dispose: () => {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
