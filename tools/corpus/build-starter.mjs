/**
 * Developer tool: chooses the starter corpus out of the built full corpus and writes `packages/corpus/data/starter.json.br`.
 *
 *   npx tsc -b && node tools/corpus/build-starter.mjs      (after `tuiqiao corpus pull`)
 *
 * Train and validation: flawless poems only, the best of each form by a weak prior of fame (anthologies, well-known poets,
 * search-engine hits), one poem a near-duplicate cluster, no author with more than a share of a form. Test: drawn at random
 * from the full test split by shape alone, so that they are what poets really wrote.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CORPUS_VERSION,
  encodeStarter,
  findPulled,
  foldText,
  listRecordFiles,
  loadCorpus,
  readRecords,
  splitLines,
} from '../../packages/corpus/dist/index.js';

const COUNTS = { 五绝: 2000, 七绝: 3500, 五律: 3000, 七律: 2500 };
const TEST_PER_SHAPE = 125;
const CI_PER_TUNE = 50;
const CI_TEST_PER_TUNE = 3;
/** No poet gives more than this share of a form. */
const MAX_AUTHOR_SHARE = 0.06;
const MAX_TITLE_CHARACTERS = 20;
/** A character seldomer than this in the full corpus would only widen the vocabulary. */
const MIN_CHARACTER_COUNT = 150;

/** The commonest tunes of the corpus. */
const TUNES = (
  '浣溪沙 水调歌头 鹧鸪天 菩萨蛮 念奴娇 满江红 西江月 临江仙 蝶恋花 减字木兰花 贺新郎 沁园春 点绛唇 清平乐 满庭芳 ' +
  '玉楼春 水龙吟 虞美人 好事近 渔家傲 南歌子 朝中措 卜算子 谒金门 踏莎行 南乡子 忆江南 如梦令 江城子 蓦山溪'
).split(' ');

const KNOWN_POETS = new Set(
  [
    '李白 杜甫 王維 孟浩然 白居易 李商隱 杜牧 王昌齡 韋應物 劉禹錫 柳宗元 韓愈 元稹 岑參 高適 王之渙 賀知章 張九齡 陳子昂',
    '駱賓王 王勃 楊炯 盧照鄰 宋之問 沈佺期 杜審言 崔顥 李頎 劉長卿 錢起 盧綸 李益 賈島 孟郊 張籍 王建 李賀 許渾 溫庭筠 韋莊',
    '羅隱 皮日休 陸龜蒙 司空圖 韓偓 鄭谷 杜荀鶴 張祜 皇甫冉 司空曙 戴叔倫 張繼 韓翃 儲光羲 祖詠 常建 馬戴 趙嘏 李頻 劉方平',
    '蘇軾 歐陽脩 歐陽修 王安石 黃庭堅 陸游 楊萬里 范成大 陳與義 陳師道 梅堯臣 蘇舜欽 秦觀 張耒 晏殊 晏幾道 林逋 程顥 曾鞏',
    '朱熹 文天祥 戴復古 劉克莊 葉紹翁 趙師秀 翁卷 徐璣 徐照 姜夔 辛棄疾 李清照 柳永 周邦彥 賀鑄 張先 吳文英 晁補之 曾幾 尤袤',
  ]
    .join(' ')
    .split(' ')
    .map(foldText),
);
const ANTHOLOGY_TAGS = /三百首|千家|小学|初中|高中|古诗十九|教材|课本/u;

const pulled = await findPulled();
if (!pulled) throw new Error('build-starter: expected the pulled package, run `tuiqiao corpus pull`');
const prior = await readFamePrior(pulled.folder);
const poems = await loadCorpus();
const characterCounts = countCharacters(poems);

const chosen = [];
const usedClusters = new Set();
const byFame = poems
  .map((poem) => ({ poem, fame: fameOf(poem) }))
  .sort((a, b) => b.fame - a.fame || (a.poem.id < b.poem.id ? -1 : 1))
  .map(({ poem }) => poem);

for (const [form, count] of Object.entries(COUNTS)) {
  const perAuthor = new Map();
  let taken = 0;
  for (const poem of byFame) {
    if (taken === count) break;
    if (poem.labels.form !== form || !isWorthy(poem) || !isAllowed(poem, perAuthor, count)) continue;
    take(poem);
    taken++;
  }
  report(form, taken);
}
for (const tune of TUNES) {
  let taken = 0;
  for (const poem of byFame) {
    if (taken === CI_PER_TUNE) break;
    if (poem.labels.tune !== tune || !isWorthy(poem) || usedClusters.has(poem.labels.cluster)) continue;
    take(poem);
    taken++;
  }
  report(tune, taken);
}

