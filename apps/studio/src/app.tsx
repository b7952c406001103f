/** The frame: the four rooms, the language, light and dark, and what is said when the server is silent. */
import { type FormEvent, useEffect, useState } from 'react';
import { setKey } from './api/client.ts';
import { ApiError, sentenceOf } from './api/errors.ts';
import { CheckRoom } from './rooms/check-room.tsx';
import { CompareRoom } from './rooms/compare-room.tsx';
import { RunsRoom } from './rooms/runs-room.tsx';
import { WriteRoom } from './rooms/write-room.tsx';
import { useSpeech } from './state/language.tsx';
import { useServed } from './state/models.tsx';
import { formatRoute, ROOMS, type Room, useRoute } from './state/route.ts';
import { THEMES, useTheme } from './state/theme.ts';

const LEADS = { write: 'writeLead', check: 'checkLead', compare: 'compareLead', runs: 'runsLead' } as const;

function ServerNotice() {
  const { language, say } = useSpeech();
  const { error, refresh } = useServed();
  const [typed, setTyped] = useState('');
  if (error === null) return null;
  const wantsKey = error instanceof ApiError && error.status === 401;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (wantsKey) setKey(typed);
    refresh();
  };
  return (
    <form className="notice" role="alert" onSubmit={submit}>
      <span>{wantsKey ? say('keyWanted') : sentenceOf(error, language)}</span>
      {wantsKey && (
        <input
          type="password"
          aria-label={say('keyWanted')}
          autoComplete="off"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      )}
      <button type="submit">{say(wantsKey ? 'keyUse' : 'retry')}</button>
    </form>
  );
}

function Preferences() {
  const { language, setLanguage, say } = useSpeech();
  const [theme, setTheme] = useTheme();
  const names = { auto: 'themeAuto', light: 'themeLight', dark: 'themeDark' } as const;
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]!;
  const other = language === 'zh' ? 'en' : 'zh';
  return (
    <div className="preferences">
      <button
        type="button"
        className="plain"
        onClick={() => setTheme(next)}
        aria-label={`${say('theme')}: ${say(names[theme])}`}
      >
        {say('theme')} · {say(names[theme])}
      </button>
      <button
        type="button"
        className="plain"
        lang={other === 'zh' ? 'zh-Hans' : 'en'}
        onClick={() => setLanguage(other)}
      >
        {say('language')}
      </button>
    </div>
  );
}

/** Rooms keep what is in them while another is open: a poem under way goes on. */
function Rooms({ room }: { readonly room: Room }) {
  const [seen, setSeen] = useState<ReadonlySet<Room>>(new Set([room]));
  if (!seen.has(room)) setSeen(new Set([...seen, room]));
  const rooms = { write: WriteRoom, check: CheckRoom, compare: CompareRoom, runs: RunsRoom };
  return ROOMS.filter((name) => seen.has(name)).map((name) => {
    const Content = rooms[name];
    return (
      <div key={name} hidden={name !== room} className={`room ${name}`}>
        <Content isOpen={name === room} />
      </div>
    );
  });
}

export function App() {
  const { language, say } = useSpeech();
  const { room } = useRoute();
  const { hasRuns } = useServed();
  useEffect(() => {
    document.title = `${say(room)} · ${say('product')}`;
  }, [room, say]);
  return (
    <>
      <button type="button" className="skip" onClick={() => document.querySelector('main')?.focus()}>
        {say('skip')}
      </button>
      <header className="masthead">
        <span className="seal" aria-hidden="true">
          推敲
        </span>
        <nav aria-label={say('rooms')}>
          {ROOMS.filter((name) => name !== 'runs' || hasRuns).map((name) => (
            <a key={name} href={formatRoute(name)} aria-current={name === room ? 'page' : undefined}>
              <span className="hanzi" lang="zh-Hans" aria-hidden={language === 'en'}>
                {{ write: '写', check: '查', compare: '评', runs: '炼' }[name]}
              </span>
              {language === 'en' && <span>{say(name)}</span>}
            </a>
          ))}
        </nav>
        <Preferences />
      </header>
      <main tabIndex={-1}>
        <h1>
          {say(room)}
          <small>{say(LEADS[room])}</small>
        </h1>
        <ServerNotice />
        <Rooms room={room} />
      </main>
    </>
  );
}
