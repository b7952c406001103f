// Developer tool: trains the style classifiers that ship with @tuiqiao/eval on the full corpus (`tuiqiao corpus pull`)
// and measures them on its held-out clusters.
//
//   node tools/eval/train-style.mjs [--out packages/eval/data/style.bin.br]
//
// Regulated verse and ci of Tang and Song; poets are those with enough poems to be told by, famous ones first.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { loadCorpus } from '@tuiqiao/corpus';
import {
  calibration,
  classificationReport,
  encodeStyle,
  formatClassification,
  openStyle,
  trainStyle,
  wilson,
} from '@tuiqiao/eval';

const { values } = parseArgs({ options: { out: { type: 'string', default: 'packages/eval/data/style.bin.br' } } });
const POETS =
  '李白 杜甫 王維 孟浩然 劉長卿 白居易 元稹 劉禹錫 賈島 杜牧 李商隱 許渾 溫庭筠 羅隱 王安石 歐陽修 梅堯臣 蘇軾 黃庭堅 陸游 楊萬里 范成大 朱熹 劉克莊';
const poets = new Set(POETS.split(' '));

const poems = (await loadCorpus()).filter(
  ({ dynasty, labels }) => ['唐', '宋'].includes(dynasty) && labels.form !== null && labels.form !== '古',
);

function measure(name, own, labelOf, options) {
  const split = (part) => own.filter(({ labels }) => (labels.split === 'train') === (part === 'train'));
  const training = split('train').map((poem) => ({ text: poem.text, label: labelOf(poem) }));
  const heldOut = split('held-out');
  const weights = trainStyle(training, options);
  const classifier = openStyle(weights);
  const truth = heldOut.map(labelOf);
  const report = classificationReport(
    truth,
    heldOut.map(({ text }) => classifier.classify(text)),
    weights.labels,
  );
  process.stdout.write(`${name}, trained on ${training.length}\n${formatClassification(report)}\n`);
  const kept = calibration(
    heldOut.map(({ text }) => classifier.probabilities(text)),
    truth.map((label) => weights.labels.indexOf(label)),
  );
  process.stdout.write(`Brier ${kept.brier.toFixed(4)}, log-loss ${kept.logLoss.toFixed(4)} nats\n`);
  const right = weights.labels.reduce((sum, _, i) => sum + report.confusion[i][i], 0);
  const commonest = Math.max(...report.confusion.map((row) => row.reduce((sum, count) => sum + count, 0)));
  return {
    weights,
    accuracy: wilson(right, truth.length),
    balancedAccuracy: report.balancedAccuracy,
    majority: commonest / truth.length,
    calibration: kept,
    trainedOn: training.length,
  };
}

const bytes = await encodeStyle({
  dynasty: measure('dynasty', poems, ({ dynasty }) => dynasty, { epochs: 3 }),
  author: measure(
    'poet',
    poems.filter(({ author }) => poets.has(author)),
    ({ author }) => author,
    { epochs: 6 },
  ),
});
await mkdir(path.dirname(values.out), { recursive: true });
await writeFile(values.out, bytes);
process.stdout.write(`${values.out}: ${bytes.length} bytes\n`);
