/** Poems on their way: what has arrived, the lines of the one being written, and how to stop. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { api } from '../api/client.ts';
import { isAbort } from '../api/errors.ts';
import type { WrittenPoem } from '../api/poems.ts';

export interface Arrived {
  readonly id: number;
  readonly poem: WrittenPoem;
  /** What it was asked with, to be asked again. */
  readonly request: Readonly<Record<string, unknown>>;
}

export interface Writing {
  /** Newest first. */
  readonly poems: readonly Arrived[];
  /** Lines of poems under way, by their number in the request. */
  readonly open: ReadonlyMap<number, readonly string[]>;
  readonly isWriting: boolean;
  readonly givenUp: number;
  readonly error: unknown;
  readonly write: (request: Readonly<Record<string, unknown>>) => Promise<readonly WrittenPoem[]>;
  readonly stop: () => void;
  readonly clear: () => void;
}

let nextId = 1;

export function useWriting(): Writing {
  const [poems, setPoems] = useState<readonly Arrived[]>([]);
  const [open, setOpen] = useState<ReadonlyMap<number, readonly string[]>>(new Map());
  const [isWriting, setWriting] = useState(false);
  const [givenUp, setGivenUp] = useState(0);
  const [error, setError] = useState<unknown>(null);
  const running = useRef<AbortController | null>(null);
  const stop = useCallback(() => running.current?.abort(), []);
  useEffect(() => stop, [stop]);

  const write = useCallback(async (request: Readonly<Record<string, unknown>>) => {
    running.current?.abort();
    const controller = new AbortController();
    running.current = controller;
    const written: WrittenPoem[] = [];
    setWriting(true);
    setError(null);
    setGivenUp(0);
    setOpen(new Map());
    try {
      for await (const event of api.write(request, controller.signal)) {
        if (event.type === 'line') {
          // A first line that comes again begins a new attempt.
          setOpen((lines) =>
            new Map(lines).set(event.index, [...(lines.get(event.index) ?? []).slice(0, event.line - 1), event.text]),
          );
        } else if (event.type === 'poem') {
          written.push(event.poem);
          setOpen((lines) => new Map([...lines].filter(([index]) => index !== event.index)));
          setPoems((before) => [{ id: nextId++, poem: event.poem, request }, ...before]);
        } else setGivenUp(event.given_up);
      }
    } catch (reason) {
      if (!isAbort(reason)) setError(reason);
    } finally {
      if (running.current === controller) {
        running.current = null;
        setWriting(false);
        setOpen(new Map());
      }
    }
    return written;
  }, []);

  const clear = useCallback(() => setPoems([]), []);
  return { poems, open, isWriting, givenUp, error, write, stop, clear };
}
