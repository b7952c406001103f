/** One run: its log and samples as they grow. */
import type { RunLogEntry, RunSample, RunSummary } from '@tuiqiao/schema';
import { useEffect, useState } from 'react';
import { api } from '../api/client.ts';
import { isAbort } from '../api/errors.ts';

export interface FollowedRun {
  readonly run: RunSummary | null;
  readonly log: readonly RunLogEntry[];
  /** Oldest first. */
  readonly samples: readonly RunSample[];
  readonly error: unknown;
}

const NOTHING: FollowedRun = { run: null, log: [], samples: [], error: null };

export function useRun(path: string): FollowedRun {
  const [followed, setFollowed] = useState(NOTHING);
  useEffect(() => {
    const controller = new AbortController();
    setFollowed(NOTHING);
    const follow = async (): Promise<void> => {
      for await (const event of api.followRun(path, controller.signal)) {
        setFollowed((before) => {
          switch (event.type) {
            case 'log':
              return { ...before, log: [...before.log, ...event.entries] };
            case 'samples':
              return { ...before, samples: [...before.samples, ...event.samples] };
            case 'restart':
              return { ...before, log: [], samples: [] };
            case 'state':
              return { ...before, run: event.run };
            default:
              return event satisfies never;
          }
        });
      }
    };
    follow().catch((error: unknown) => {
      if (!isAbort(error)) setFollowed((before) => ({ ...before, error }));
    });
    return () => controller.abort();
  }, [path]);
  return followed;
}
