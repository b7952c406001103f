/** 推敲 of one place at a time. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { api } from '../api/client.ts';
import { isAbort } from '../api/errors.ts';
import type { Rewrite } from '../api/poems.ts';

export interface Rewrites {
  /** Null: nothing was asked. */
  readonly suggestions: readonly Rewrite[] | null;
  readonly isAsking: boolean;
  readonly error: unknown;
  readonly ask: (request: Readonly<Record<string, unknown>>) => void;
  readonly close: () => void;
}

export function useRewrites(): Rewrites {
  const [suggestions, setSuggestions] = useState<readonly Rewrite[] | null>(null);
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  const close = useCallback(() => {
    running.current?.abort();
    running.current = null;
    setSuggestions(null);
    setAsking(false);
    setError(null);
  }, []);
  const ask = useCallback(
    (request: Readonly<Record<string, unknown>>) => {
      close();
      const controller = new AbortController();
      running.current = controller;
      setAsking(true);
      api
        .polish(request, controller.signal)
        .then((reply) => setSuggestions(reply.suggestions))
        .catch((reason: unknown) => !isAbort(reason) && setError(reason))
        .finally(() => running.current === controller && setAsking(false));
    },
    [close],
  );
  return { suggestions, isAsking, error, ask, close };
}
