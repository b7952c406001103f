/** The models that are served, asked for once and again when adapters change. */
import type { StudioModels } from '@tuiqiao/schema';
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from 'react';
import { api } from '../api/client.ts';

interface Served {
  readonly models: StudioModels['models'];
  readonly hasRuns: boolean;
  /** Null while it is asked, or answered. */
  readonly error: unknown;
  readonly isAsking: boolean;
  readonly refresh: () => void;
}

const Context = createContext<Served | null>(null);

export function ModelsProvider({ children }: { readonly children: ReactNode }) {
  const [told, setTold] = useState<StudioModels | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [round, setRound] = useState(0);
  const refresh = useCallback(() => setRound((last) => last + 1), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new round asks again
  useEffect(() => {
    let isCurrent = true;
    api.models().then(
      (reply) => {
        if (!isCurrent) return;
        setTold(reply);
        setError(null);
      },
      (reason: unknown) => isCurrent && setError(reason),
    );
    return () => {
      isCurrent = false;
    };
  }, [round]);
  const served = useMemo(
    () => ({
      models: told?.models ?? [],
      hasRuns: told?.has_runs ?? true,
      error,
      isAsking: told === null && error === null,
      refresh,
    }),
    [told, error, refresh],
  );
  return <Context value={served}>{children}</Context>;
}

export function useServed(): Served {
  return useContext(Context)!;
}
