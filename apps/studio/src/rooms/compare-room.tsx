/** 评: one request, two models, a vote. */
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { isAbort, sentenceOf } from '../api/errors.ts';
import { useSpeech } from '../state/language.tsx';
import { formatRoute, useIncoming, useNotedRoute } from '../state/route.ts';
import { useStored } from '../state/stored.ts';
import { type Ballot, ballotName, type Duel, type Preference } from '../state/votes.ts';
import { ModelSelect, useDefaultPair, useModelNames } from '../ui/model-select.tsx';
import type { Fields } from '../ui/option-field.tsx';
import { RequestForm } from '../ui/request-form.tsx';
import { BallotBox } from './ballot-box.tsx';
import { DuelView, type Sides, writeDuel } from './duel.tsx';
import { fieldsOf, requestOf } from './write-room.tsx';

/** One poem each; which is whose the reader must not see in the number of poems. */
const WITHOUT = ['count', 'bestOf'] as const;

export function CompareRoom({ isOpen }: { readonly isOpen: boolean }) {
  const { language, say } = useSpeech();
  const names = useModelNames();
  const [firstName, secondName] = useDefaultPair();
  const [fields, setFields] = useState<Fields>({});
  const [pair, setPair] = useState({ a: '', b: '' });
  const [isBlind, setBlind] = useStored('blind', true);
  const [reader, setReader] = useStored('reader', '');
  const [ballots, setBallots] = useStored<Readonly<Record<string, Ballot>>>('ballots', {});
  const [duel, setDuel] = useState<{ duel: Duel; sides: Sides; a: string; b: string } | null>(null);
  const [vote, setVote] = useState<Preference | null>(null);
  const [isWriting, setWriting] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const running = useRef<AbortController | null>(null);
  useEffect(() => () => running.current?.abort(), []);
  useIncoming('compare', ({ a = '', b = '', blind, ...query }) => {
    setFields(fieldsOf(query));
    setPair({ a, b });
    if (blind !== undefined) setBlind(blind === 'true');
  });
  useNotedRoute(isOpen, formatRoute('compare', { ...fields, ...pair }));
  const a = pair.a || firstName;
  const b = pair.b || secondName;
  const ballot = ballots[ballotName(a, b)] ?? { a, b, votes: [] };

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    const controller = new AbortController();
    running.current = controller;
    setWriting(true);
    setError(null);
    setDuel(null);
    setVote(null);
    try {
      setDuel({ ...(await writeDuel(requestOf(fields, ''), a, b, controller.signal)), a, b });
    } catch (reason) {
      if (!isAbort(reason)) setError(reason);
    } finally {
      setWriting(false);
    }
  };
  const cast = (preference: Preference): void => {
    if (duel === null || vote !== null) return;
    setVote(preference);
    setBallots((before) => {
      const name = ballotName(duel.a, duel.b);
      const old = before[name] ?? { a: duel.a, b: duel.b, votes: [] };
      // The ballot's own first model may be the second one here.
      const side = old.a === duel.a ? duel.duel.a : duel.duel.a === 'left' ? 'right' : 'left';
      const added = { ...duel.duel, a: side, preference, reader: reader.trim() || say('reader') } as const;
      return { ...before, [name]: { ...old, votes: [...old.votes, added] } };
    });
  };
  return (
    <div className="columns">
      <form className="request" onSubmit={submit}>
        <div className="fields pair">
          <ModelSelect label={say('first')} value={a} onChange={(name) => setPair({ ...pair, a: name })} />
          <ModelSelect label={say('second')} value={b} onChange={(name) => setPair({ ...pair, b: name })} />
        </div>
        {names.length === 1 && (
          <p className="hint">
            {say('oneModel')} <code>tuiqiao studio --adapter runs/sft</code>
          </p>
        )}
        {a === b && names.length > 1 && <p className="hint">{say('sameModel')}</p>}
        <RequestForm fields={fields} onChange={setFields} without={WITHOUT}>
          <div className="field">
            <label className="check">
              <input type="checkbox" checked={isBlind} onChange={(event) => setBlind(event.target.checked)} />
              {say('blind')} <span className="hint">{say('blindHint')}</span>
            </label>
          </div>
          <div className="field of-text">
            <label>
              {say('reader')}
              <input
                type="text"
                value={reader}
                autoComplete="name"
                onChange={(event) => setReader(event.target.value)}
              />
            </label>
          </div>
        </RequestForm>
        <div className="actions">
          <button type="submit" className="primary" disabled={isWriting || a === ''}>
            {say('askBoth')}
          </button>
          {isWriting && (
            <button type="button" onClick={() => running.current?.abort()}>
              {say('stop')}
            </button>
          )}
        </div>
      </form>
      <section className="results" aria-label={say('compare')}>
        <p className="status" role="status">
          {isWriting ? say('writing') : ''}
        </p>
        {error !== null && (
          <p className="notice" role="alert">
            {sentenceOf(error, language)}
          </p>
        )}
        {duel !== null && (
          <DuelView
            sides={duel.sides}
            names={{ left: duel.duel.a === 'left' ? duel.a : duel.b, right: duel.duel.a === 'left' ? duel.b : duel.a }}
            showsNames={!isBlind || vote !== null}
            vote={vote}
            onVote={cast}
          />
        )}
        <BallotBox
          ballot={ballot}
          showsTally={!isBlind || vote !== null || duel === null}
          onForget={() =>
            setBallots((before) =>
              Object.fromEntries(Object.entries(before).filter(([name]) => name !== ballotName(a, b))),
            )
          }
        />
      </section>
    </div>
  );
}
