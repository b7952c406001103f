/** What a poem is asked to be, independent of how a model is told. Names are the labels' names; traditional inside. */
import type { Poem } from '../poem.ts';

export interface PoemRequest {
  /** 五绝 七绝 五律 七律 五排 七排 古 词; 词 when a tune is given. */
  readonly form?: string;
  /** Canonical simplified tune name. */
  readonly tune?: string;
  /** 平水韵 group (traditional, e.g. 尤) or 词林正韵 part (e.g. 第十二部). */
  readonly rhyme?: string;
  readonly start?: '平起' | '仄起';
  readonly firstLineRhymes?: boolean;
  readonly dynasty?: string;
  readonly author?: string;
  readonly theme?: string;
  readonly title?: string;
}

/** The request that a labelled poem answers, everything said. */
export function requestOf(poem: Poem): PoemRequest {
  const { labels } = poem;
  const request: { -readonly [K in keyof PoemRequest]: PoemRequest[K] } = {
    dynasty: poem.dynasty,
    author: poem.author,
  };
  if (labels.form !== null) request.form = labels.form;
  if (labels.tune !== null) request.tune = labels.tune;
  if (labels.rhyme !== null) request.rhyme = labels.rhyme;
  if (labels.start !== null) request.start = labels.start;
  if (labels.firstLineRhymes !== null) request.firstLineRhymes = labels.firstLineRhymes;
  if (labels.theme !== null) request.theme = labels.theme;
  if (poem.title !== '') request.title = poem.title;
  return request;
}
