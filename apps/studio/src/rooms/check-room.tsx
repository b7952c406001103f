/** 查: the verdict on a poem as it is typed, in this page; 推敲 for what it objects to. */
import { type BookName, check, detectScript, ProsodyError, type Verdict } from '@tuiqiao/prosody/lazy';
import { BOOKS, VERSE_FORMS } from '@tuiqiao/schema';
import { useDeferredValue, useId, useMemo, useState } from 'react';
import { useSpeech } from '../state/language.tsx';
import { formatRoute, useIncoming, useNotedRoute } from '../state/route.ts';
import { useTables } from '../state/tables.ts';
import { OptionField } from '../ui/option-field.tsx';
import { useTuneNames } from '../ui/request-form.tsx';
import { Badge, FormLine } from '../verse/badge.tsx';
import type { Place } from '../verse/verse.tsx';
import { Verse } from '../verse/verse.tsx';
import { CHOICE_LABELS, type Language } from '../words.ts';
import { FindingList, Parallelism } from './findings.tsx';
import { RewriteList } from './rewrites.tsx';
import { useRewrites } from './use-rewrites.ts';

const FORMS = [...new Set(Object.values(VERSE_FORMS))];
/** 失对, 失粘, 三仄尾 and 出韵 in four lines, from an article on fine-tuning for poetry. */
const FAULTY = '春夜月朦胧，花影落庭中。风轻鸟梦浅，露重草色浓。';
const MIN_CHARACTERS = 4;

interface Asked {
  readonly text: string;
  readonly form: string;
  readonly tune: string;
  readonly book: string;
}

/** Null while there is too little to judge, or a table is on its way. */
function judge({ text, form, tune, book }: Asked, lang: Language): Verdict | null {
  if ((text.match(/\p{Script=Han}/gu)?.length ?? 0) < MIN_CHARACTERS) return null;
  try {
    return check(
      {
        text,
        ...(form === '' ? {} : { form }),
        ...(tune === '' ? {} : { tune }),
        ...(book === '' ? {} : { book: book as BookName }),
      },
      { lang, parallelism: true },
    );
  } catch (error) {
    if (error instanceof ProsodyError) return null;
    throw error;
  }
}

export function CheckRoom({ isOpen }: { readonly isOpen: boolean }) {
  const { language, say } = useSpeech();
  const id = useId();
  const [asked, setAsked] = useState<Asked>({ text: '', form: '', tune: '', book: '' });
  const [title, setTitle] = useState('');
  const [before, setBefore] = useState<readonly string[]>([]);
  const [place, setPlace] = useState<Place | null>(null);
  const tuneNames = useTuneNames();
  const rewrites = useRewrites();
  useIncoming('check', (query) => {
    setAsked({ text: query.text ?? '', form: query.form ?? '', tune: query.tune ?? '', book: query.book ?? '' });
    setTitle(query.title ?? '');
    rewrites.close();
  });
  useNotedRoute(isOpen, formatRoute('check', { ...asked, title }));
  const hasTables = useTables('tunes', 'cilin', 'pairs');
  const hasBook = useTables(...(asked.book === 'xinyun' || asked.book === 'tongyun' ? ([asked.book] as const) : []));
  // Typing stays quick: the verdict follows when there is time.
  const judged = useDeferredValue(asked);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the tables are read by `check`, not passed to it
  const verdict = useMemo(() => judge(judged, language), [judged, language, hasTables, hasBook]);
  const set = (changes: Partial<Asked>): void => {
    setAsked({ ...asked, ...changes });
    setPlace(null);
    rewrites.close();
  };
  const polish = (target: Readonly<Record<string, unknown>>): void =>
    rewrites.ask({
      text: asked.text,
      ...(title === '' ? {} : { title }),
      ...(asked.form === '' ? {} : { form: asked.form }),
      ...(asked.tune === '' ? {} : { tune: asked.tune }),
      ...(asked.book === '' ? {} : { book: asked.book }),
      ...target,
    });
  const take = (text: string): void => {
    setBefore([...before, asked.text]);
    set({ text });
  };
  const script = detectScript(asked.text) === 'simplified' ? 'zh-Hans' : 'zh-Hant';
  return (
    <div className="columns">
      <div className="request">
        <div className="field">
          <label htmlFor={`${id}-text`}>{say('yourPoem')}</label>
          <textarea
            id={`${id}-text`}
            className="poem-input"
            lang={script}
            rows={5}
            spellCheck={false}
            placeholder={say('poemPlaceholder')}
            value={asked.text}
            onChange={(event) => set({ text: event.target.value })}
          />
        </div>
        <div className="fields">
          <div className="field">
            <label htmlFor={`${id}-form`}>{say('shape')}</label>
            <select
              id={`${id}-form`}
              value={asked.form}
              onChange={(event) => set({ form: event.target.value, tune: '' })}
            >
              <option value="">{asked.tune === '' ? say('recognise') : say('tuneInstead')}</option>
              {FORMS.map((form) => (
                <option key={form}>{form}</option>
              ))}
            </select>
          </div>
          <OptionField
            path="tune"
            value={asked.tune}
            suggestions={tuneNames}
            onChange={(tune) => set({ tune, ...(tune === '' ? {} : { form: '' }) })}
          />
          <div className="field">
            <label htmlFor={`${id}-book`}>{say('book')}</label>
            <select id={`${id}-book`} value={asked.book} onChange={(event) => set({ book: event.target.value })}>
              <option value="">{say('bookByForm')}</option>
              {BOOKS.map((book) => (
                <option key={book} value={book}>
                  {CHOICE_LABELS[book]?.[language]}
                </option>
              ))}
            </select>
          </div>
        </div>
        <div className="actions">
          <button type="button" onClick={() => set({ text: FAULTY, form: '', tune: '', book: '' })}>
            {say('sample')}
          </button>
          {before.length > 0 && (
            <button
              type="button"
              onClick={() => {
                set({ text: before.at(-1)! });
                setBefore(before.slice(0, -1));
              }}
            >
              {say('undo')}
            </button>
          )}
        </div>
      </div>
      <section className="results" aria-label={say('findings')}>
        {verdict === null ? (
          <p className="empty">{say('nothingYet')}</p>
        ) : (
          <>
            <article className="card poem">
              <header>
                <FormLine verdict={verdict} />
                <Badge verdict={verdict} />
              </header>
              <Verse
                text={judged.text}
                verdict={verdict}
                marked={({ line, position }) =>
                  place !== null && place.line === line && (place.position === 0 || place.position === position)
                }
                onPlace={(chosen) => {
                  setPlace(chosen);
                  polish({ character: `${chosen.line}:${chosen.position}` });
                }}
              />
              <p className="legend">{say('legend')}</p>
            </article>
            <RewriteList rewrites={rewrites} onTake={take} />
            <FindingList
              verdict={verdict}
              onPoint={setPlace}
              onPolish={(target, at) => {
                setPlace(at);
                polish(target);
              }}
            />
            <Parallelism verdict={verdict} />
          </>
        )}
      </section>
    </div>
  );
}
