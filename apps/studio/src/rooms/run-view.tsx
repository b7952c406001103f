/** One run: how it stands, its curves, what the model wrote meanwhile. */
import { check } from '@tuiqiao/prosody/lazy';
import type { RunLogEntry, RunSample } from '@tuiqiao/schema';
import { useEffect, useMemo, useState } from 'react';
import { api } from '../api/client.ts';
import { sentenceOf } from '../api/errors.ts';
import { useSpeech } from '../state/language.tsx';
import { useServed } from '../state/models.tsx';
import { formatRoute } from '../state/route.ts';
import { useTables } from '../state/tables.ts';
import { Curves, type Series } from '../ui/curves.tsx';
import { Badge } from '../verse/badge.tsx';
import { Verse } from '../verse/verse.tsx';
import { CURVE_LABELS, type Language } from '../words.ts';
import { Outcome, timeOf } from './run-words.tsx';
import { useRun } from './use-run.ts';

/** Curves by what they have in common: one scale each. */
const CHARTS = [
  { title: 'loss', keys: ['loss', 'eval_loss'] },
  { title: 'rulesKept', keys: ['samples/all', 'samples/rhyme', 'samples/meter', 'samples/length'] },
  { title: 'rewards', keys: ['reward', 'rewards/margins', 'rewards/chosen', 'rewards/rejected'] },
] as const;
const SAMPLES_SHOWN = 12;

function seriesOf(log: readonly RunLogEntry[], keys: readonly string[], language: Language): Series[] {
  return keys.flatMap((name) => {
    const points = log.flatMap((entry): [number, number][] =>
      typeof entry[name] === 'number' ? [[Number(entry.current_steps), entry[name]]] : [],
    );
    return points.length === 0 ? [] : [{ name: CURVE_LABELS[name]?.[language] ?? name, points }];
  });
}

function SampleCard({ sample }: { readonly sample: RunSample }) {
  const { language, say } = useSpeech();
  const hasTables = useTables('tunes', 'cilin');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tables are read by `check`, not passed to it
  const verdict = useMemo(() => {
    try {
      return check({ text: sample.text }, { lang: language });
    } catch {
      // Not a poem yet.
      return null;
    }
  }, [sample.text, language, hasTables]);
  return (
    <article className="card poem small">
      <header>
        <p className="side">
          {say('atStep', { step: sample.step })} · <span lang="zh-Hant">{sample.prompt}</span>
        </p>
        {verdict !== null && <Badge verdict={verdict} />}
      </header>
      <Verse text={sample.text} verdict={verdict} />
    </article>
  );
}

function LoadAdapter({ path, folder }: { readonly path: string; readonly folder: string }) {
  const { language, say } = useSpeech();
  const { models, refresh } = useServed();
  const [error, setError] = useState<unknown>(null);
  const name = path.replaceAll('/', '-');
  const loaded = models.find(({ id }) => id === name);
  if (loaded !== undefined) {
    return (
      <span className="hint">
        {say('loadedAs', { name })} · <a href={formatRoute('write', { model: name })}>{say('write')}</a> ·{' '}
        <button
          type="button"
          className="plain"
          onClick={() => void api.unloadAdapter(name).catch(setError).finally(refresh)}
        >
          {say('unload')}
        </button>
      </span>
    );
  }
  return (
    <>
      <button
        type="button"
        onClick={() => {
          setError(null);
          void api.loadAdapter(name, `${folder}/${path}`).catch(setError).finally(refresh);
        }}
      >
        {say('loadAdapter')}
      </button>
      {error !== null && (
        <span className="hint" role="alert">
          {sentenceOf(error, language)}
        </span>
      )}
    </>
  );
}

export function RunView({ path }: { readonly path: string }) {
  const { language, say } = useSpeech();
  const { run, log, samples, error } = useRun(path);
  const [recipe, setRecipe] = useState<string | null>(null);
  const [folder, setFolder] = useState<string | null>(null);
  useEffect(() => {
    api.run(path).then(
      (detail) => {
        setRecipe(detail.recipe);
        setFolder(detail.folder);
      },
      // The stream tells what is wrong with the run.
      () => undefined,
    );
  }, [path]);
  const remaining = log.at(-1)?.remaining_time;
  const charts = CHARTS.map(({ title, keys }) => ({ title, series: seriesOf(log, keys, language) })).filter(
    ({ series }) => series.length > 0,
  );
  return (
    <>
      <p className="crumbs">
        <a href={formatRoute('runs')}>← {say('allRuns')}</a>
      </p>
      <h2 className="run-name">{path}</h2>
      {error !== null && (
        <p className="notice" role="alert">
          {sentenceOf(error, language)}
        </p>
      )}
      {run !== null && (
        <div className="facts" role="status">
          <Outcome run={run} />
          {run.stage !== 'report' && <span>{run.stage}</span>}
          {run.totalSteps > 0 && (
            <span>
              {say('steps')} {run.step} / {run.totalSteps}
            </span>
          )}
          {run.outcome === 'running' && remaining !== undefined && <span>{say('remaining', { time: remaining })}</span>}
          {run.startedAt !== null && <span>{timeOf(run.startedAt, language)}</span>}
          {run.hasReport && (
            <a href={api.reportAddress(path)} target="_blank" rel="noreferrer">
              {say('report')}
            </a>
          )}
          {run.hasAdapter && run.outcome !== 'running' && folder !== null && (
            <LoadAdapter path={path} folder={folder} />
          )}
        </div>
      )}
      {run !== null && log.length === 0 && run.stage !== 'report' && <p className="empty">{say('noLog')}</p>}
      <div className="charts">
        {charts.map(({ title, series }) => (
          <Curves key={title} title={say(title)} series={series} />
        ))}
      </div>
      {samples.length > 0 && (
        <section>
          <h2>
            {say('samples')} <small>{samples.length}</small>
          </h2>
          <div className="sample-grid">
            {samples
              .slice(-SAMPLES_SHOWN)
              .toReversed()
              .map((sample) => (
                <SampleCard key={`${sample.step} ${sample.text}`} sample={sample} />
              ))}
          </div>
        </section>
      )}
      {recipe !== null && (
        <details className="more">
          <summary>{say('recipe')}</summary>
          <pre>{recipe}</pre>
        </details>
      )}
    </>
  );
}
