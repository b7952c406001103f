/** 炼: the runs of this machine, and one of them as it goes on. */
import type { RunList, RunSummary } from '@tuiqiao/schema';
import { useEffect, useState } from 'react';
import { api } from '../api/client.ts';
import { sentenceOf } from '../api/errors.ts';
import { useSpeech } from '../state/language.tsx';
import { useServed } from '../state/models.tsx';
import { formatRoute, useRoute } from '../state/route.ts';
import { RunView } from './run-view.tsx';
import { Outcome, timeOf } from './run-words.tsx';

/** A list is looked through again while it is open: runs begin in other windows. */
const REFRESH_MS = 5000;

function RunTable({ runs }: { readonly runs: readonly RunSummary[] }) {
  const { language, say } = useSpeech();
  return (
    <div className="wide">
      <table>
        <thead>
          <tr>
            <th scope="col">{say('run')}</th>
            <th scope="col">{say('stage')}</th>
            <th scope="col">{say('state')}</th>
            <th scope="col" className="number">
              {say('steps')}
            </th>
            <th scope="col" className="number">
              {say('loss')}
            </th>
            <th scope="col">{say('started')}</th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <tr key={run.path}>
              <th scope="row">
                <a href={formatRoute('runs', {}, run.path)}>{run.path}</a>
                {run.hasReport && (
                  <a className="report" href={api.reportAddress(run.path)} target="_blank" rel="noreferrer">
                    {say('report')}
                  </a>
                )}
              </th>
              <td>{run.stage === 'report' ? '' : run.stage}</td>
              <td>
                <Outcome run={run} />
              </td>
              <td className="number">{run.totalSteps > 0 ? `${run.step} / ${run.totalSteps}` : ''}</td>
              <td className="number">{(run.metrics.eval_loss ?? run.metrics.train_loss)?.toFixed(3) ?? ''}</td>
              <td>{timeOf(run.startedAt, language)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RunOverview({ isOpen }: { readonly isOpen: boolean }) {
  const { language, say } = useSpeech();
  const [list, setList] = useState<RunList | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    if (!isOpen) return;
    let timer = 0;
    let isCurrent = true;
    const look = async (): Promise<void> => {
      try {
        const found = await api.runs();
        if (!isCurrent) return;
        setList(found);
        setError(null);
      } catch (reason) {
        if (isCurrent) setError(reason);
      }
      if (isCurrent) timer = window.setTimeout(look, REFRESH_MS);
    };
    void look();
    return () => {
      isCurrent = false;
      window.clearTimeout(timer);
    };
  }, [isOpen]);
  if (error !== null && list === null) {
    return (
      <p className="notice" role="alert">
        {sentenceOf(error, language)}
      </p>
    );
  }
  if (list === null) return null;
  if (list.runs.length > 0) return <RunTable runs={list.runs} />;
  return (
    <p className="empty">
      {say('noRuns', { folder: list.folder })} <code>npm run demo</code> ·{' '}
      <code>tuiqiao sft recipes/base-sft.yaml</code>
    </p>
  );
}

export function RunsRoom({ isOpen }: { readonly isOpen: boolean }) {
  const { say } = useSpeech();
  const { hasRuns } = useServed();
  const { room, place } = useRoute();
  if (!hasRuns) return <p className="empty">{say('runsOff')}</p>;
  if (room === 'runs' && place !== '') return <RunView key={place} path={place} />;
  return <RunOverview isOpen={isOpen} />;
}
