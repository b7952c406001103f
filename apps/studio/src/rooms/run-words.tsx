/** How a run stands and when it began, in words. */
import type { RunSummary } from '@tuiqiao/schema';
import { useSpeech } from '../state/language.tsx';
import type { Language } from '../words.ts';

export function timeOf(iso: string | null, language: Language): string {
  if (iso === null) return '';
  return new Date(iso).toLocaleString(language === 'zh' ? 'zh-CN' : 'en-GB', {
    dateStyle: 'short',
    timeStyle: 'short',
  });
}

export function Outcome({ run }: { readonly run: RunSummary }) {
  const { say } = useSpeech();
  return <span className={`outcome ${run.outcome}`}>{say(run.outcome)}</span>;
}
