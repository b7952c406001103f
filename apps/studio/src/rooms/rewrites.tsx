/** Rewrites of a place, best first; one is taken by a press. */
import type { Verdict } from '@tuiqiao/prosody/lazy';
import { sentenceOf } from '../api/errors.ts';
import type { Rewrite } from '../api/poems.ts';
import { useSpeech } from '../state/language.tsx';
import { Badge } from '../verse/badge.tsx';
import type { Rewrites } from './use-rewrites.ts';

/** Only the lines that change, the new characters marked. */
function ChangedLines({ rewrite }: { readonly rewrite: Rewrite }) {
  const lines = [...new Set(rewrite.changes.map(({ line }) => line))];
  return (
    <span className="changed" lang="zh-Hant">
      {lines.map((line) => (
        <span key={line} className="line">
          {[...(rewrite.verdict.lines[line - 1]?.text ?? '')].map((char, i) => {
            const change = rewrite.changes.find((each) => each.line === line && each.position === i + 1);
            const place = `${line}:${i + 1}`;
            return change === undefined ? (
              <span key={place}>{char}</span>
            ) : (
              <mark key={place} title={`${change.from} → ${change.to}`}>
                {char}
              </mark>
            );
          })}
        </span>
      ))}
    </span>
  );
}

/** Faults elsewhere are not this rewrite's: they are counted. */
function Remaining({ verdict }: { readonly verdict: Verdict }) {
  const { say } = useSpeech();
  const count = verdict.findings.filter((finding) => finding.verdict === '疵').length;
  return count === 0 ? <Badge verdict={verdict} /> : <span className="hint">{say('faultsLeft', { count })}</span>;
}

interface Props {
  readonly rewrites: Rewrites;
  readonly onTake: (text: string) => void;
}

export function RewriteList({ rewrites, onTake }: Props) {
  const { language, say } = useSpeech();
  const { suggestions, isAsking, error } = rewrites;
  if (suggestions === null && !isAsking && error === null) return null;
  return (
    <section className="rewrites" aria-live="polite">
      <h2>{say('polish')}</h2>
      {isAsking && <p className="status">{say('polishing')}</p>}
      {error !== null && (
        <p className="notice" role="alert">
          {sentenceOf(error, language)}
        </p>
      )}
      {suggestions?.length === 0 && <p className="empty">{say('noRewrites')}</p>}
      <ol>
        {suggestions?.map((rewrite) => (
          <li key={rewrite.text}>
            <ChangedLines rewrite={rewrite} />
            <Remaining verdict={rewrite.verdict} />
            <button type="button" onClick={() => onTake(rewrite.text)}>
              {say('take')}
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
