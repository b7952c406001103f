// A shi judged as the form that was asked for.

import { type RegulatedForm, shapeOfForm } from '../forms.ts';
import { judgeShape } from '../rules/shape.ts';
import type { Verdict } from '../verdict.ts';
import { judgeBrokenWaist } from './broken-waist.ts';
import { describeRegulated, describeSix, describeWithoutPattern } from './describe.ts';
import { hasMoreThanSlips } from './old-style.ts';
import { judgeFavourably, judgeRegulated, readRegulated } from './regulated.ts';
import type { ShiRequest } from './request.ts';
import { judgeSix, type SixForm, sixLineCount } from './six.ts';

/** As the form of six characters that was asked for. */
export function checkAsSix(request: ShiRequest, form: SixForm): Verdict {
  const { lines } = request.text;
  if (lines.length === 0) return describeWithoutPattern(request, form, [{ kind: 'empty-text', line: 0, position: -1 }]);
  const judgement = judgeSix(readRegulated(request.text, 6, request.book, request.script));
  return describeSix(request, form, judgement, judgeShape(lines, 6, sixLineCount(form)));
}

/** As the form that was asked for, whatever the shape: what has the right length is judged, the rest is named. */
export function checkAs(request: ShiRequest, form: RegulatedForm): Verdict {
  const { lineLength, lineCount } = shapeOfForm(form);
  const shapeIssues = judgeShape(request.text.lines, lineLength, lineCount);
  if (request.text.lines.length === 0) {
    return describeWithoutPattern(request, form, [{ kind: 'empty-text', line: 0, position: -1 }]);
  }
  const given = readRegulated(request.text, lineLength, request.book, request.script);
  const judgement = judgeFavourably(given, judgeRegulated(given));
  if (shapeIssues.length === 0 && lineCount !== null && hasMoreThanSlips(judgement)) {
    // Who asks for a form is told its faults; that they make a named exception together is said besides.
    const joint = judgeBrokenWaist(given, judgement.scheme, judgement.hardFaults)?.joints[0];
    if (joint !== undefined) {
      return describeRegulated(request, form, judgement, [{ kind: 'zheyao-named', line: joint, position: -1 }]);
    }
  }
  return describeRegulated(request, form, judgement, shapeIssues);
}
