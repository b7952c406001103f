/** 写: a request on the left, poems as they arrive. */
import { type FormEvent, useState } from 'react';
import { sentenceOf } from '../api/errors.ts';
import { useSpeech } from '../state/language.tsx';
import { formatRoute, useIncoming, useNotedRoute } from '../state/route.ts';
import { ModelSelect } from '../ui/model-select.tsx';
import { type Fields, POEM_OPTIONS, toRequest } from '../ui/option-field.tsx';
import { DEFAULT_FORM, RequestForm } from '../ui/request-form.tsx';
import { OpenPoem, PoemCard } from './poem-card.tsx';
import { useWriting } from './use-writing.ts';

/** Fields that the address may set. */
export function fieldsOf(query: Readonly<Record<string, string>>): Fields {
  return Object.fromEntries(Object.entries(query).filter(([path]) => POEM_OPTIONS.has(path)));
}

/** The request of the fields, with a form where neither form nor tune is chosen and no line is to be answered. */
export function requestOf(fields: Fields, model: string): Record<string, unknown> {
  const request = toRequest(fields);
  return {
    ...(['form', 'tune', 'couplet'].every((path) => request[path] === undefined) ? { form: DEFAULT_FORM } : {}),
    ...request,
    ...(model === '' ? {} : { model }),
  };
}

export function WriteRoom({ isOpen }: { readonly isOpen: boolean }) {
  const { language, say } = useSpeech();
  const [fields, setFields] = useState<Fields>({});
  const [model, setModel] = useState('');
  const writing = useWriting();
  const { poems, open, isWriting, givenUp, error } = writing;
  useIncoming('write', (query) => {
    setFields(fieldsOf(query));
    setModel(query.model ?? '');
  });
  useNotedRoute(isOpen, formatRoute('write', { ...fields, model }));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    void writing.write(requestOf(fields, model));
  };
  return (
    <div className="columns">
      <form className="request" onSubmit={submit}>
        <RequestForm fields={fields} onChange={setFields}>
          <ModelSelect label={say('model')} value={model} onChange={setModel} />
        </RequestForm>
        <div className="actions">
          <button type="submit" className="primary" disabled={isWriting}>
            {say('compose')}
          </button>
          {isWriting && (
            <button type="button" onClick={writing.stop}>
              {say('stop')}
            </button>
          )}
          {poems.length > 0 && !isWriting && (
            <button type="button" className="plain" onClick={writing.clear}>
              {say('clear')}
            </button>
          )}
        </div>
      </form>
      <section className="results" aria-label={say('write')}>
        <p className="status" role="status">
          {isWriting ? say('writing') : poems.length > 0 ? say('written', { count: poems.length }) : ''}
        </p>
        {error !== null && (
          <p className="notice" role="alert">
            {sentenceOf(error, language)}
          </p>
        )}
        {givenUp > 0 && <p className="notice">{say('givenUp', { count: givenUp })}</p>}
        {poems.length === 0 && !isWriting && error === null && <p className="empty">{say('noPoems')}</p>}
        {[...open].map(([index, lines]) => (
          <OpenPoem key={`open ${index}`} lines={lines} />
        ))}
        {poems.map(({ id, poem, request }) => (
          <PoemCard
            key={id}
            poem={poem}
            isBusy={isWriting}
            onAgain={() => void writing.write({ ...request, seed: undefined, count: 1 })}
            onKeep={(keep) => {
              setFields({ ...fields, keep: keep.join('\n') });
              void writing.write({ ...request, seed: undefined, acrostic: undefined, count: 1, keep });
            }}
          />
        ))}
        {poems.length > 0 && <p className="legend">{say('legend')}</p>}
      </section>
    </div>
  );
}
