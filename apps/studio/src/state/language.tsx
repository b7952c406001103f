/** The language of the page: the browser's at first, then the reader's choice. */
import { createContext, type ReactNode, useContext, useEffect, useMemo } from 'react';
import { type Language, say, type Word } from '../words.ts';
import { useStored } from './stored.ts';

interface Speech {
  readonly language: Language;
  readonly setLanguage: (language: Language) => void;
  readonly say: (word: Word, values?: Readonly<Record<string, string | number>>) => string;
}

const Context = createContext<Speech | null>(null);

export function LanguageProvider({ children }: { readonly children: ReactNode }) {
  const [language, setLanguage] = useStored<Language>('language', navigator.language.startsWith('zh') ? 'zh' : 'en');
  useEffect(() => {
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  }, [language]);
  const speech = useMemo(
    (): Speech => ({ language, setLanguage, say: (word, values) => say(language, word, values) }),
    [language, setLanguage],
  );
  return <Context value={speech}>{children}</Context>;
}

export function useSpeech(): Speech {
  return useContext(Context)!;
}
