/** Two poems on one request, side by side. */
import { api } from '../api/client.ts';
import { ApiError } from '../api/errors.ts';
import type { WrittenPoem } from '../api/poems.ts';
import { useSpeech } from '../state/language.tsx';
import type { Duel, Preference, Side } from '../state/votes.ts';
import { Badge, FormLine } from '../verse/badge.tsx';
import { Verse } from '../verse/verse.tsx';
import { CopiedLines } from './poem-card.tsx';

export type Sides = Readonly<Record<Side, WrittenPoem>>;

async function writeOne(request: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<WrittenPoem> {
  for await (const event of api.write(request, signal)) if (event.type === 'poem') return event.poem;
  throw new ApiError(422, {
    message: 'Every attempt broke the form asked for.',
    zh: { message: '写到最后一次仍不合所要的体', hint: '少留几个字，或多给几次' },
  });
}

const MAX_SEED = 2 ** 31;
const randomSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0]! % MAX_SEED;

/** The same request and, for two models, the same seed; who stands left is drawn. */
export async function writeDuel(
  request: Readonly<Record<string, unknown>>,
  a: string,
  b: string,
  signal: AbortSignal,
): Promise<{ duel: Duel; sides: Sides }> {
  const seed = typeof request.seed === 'number' ? request.seed : randomSeed();
  const [ofA, ofB] = await Promise.all([
    writeOne({ ...request, count: 1, model: a, seed }, signal),
    writeOne({ ...request, count: 1, model: b, seed: a === b ? seed + 1 : seed }, signal),
  ]);
  const side: Side = randomSeed() % 2 === 0 ? 'left' : 'right';
  const sides = side === 'left' ? { left: ofA, right: ofB } : { left: ofB, right: ofA };
  const { tune, form } = ofA.verdict;
  return {
    sides,
    duel: {
      form: tune ?? form ?? '',
      title: ofA.title ?? '',
      prompt: ofA.prompt,
      left: sides.left.text,
      right: sides.right.text,
      a: side,
    },
  };
}

interface Props {
  readonly sides: Sides;
  readonly names: Readonly<Record<Side, string>>;
  readonly showsNames: boolean;
  readonly vote: Preference | null;
  readonly onVote: (preference: Preference) => void;
}

export function DuelView({ sides, names, showsNames, vote, onVote }: Props) {
  const { say } = useSpeech();
  const words = { left: 'leftBetter', tie: 'tie', right: 'rightBetter' } as const;
  return (
    <>
      <div className="duel">
        {(['left', 'right'] as const).map((side) => (
          <article key={side} className={`card poem${vote === side ? ' chosen' : ''}`} aria-label={say(side)}>
            <header>
              <p className="side">{showsNames ? names[side] : say(side)}</p>
              <Badge verdict={sides[side].verdict} />
            </header>
            {sides[side].title !== undefined && <h3 lang="zh-Hant">{sides[side].title}</h3>}
            <Verse text={sides[side].text} verdict={sides[side].verdict} />
            <CopiedLines poem={sides[side]} />
            <FormLine verdict={sides[side].verdict} />
          </article>
        ))}
      </div>
      <div className="actions votes">
        {(['left', 'tie', 'right'] as const).map((preference) => (
          <button
            key={preference}
            type="button"
            aria-pressed={vote === preference}
            disabled={vote !== null}
            onClick={() => onVote(preference)}
          >
            {say(words[preference])}
          </button>
        ))}
      </div>
      <p className="status" role="status">
        {vote !== null && say('voteThanks', { vote: say(words[vote]) })}
      </p>
    </>
  );
}
