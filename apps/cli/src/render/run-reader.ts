/** The terminal's reader of the run-event stream: notes, bars, losses, samples and warnings on stderr. */
import type { OnEvent, RunEvent, StepEnd } from '@tuiqiao/schema';
import type { Language } from '../messages.ts';
import type { Session } from '../session.ts';
import { createMeter, type Meter } from './meter.ts';
import { formatCount, formatFigure } from './numbers.ts';

/** Metrics shown beside the loss while training, when the stage reports them. */
const SHOWN_METRICS: readonly (readonly [string, string])[] = [
  ['rewards/accuracies', 'acc'],
  ['rewards/margins', 'margin'],
  ['mean_token_accuracy', 'acc'],
];

export interface RunReader {
  readonly onEvent: OnEvent;
  /** Ends what is still moving. */
  stop(): void;
}

function stepDetail(event: StepEnd, session: Session): string {
  const metrics = SHOWN_METRICS.flatMap(([name, short]) => {
    const value = event.metrics[name];
    return value === undefined ? [] : [`${short} ${value.toFixed(3)}`];
  });
  return [
    `${session.text('loss')} ${event.loss.toFixed(4)}`,
    ...metrics,
    `lr ${formatFigure(event.learningRate)}`,
    `${formatCount(event.tokensPerSecond)} tok/s`,
  ].join(' · ');
}

/** Labels of progress events, which are stable ids, in words. */
const PROGRESS_WORDS: Readonly<Record<string, { readonly zh: string; readonly en: string }>> = {
  'corpus-pull': { zh: '下载语料', en: 'fetching the corpus' },
  'corpus-clean': { zh: '清洗', en: 'cleaning' },
  'corpus-label': { zh: '标注', en: 'labelling' },
  prepare: { zh: '整理数据', en: 'preparing' },
  'sampling pairs': { zh: '取样成对', en: 'sampling pairs' },
  reference: { zh: '参考模型', en: 'reference' },
  writing: { zh: '写诗', en: 'writing' },
  polishing: { zh: '推敲', en: 'polishing' },
};

/** `writing: base` → 写诗 base: the part after the colon is a name. */
function nameProgress(label: string, language: Language): string {
  const [id = label, name] = label.split(': ');
  const words = PROGRESS_WORDS[id]?.[language] ?? id;
  return name === undefined ? words : `${words} ${name}`;
}

export function createRunReader(session: Session): RunReader {
  if (session.isQuiet) return { onEvent: () => undefined, stop: () => undefined };
  const { dim, yellow, bold } = session.proseColours;
  let meter: Meter | undefined;
  let stage = '';

  const stop = (): void => {
    meter?.stop();
    meter = undefined;
  };
  const meterFor = (label: string, unit: string): Meter => {
    if (meter?.label === label) return meter;
    stop();
    meter = createMeter({ label, unit, isTerminal: session.isTerminal, remaining: session.text('remaining') });
    return meter;
  };
  const note = (line: string): void => (meter === undefined ? session.say(line) : meter.note(line));

  const onEvent = (event: RunEvent): void => {
    switch (event.type) {
      case 'run-start':
        stop();
        stage = event.stage;
        session.say(bold(`${event.stage} · ${event.name}`));
        for (const line of event.notes) session.say(dim(`  ${line}`));
        if (event.resumedFromStep !== undefined) {
          session.say(dim(`  ${session.text('resumed', { step: event.resumedFromStep })}`));
        }
        return;
      case 'progress':
        meterFor(nameProgress(event.label, session.language), event.unit).update(event.done, event.total);
        return;
      case 'step-end':
        meterFor(stage || 'train', session.text('steps')).update(
          event.step,
          event.totalSteps,
          stepDetail(event, session),
          event.remainingSeconds,
        );
        return;
      case 'eval-end': {
        const figures = Object.entries(event.metrics).map(([name, value]) => `${name} ${formatFigure(value)}`);
        note(`  ${session.text('atStep', { step: event.step })} · ${figures.join(' · ')}`);
        return;
      }
      case 'checkpoint-save':
        note(dim(`  ${session.text('checkpoint')} ${event.path}`));
        return;
      case 'sample':
        note(dim(`  ${event.prompt} → ${event.text.replace(/\n/gu, ' ')}`));
        return;
      case 'poem-line':
        if (session.isTerminal) note(dim(`  ${event.text}`));
        return;
      case 'poem':
        return;
      case 'run-warning':
        note(`${yellow(session.text('warningPrefix'))} ${event.message}`);
        return;
      case 'run-end':
      case 'run-error':
        stop();
        return;
      default:
        event satisfies never;
    }
  };
  return { onEvent, stop };
}
