/** What a poem should be: the fields that everybody uses, and the rest of the schema's below. */
import { loadBook, tunes } from '@tuiqiao/prosody/lazy';
import { type ReactNode, useId, useMemo } from 'react';
import { useSpeech } from '../state/language.tsx';
import { useTables } from '../state/tables.ts';
import { type Fields, OptionField, POEM_OPTIONS } from './option-field.tsx';

const SHI = ['五绝', '七绝', '五律', '七律', '五排'] as const;
export const DEFAULT_FORM = '七绝';
/** Well known, and short enough for a first try. */
const FIRST_TUNES = [
  '浣溪沙',
  '菩萨蛮',
  '西江月',
  '清平乐',
  '临江仙',
  '蝶恋花',
  '鹧鸪天',
  '满江红',
  '水调歌头',
  '念奴娇',
];
const COMMON = ['theme', 'title', 'rhyme', 'acrostic', 'keep', 'temperature', 'count'] as const;
const KEEP_EXAMPLE = '2:清泉石上流\n3:明月□□□';

/** Well-known ones first, then by how many Song ci there are. */
export function useTuneNames(): readonly string[] {
  const hasTunes = useTables('tunes');
  return useMemo(() => {
    if (!hasTunes) return FIRST_TUNES;
    const rest = tunes()
      .toSorted((a, b) => b.corpusCount - a.corpusCount)
      .map((tune) => tune.name);
    return [...FIRST_TUNES, ...rest.filter((each) => !FIRST_TUNES.includes(each))];
  }, [hasTunes]);
}

interface Props {
  readonly fields: Fields;
  readonly onChange: (fields: Fields) => void;
  /** Common fields that make no sense here. */
  readonly without?: readonly string[];
  readonly children?: ReactNode;
}

export function RequestForm({ fields, onChange, without = [], children }: Props) {
  const { say } = useSpeech();
  const name = useId();
  const isCi = (fields.tune ?? '') !== '';
  const hasCilin = useTables('cilin');
  const tuneNames = useTuneNames();
  const rhymes = useMemo(() => {
    const groups = loadBook(isCi && hasCilin ? 'cilin' : 'pingshui').groups;
    return [...new Set(groups.filter(({ tone }) => isCi || tone === '平').map((group) => group.simplified))];
  }, [isCi, hasCilin]);
  const set = (changes: Fields): void => onChange({ ...fields, ...changes });
  const field = (path: string, isExplained: boolean) => (
    <OptionField
      key={path}
      path={path}
      value={fields[path] ?? ''}
      isExplained={isExplained}
      onChange={(value) => set({ [path]: value })}
      {...(path === 'rhyme' ? { suggestions: rhymes } : {})}
      {...(path === 'theme' ? { placeholder: '秋夜' } : {})}
      {...(path === 'acrostic' ? { placeholder: '春江花月' } : {})}
      {...(path === 'keep' ? { placeholder: KEEP_EXAMPLE } : {})}
    />
  );
  const common = COMMON.filter((path) => !without.includes(path));
  const rest = [...POEM_OPTIONS.keys()].filter(
    (path) => !['form', 'tune', ...COMMON, ...without].includes(path) && !POEM_OPTIONS.get(path)!.isAdvanced,
  );
  const chosen = rest.filter((path) => (fields[path] ?? '') !== '').length;
  return (
    <>
      <fieldset className="forms">
        <legend>{say('shape')}</legend>
        <div className="segments">
          {SHI.map((form) => (
            <label key={form}>
              <input
                type="radio"
                name={name}
                checked={!isCi && (fields.form ?? DEFAULT_FORM) === form}
                onChange={() => set({ form, tune: '' })}
              />
              <span lang="zh-Hans">{form}</span>
            </label>
          ))}
          <label>
            <input
              type="radio"
              name={name}
              checked={isCi}
              onChange={() => set({ form: '', tune: FIRST_TUNES[0]!, acrostic: '' })}
            />
            <span>{say('tuneInstead')}</span>
          </label>
        </div>
        {isCi && (
          <OptionField
            path="tune"
            value={fields.tune ?? ''}
            suggestions={tuneNames}
            onChange={(tune) => set(tune === '' ? { tune: ' ' } : { tune })}
          />
        )}
      </fieldset>
      <div className="fields">
        {common.map((path) => field(path, false))}
        {children}
      </div>
      <details className="more">
        <summary>
          {say('moreOptions')}
          {chosen > 0 && ` (${chosen})`}
        </summary>
        <div className="fields">{rest.map((path) => field(path, true))}</div>
      </details>
    </>
  );
}