// The control: by shape only, in an order that nobody chose.
const test = poems
  .filter((poem) => poem.labels.split === 'test')
  .sort((a, b) => (scramble(a.id) < scramble(b.id) ? -1 : 1));
for (const form of Object.keys(COUNTS)) drawTest((poem) => shapeOf(poem) === form, TEST_PER_SHAPE, `test ${form}`);
for (const tune of TUNES) drawTest((poem) => poem.labels.tune === tune, CI_TEST_PER_TUNE, `test ${tune}`);

// Reading order of the full corpus: neighbours share poets and books, which compresses and reads better.
const place = new Map(poems.map((poem, index) => [poem.id, index]));
chosen.sort((a, b) => place.get(a.id) - place.get(b.id));
const bytes = await encodeStarter(chosen, CORPUS_VERSION);
const target = path.resolve(import.meta.dirname, '../../packages/corpus/data/starter.json.br');
await writeFile(target, bytes);
report('poems', chosen.length);
report('bytes', bytes.length);

function report(name, count) {
  process.stdout.write(`${name} ${count}\n`);
}

function take(poem) {
  usedClusters.add(poem.labels.cluster);
  chosen.push(poem);
}

function drawTest(isWanted, count, name) {
  let taken = 0;
  for (const poem of test) {
    if (taken === count) break;
    if (!isWanted(poem) || usedClusters.has(poem.labels.cluster)) continue;
    take(poem);
    taken++;
  }
  report(name, taken);
}

function shapeOf(poem) {
  if (!poem.source.startsWith('shi.')) return null;
  const lines = splitLines(poem.text);
  const length = lines[0]?.length;
  if ((length !== 5 && length !== 7) || lines.some((line) => line.length !== length)) return null;
  const kind = lines.length === 4 ? '绝' : lines.length === 8 ? '律' : null;
  return kind === null ? null : (length === 5 ? '五' : '七') + kind;
}

function isWorthy(poem) {
  const { labels, title, author, text } = poem;
  if (!labels.isFlawless || labels.split === 'test') return false;
  if (title.length > MAX_TITLE_CHARACTERS || /偈|頌|贊|讖|句$|（|帖子|挽|輓|樂章/u.test(title)) return false;
  // Monks' sermons in verse and poems of nobody in particular are not what a learner looks for.
  if (/^釋|無名|佚名|不詳|氏$/u.test(author) || author === '') return false;
  for (const character of text) if ((characterCounts.get(character) ?? 0) < MIN_CHARACTER_COUNT) return false;
  return true;
}

function isAllowed(poem, perAuthor, count) {
  if (usedClusters.has(poem.labels.cluster)) return false;
  const own = perAuthor.get(poem.author) ?? 0;
  if (own >= count * MAX_AUTHOR_SHARE) return false;
  perAuthor.set(poem.author, own + 1);
  return true;
}

function fameOf(poem) {
  const { hits, isInAnthology } = prior.get(poem.id) ?? { hits: 0, isInAnthology: false };
  return Math.log10(hits + 1) + (isInAnthology ? 4 : 0) + (KNOWN_POETS.has(poem.author) ? 1.5 : 0);
}

/** Search hits (360 Search only: the others are noise) and anthology tags, by poem id. */
async function readFamePrior(folder) {
  const found = new Map();
  for (const file of await listRecordFiles(folder)) {
    const records = await readRecords(folder, file);
    const ranks = await readRanks(folder, file.relativePath);
    records.forEach((record, index) => {
      found.set(record.id, {
        hits: ranks[index]?.so360 ?? 0,
        isInAnthology: record.tags.some((tag) => ANTHOLOGY_TAGS.test(tag)),
      });
    });
  }
  return found;
}

async function readRanks(folder, relativePath) {
  const match = /(?:(poet)|(ci))\.(tang|song)\.(\d+y?)\.json$/.exec(relativePath);
  if (!match) return [];
  const kind = match[1] ?? match[2];
  const file = path.join(folder, 'rank', kind, `${kind}.${match[3]}.rank.${match[4]}.json`);
  return JSON.parse(await readFile(file, 'utf8'));
}

function countCharacters(all) {
  const counts = new Map();
  for (const poem of all) for (const character of poem.text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return counts;
}

/** A fixed shuffle: order by the reversed id. */
function scramble(id) {
  return [...id].reverse().join('');
}
