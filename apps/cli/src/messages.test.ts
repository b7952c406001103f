import { describe, expect, it } from 'vitest';
import { chooseLanguage, translate } from './messages.ts';

describe('chooseLanguage', () => {
  it.each([
    [['check', '--lang', 'zh'], {}, 'zh'],
    [['--lang=en'], { LANG: 'zh_CN.UTF-8' }, 'en'],
    [[], { LANG: 'zh_CN.UTF-8' }, 'zh'],
    [[], { LANG: 'zh_TW' }, 'zh'],
    [[], { LANG: 'C.UTF-8' }, 'en'],
    [[], { LANG: 'zh_CN', LC_ALL: 'en_US' }, 'en'],
    [['--lang', 'fr'], { LANG: 'zh_CN' }, 'zh'],
    [[], {}, 'en'],
  ] as const)('%j with %j speaks %s', (argv, environment, language) => {
    expect(chooseLanguage(argv, environment)).toBe(language);
  });
});

describe('translate', () => {
  it('fills in names', () => {
    expect(translate('en', 'runDone', { folder: 'runs/x' })).toBe('Done: runs/x');
    expect(translate('zh', 'runDone', { folder: 'runs/x' })).toBe('完成：runs/x');
  });
});
