/** A poem that was written: its verse and verdict, and what can be done with it next. */
import { type ReactNode, useState } from 'react';
import type { WrittenPoem } from '../api/poems.ts';
import { useSpeech } from '../state/language.tsx';
import { formatRoute, go } from '../state/route.ts';
import { ModelLabel } from '../ui/model-select.tsx';
import { Badge, FormLine } from '../verse/badge.tsx';
import { Verse } from '../verse/verse.tsx';

/** What a form is called to `check`. */
function checkAddress({ text, title, verdict }: WrittenPoem): string {
  const { tune, form } = verdict;
  return formatRoute('check', { text, title: title ?? '', ...(tune === null ? { form: form ?? '' } : { tune }) });
}

export function CopiedLines({ poem }: { readonly poem: WrittenPoem }) {
  const { say } = useSpeech();
  const { copiedLines } = poem.novelty;
  if (copiedLines.length === 0) return null;
  return (
    <ul className="copied-lines">
      {copiedLines.map(({ line, source }) => (
        <li key={line}>
          <span className="tag">{say('copiedLine')}</span>
          <span lang="zh-Hant">
            {line} ← {source.author}《{source.title}》
          </span>
        </li>
      ))}
    </ul>
  );
}

interface Props {
  readonly poem: WrittenPoem;
  readonly isBusy: boolean;
  readonly onAgain: () => void;
  /** Lines as `keep` of the request has them: `2:清泉石上流`. */
  readonly onKeep: (lines: readonly string[]) => void;
}

export function PoemCard({ poem, isBusy, onAgain, onKeep }: Props) {
  const { say } = useSpeech();
  const [kept, setKept] = useState<ReadonlyMap<number, string>>(new Map());
  const [hasCopied, setCopied] = useState(false);
  const toggle = (line: number, text: string): void =>
    setKept((before) => {
      const next = new Map(before);
      if (!next.delete(line)) next.set(line, text);
      return next;
    });
  const lineControl = (line: number, text: string, children: ReactNode) => (
    <button
      type="button"
      className="keepable"
      aria-pressed={kept.has(line)}
      aria-label={say('keepLine', { line, text })}
      onClick={() => toggle(line, text)}
    >
      {children}
    </button>
  );
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(poem.title === undefined ? poem.text : `${poem.title}\n${poem.text}`);
    setCopied(true);
  };
  return (
    <article className="card poem">
      <header>
        <FormLine verdict={poem.verdict} />
        <Badge verdict={poem.verdict} />
      </header>
      {poem.title !== undefined && <h3 lang="zh-Hant">{poem.title}</h3>}
      <Verse text={poem.text} verdict={poem.verdict} lineControl={lineControl} />
      <CopiedLines poem={poem} />
      <footer>
        <div className="actions">
          <button type="button" disabled={isBusy} onClick={onAgain}>
            {say('again')}
          </button>
          <button
            type="button"
            disabled={isBusy || kept.size === 0}
            title={say('keepPrompt')}
            onClick={() => onKeep([...kept].sort(([a], [b]) => a - b).map(([line, text]) => `${line}:${text}`))}
          >
            {say('keepLines')}
          </button>
          <a className="button" href={checkAddress(poem)} onClick={() => go(checkAddress(poem))}>
            {say('sendToCheck')}
          </a>
          <button type="button" className="plain" onClick={copy}>
            {say(hasCopied ? 'copied' : 'copy')}
          </button>
        </div>
        <ModelLabel poem={poem} />
      </footer>
    </article>
  );
}

/** A poem under way. */
export function OpenPoem({ lines }: { readonly lines: readonly string[] }) {
  return (
    <article className="card poem open" aria-hidden="true">
      <div className="verse" lang="zh-Hant">
        <p>
          {lines.map((line, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a line is known by its place
            <span key={i} className="line arriving">
              {line}
            </span>
          ))}
          <span className="brush" />
        </p>
      </div>
    </article>
  );
}
