/** A poem with the tone of every character under it, its rhymes and its faults. */
import {
  detectScript,
  type Fault,
  type LaidCharacter,
  type LaidLine,
  layPoem,
  type Verdict,
} from '@tuiqiao/prosody/lazy';
import type { ReactNode } from 'react';
import { useSpeech } from '../state/language.tsx';

const FAULT_CLASSES: Readonly<Record<Fault, string>> = { 疵: 'fault', 拗可: 'tolerated', 多音: 'several' };

export interface Place {
  readonly line: number;
  readonly position: number;
}

interface VerseProps {
  readonly text: string;
  readonly verdict: Verdict | null;
  /** Drawn as chosen: a finding's place. */
  readonly marked?: (place: Place) => boolean;
  /** Characters with a finding can be pressed. */
  readonly onPlace?: (place: Place) => void;
  /** Lines can be pressed, e.g. to be kept. */
  readonly lineControl?: (line: number, text: string, children: ReactNode) => ReactNode;
}

function Character({
  laid,
  place,
  marked,
  onPlace,
}: {
  readonly laid: LaidCharacter;
  readonly place: Place;
  readonly marked: VerseProps['marked'];
  readonly onPlace: VerseProps['onPlace'];
}) {
  const { say } = useSpeech();
  const { char, tone, isRhyme, fault, mark } = laid;
  const classes = ['ch', ...(isRhyme ? ['rhyme'] : []), ...(fault === null ? [] : [FAULT_CLASSES[fault]])];
  if (marked?.(place)) classes.push('marked');
  const below = `${tone ?? '？'}${isRhyme ? '△' : ''}`;
  const toneWord = say(tone === '平' ? 'level' : tone === '仄' ? 'oblique' : 'unknownTone');
  return (
    <>
      {fault !== null && onPlace !== undefined ? (
        <button
          type="button"
          className={classes.join(' ')}
          data-below={below}
          aria-label={`${char} ${toneWord}${isRhyme ? ` ${say('rhymePlace')}` : ''}, ${say('place', { ...place })}`}
          onClick={() => onPlace(place)}
        >
          {char}
        </button>
      ) : (
        <span className={classes.join(' ')} data-below={below}>
          {char}
        </span>
      )}
      {mark !== '' && <span className="mark">{mark}</span>}
    </>
  );
}

/** The marks are drawn by the style sheet: copied text is the poem alone, and is read aloud as the poem alone. */
export function Verse({ text, verdict, marked, onPlace, lineControl }: VerseProps) {
  const stanzas = layPoem(text, verdict);
  const lang = detectScript(text) === 'simplified' ? 'zh-Hans' : 'zh-Hant';
  if (stanzas === null) {
    return (
      <p className="verse as-typed" lang={lang}>
        {text}
      </p>
    );
  }
  let count = 0;
  const line = (laid: LaidLine) => {
    const number = ++count;
    const characters = laid.characters.map((each, i) => (
      <Character
        // biome-ignore lint/suspicious/noArrayIndexKey: a place is what a character is here
        key={i}
        laid={each}
        place={{ line: number, position: i + 1 }}
        marked={marked}
        onPlace={onPlace}
      />
    ));
    const own = laid.characters.map(({ char }) => char).join('');
    return (
      <span key={number} className="line">
        {lineControl === undefined ? characters : lineControl(number, own, characters)}
      </span>
    );
  };
  return (
    <div className="verse" lang={lang}>
      {stanzas.map((stanza, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: stanzas have no other name
        <p key={i}>
          {stanza.map((sentence, j) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: nor have sentences
            <span key={j} className="sentence">
              {sentence.map(line)}
            </span>
          ))}
        </p>
      ))}
    </div>
  );
}
