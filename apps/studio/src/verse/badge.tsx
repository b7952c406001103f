/** 合律 · 可容 · 有疵, and what form it is. */
import type { Verdict } from '@tuiqiao/prosody/lazy';
import { useSpeech } from '../state/language.tsx';
import { describeVerdict, outcomeOf } from './verdict-words.ts';

export function Badge({ verdict }: { readonly verdict: Verdict }) {
  const { say } = useSpeech();
  const outcome = outcomeOf(verdict);
  return <span className={`badge ${outcome}`}>{say(outcome)}</span>;
}

export function FormLine({ verdict }: { readonly verdict: Verdict }) {
  const { language } = useSpeech();
  return <p className="form-line">{describeVerdict(verdict, language)}</p>;
}
