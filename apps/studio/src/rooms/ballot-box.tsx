/** The votes on a pair of models, and the files that `tuiqiao compare` counts them from. */
import { useState } from 'react';
import { useSpeech } from '../state/language.tsx';
import { type Ballot, tallyOf, writeKey, writeVotes } from '../state/votes.ts';
import { download } from '../ui/download.ts';

interface Props {
  readonly ballot: Ballot;
  /** A running count would tell a blind reader whose poem is whose. */
  readonly showsTally: boolean;
  readonly onForget: () => void;
}

export function BallotBox({ ballot, showsTally, onForget }: Props) {
  const { say } = useSpeech();
  const [isSure, setSure] = useState(false);
  const { a, b, votes } = ballot;
  if (votes.length === 0) return null;
  const { wins, losses, ties } = tallyOf(votes);
  return (
    <section className="ballot">
      <h2>
        {say('votes')} <small>{votes.length}</small>
      </h2>
      {showsTally && <p>{say('tally', { a, b, wins, losses, ties })}</p>}
      <div className="actions">
        <button type="button" onClick={() => download('sheet.csv', writeVotes(ballot), 'text/csv')}>
          {say('saveSheet')}
        </button>
        <button type="button" onClick={() => download('key.json', writeKey(ballot), 'application/json')}>
          {say('saveKey')}
        </button>
        <button
          type="button"
          className="plain"
          onBlur={() => setSure(false)}
          onClick={() => {
            if (isSure) onForget();
            setSure(!isSure);
          }}
        >
          {isSure ? say('forgetSure', { count: votes.length }) : say('forget')}
        </button>
      </div>
      <p className="hint">
        {say('readHint')} <code>tuiqiao compare --read runs/review/sheet.csv --output-dir runs/review</code>
      </p>
    </section>
  );
}
