/** What the checker has to say: each finding at its place, and what could be done about it. */
import type { Finding, Verdict } from '@tuiqiao/prosody/lazy';
import { useSpeech } from '../state/language.tsx';
import { byGravity } from '../verse/verdict-words.ts';
import type { Place } from '../verse/verse.tsx';

const GRADE_CLASSES = { 疵: 'grave', 拗可: 'light', 多音: 'note', 合: 'note' } as const;

interface Props {
  readonly verdict: Verdict;
  /** Position 0 is the whole line. */
  readonly onPoint: (place: Place | null) => void;
  readonly onPolish: (target: Readonly<Record<string, unknown>>, place: Place | null) => void;
}

function FindingItem({ finding, onPoint, onPolish }: { readonly finding: Finding } & Omit<Props, 'verdict'>) {
  const { say } = useSpeech();
  const { line, position, char, name, verdict, message, suggestion } = finding;
  const place = { line, position: position ?? 0 };
  const where = position === undefined ? say('placeLine', { line }) : say('place', { line, position });
  const canPolish = verdict === '疵' || verdict === '拗可';
  return (
    <li className={GRADE_CLASSES[verdict]}>
      <button
        type="button"
        className="finding"
        onClick={() => onPoint(place)}
        onFocus={() => onPoint(place)}
        onMouseEnter={() => onPoint(place)}
      >
        <span className="rule">
          <strong lang="zh-Hans">{name}</strong>
          <span className="grade" lang="zh-Hans">
            {verdict}
          </span>
        </span>
        <span className="where">
          {where}
          {char !== undefined && <b lang="zh-Hant">{char}</b>}
        </span>
      </button>
      <p>
        {message}
        {suggestion !== undefined && <span className="suggestion"> {suggestion}</span>}
      </p>
      {canPolish && (
        <div className="actions">
          {position !== undefined && (
            <button type="button" onClick={() => onPolish({ character: `${line}:${position}` }, place)}>
              {say('polishCharacter')}
            </button>
          )}
          <button type="button" className="plain" onClick={() => onPolish({ line }, { line, position: 0 })}>
            {say('polishLine')}
          </button>
        </div>
      )}
    </li>
  );
}

export function FindingList({ verdict, onPoint, onPolish }: Props) {
  const { say } = useSpeech();
  const findings = byGravity(verdict.findings);
  const faults = findings.filter((finding) => finding.verdict === '疵').length;
  return (
    <section className="findings">
      <h2>
        {say('findings')} <small>{findings.length > 0 && findings.length}</small>
        {faults > 1 && (
          <button type="button" className="aside" onClick={() => onPolish({}, null)}>
            {say('polishFaults')}
          </button>
        )}
      </h2>
      {findings.length === 0 ? (
        <p className="empty">{say('noFindings')}</p>
      ) : (
        <ul>
          {findings.map((finding) => (
            <FindingItem
              key={`${finding.rule} ${finding.line} ${finding.position} ${finding.message}`}
              finding={finding}
              onPoint={onPoint}
              onPolish={onPolish}
            />
          ))}
        </ul>
      )}
    </section>
  );
}

export function Parallelism({ verdict }: { readonly verdict: Verdict }) {
  const { say } = useSpeech();
  const couplets = verdict.parallelism?.couplets ?? [];
  if (couplets.length === 0) return null;
  return (
    <section className="parallelism">
      <h2>
        {say('parallelism')} <small>{say('parallelNote')}</small>
      </h2>
      <ul>
        {couplets.map(({ lines: [a, b], score, carrying, failing }) => (
          <li key={a}>
            <span>{say('coupletScore', { a, b })}</span> <b>{score.toFixed(2).replace('-', '−')}</b>
            <span className="pairs" lang="zh-Hant">
              {carrying.map(({ chars }) => (
                <span key={chars} className="good">
                  {[...chars].join('·')}
                </span>
              ))}
              {failing.map(({ chars }) => (
                <span key={chars} className="poor">
                  {[...chars].join('·')}
                </span>
              ))}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
