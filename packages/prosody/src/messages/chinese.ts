// The sentences in Chinese.

import type { MessageFacts, Sentences } from '../messages.ts';

const opposite = (tone: string): string => (tone === '平' ? '仄' : '平');
/** Characters that would fit, where any are known. */
const such = (f: MessageFacts): string => (f.words === '' ? '' : `，如${f.words}`);

/** A rhyme of the poem's own group. */
const inGroup = (f: MessageFacts): { suggestion?: string } =>
  f.group === '' ? {} : { suggestion: `换成${f.group}部的字${such(f)}。` };

export const CHINESE: Sentences = {
  'line-length': (f) => ({
    message: `第${f.line}句有${f.count}字，应为${f.expected}字。`,
    suggestion: f.count > f.expected ? `删去${f.count - f.expected}字。` : `补足${f.expected - f.count}字。`,
  }),
  'line-count': (f) => ({
    message: `全诗${f.count}句，${f.form}应为${f.expected === 10 ? '十句以上的偶数' : f.expected}句。`,
    suggestion:
      f.expected === 10
        ? '排律至少十句，逢双。'
        : f.count > f.expected
          ? `删去${f.count - f.expected}句。`
          : `补足${f.expected - f.count}句。`,
  }),
  'no-form': (f) => ({
    message: `全诗${f.count}句，句数与字数不合任何一种近体诗（五、七言绝句、律诗、排律）。`,
    suggestion: '若是词，请指明词牌；若是古体，请指定体裁“古”；若是近体，先理好句数与字数。',
  }),
  'empty-text': () => ({ message: '没有可以检查的诗句。', suggestion: '贴上诗句再查。' }),
  slot: (f) => ({
    message: `第${f.line}句第${f.position}字应${f.wanted}，“${f.char}”是${opposite(f.wanted)}声。`,
    suggestion: `“${f.char}”换成${f.wanted}声字${such(f)}。`,
  }),
  'unconfirmed-reading': (f) => ({
    message: `第${f.line}句第${f.position}字应${f.wanted}，“${f.char}”须取${f.wanted}声一读；此读并非各本韵书都收。`,
    suggestion: `要各本都合，“${f.char}”换成${f.wanted}声字${such(f)}。`,
  }),
  shidui: (f) => ({
    message: `第${f.line}句失对：第${f.position}字“${f.char}”与上句同位的“${f.otherChar}”同为${opposite(f.wanted)}声，一联之内应相反。`,
    suggestion: `“${f.char}”换成${f.wanted}声字${such(f)}。`,
  }),
  'shidui-line': (f) => ({
    message: `第${f.line}句与第${f.otherLine}句失对：第${f.otherPosition}字平仄相同，因第${f.otherLine}句“${f.otherChar}”不合律。`,
    suggestion: `先改第${f.otherLine}句第${f.otherPosition}字。`,
  }),
  shinian: (f) => ({
    message: `第${f.line}句失粘：第${f.position}字“${f.char}”是${opposite(f.wanted)}声，应与第${f.otherLine}句的“${f.otherChar}”同为${f.wanted}声。`,
    suggestion: `“${f.char}”换成${f.wanted}声字${such(f)}。`,
  }),
  'shinian-line': (f) => ({
    message: `第${f.line}句与第${f.otherLine}句失粘：第${f.otherPosition}字平仄应相同，因第${f.otherLine}句“${f.otherChar}”不合律。`,
    suggestion: `先改第${f.otherLine}句第${f.otherPosition}字。`,
  }),
  guping: (f) => ({
    message: `第${f.line}句犯孤平：第${f.position}字“${f.char}”用仄，除韵脚外只剩“${f.otherChar}”一个平声相连。`,
    suggestion: `“${f.char}”换成平声字${such(f)}；或把第${f.position + 2}字换成平声来救。`,
  }),
  'guping-rescued': (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”用仄，第${f.otherPosition}字“${f.otherChar}”用平补救（孤平拗救），合律。`,
  }),
  sanpingwei: (f) => ({
    message: `第${f.line}句三平尾：末三字都是平声。`,
    suggestion: `第${f.position}字“${f.char}”换成仄声字${such(f)}。`,
  }),
  sanzewei: (f) => ({
    message: `第${f.line}句三仄尾：末三字都是仄声，可以容忍，宜避。`,
    suggestion: `第${f.position}字“${f.char}”换成平声字${such(f)}。`,
  }),
  tiao: (f) => ({ message: `第${f.line}句用特拗“平平仄平仄”：第${f.otherPosition}、${f.position}字平仄互换，合律。` }),
  'tiao-loose': (f) => ({
    message: `第${f.line}句用特拗“平平仄平仄”，但第${f.position - 3}字宜平而用仄。`,
    suggestion: `第${f.position - 3}字换成平声字${such(f)}。`,
  }),
  daao: (f) => ({
    message: `第${f.line}句第${f.position}字应平，“${f.char}”是仄声（大拗），对句第${f.otherPosition}字须用平声来救，而未救。`,
    suggestion: `“${f.char}”换成平声字${such(f)}；或把第${f.otherLine}句第${f.otherPosition}字换成平声字。`,
  }),
  'daao-rescued': (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”大拗，第${f.otherLine}句第${f.otherPosition}字“${f.otherChar}”用平相救，合律。`,
  }),
  xiaoao: (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”该平用仄（小拗），可以不救，宜救。`,
    suggestion: `第${f.otherLine}句第${f.otherPosition}字用平声字来救；或把“${f.char}”换成平声字${such(f)}。`,
  }),
  'xiaoao-rescued': (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”小拗，第${f.otherLine}句第${f.otherPosition}字“${f.otherChar}”用平相救，合律。`,
  }),
  zhuangyun: (f) => ({
    message: `第${f.line}句不入韵，末字应仄，“${f.char}”却与韵脚同在${f.group}部（撞韵）。`,
    suggestion: `“${f.char}”换成仄声字${such(f)}。`,
  }),
  chuyun: (f) => ({
    message: `第${f.line}句出韵：“${f.char}”不在${f.group}部。`,
    ...inGroup(f),
  }),
  'chuyun-oblique': (f) => ({
    message: `第${f.line}句韵脚“${f.char}”属${f.group}部，是仄声；近体诗押平声韵。`,
    suggestion: '全诗改押一个平声韵部；若本是古体，请指定体裁“古”再查。',
  }),
  'chuyun-neighbour': (f) => ({
    message: `首句“${f.char}”借邻韵入${f.group}部（孤雁入群），可以。`,
    ...(f.group === '' ? {} : { suggestion: `要一韵到底，换成${f.group}部的字${such(f)}。` }),
  }),
  chongyun: (f) => ({
    message: `第${f.line}句与第${f.otherLine}句的韵脚都是“${f.char}”（重韵）。`,
    ...inGroup(f),
  }),
  'chongyun-possible': (f) => ({
    message: `第${f.line}句与第${f.otherLine}句的韵脚都写作“${f.char}”；除非繁体本是两字，便是重韵。`,
    ...inGroup(f),
  }),
  'unknown-character': (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”不见于韵书，平仄不明。`,
    suggestion: '若是异体字、缺字或误字，换成通行的字再查。',
  }),
  'chuyun-last': (f) => ({
    message: `末韵“${f.char}”出韵，落在邻韵${f.otherGroup}部（孤雁出群）；近体诗应一韵到底。`,
    ...inGroup(f),
  }),
  'chuyun-lulu': (f) => ({
    message: `第${f.line}句“${f.char}”转入邻韵${f.otherGroup}部：前后各半用两韵，是辘轳韵；近体诗应一韵到底。`,
    ...inGroup(f),
  }),
  'chuyun-jintui': (f) => ({
    message: `第${f.line}句“${f.char}”押邻韵${f.otherGroup}部：两韵一进一退，是进退韵；近体诗应一韵到底。`,
    ...inGroup(f),
  }),
  'chuyun-hulu': (f) => ({
    message: `第${f.line}句“${f.char}”押邻韵${f.otherGroup}部：先少后多用两韵，是葫芦韵；近体诗应一韵到底。`,
    ...inGroup(f),
  }),
  'zhuangyun-oblique': (f) => ({
    message: `第${f.line}句不入韵，末字“${f.char}”却是${f.group}部的仄声，与韵脚同音（撞韵）；不犯律，宜避。`,
    ...(f.words === '' ? {} : { suggestion: `可换成他韵的仄声字，如${f.words}。` }),
  }),
  jiyun: (f) => ({
    message: `第${f.line}句第${f.position}字“${f.char}”与韵脚“${f.otherChar}”同在${f.group}部（挤韵）；不犯律，讲究者避之。`,
    ...(f.words === '' ? {} : { suggestion: `可换成他韵的平声字，如${f.words}。` }),
  }),
  shangwei: (f) => ({
    message: `第${f.otherLine}句起${f.count}个不入韵的句子都以${f.level}声收尾，到第${f.line}句“${f.char}”止（上尾）；不犯律，句尾宜上、去、入递用。`,
    ...(f.words === '' ? {} : { suggestion: `“${f.char}”可换成他声的仄声字，如${f.words}。` }),
  }),
  hezhang: (f) => ({
    message: `第${f.otherLine}、${f.line}句疑似合掌：${f.pairs}两两同义，上下句说的是一件事；不犯律，对仗宜避。`,
    suggestion: `改写其中一句，另说一层：时与地、见与闻、动与静、人与物相对。`,
  }),
  chongzi: (f) => ({
    message: `“${f.char}”见于第${f.otherLine}句，又见于第${f.line}句（重字）；不犯律，近体诗宜避。`,
    ...(f.words === '' ? {} : { suggestion: `可换成${f.wanted}声的近义字，如${f.words}。` }),
  }),
  'chongzi-deliberate': (f) => ({
    message:
      f.line === f.otherLine
        ? `第${f.line}句重用“${f.word}”，是有意的反复，不算重字之病。`
        : `第${f.line}句重用第${f.otherLine}句的“${f.word}”，位置或用词相应，是有意的反复，不算重字之病。`,
  }),
  zheyao: (f) => ({
    message: `第${f.line}句与上一联失粘，而各联内平仄都合，是折腰体，如王维《渭城曲》。`,
    suggestion: '若要全依粘对，把前后两联的平仄对调其一。',
  }),
  'zheyao-named': (f) => ({
    message: `第${f.line}句起与上一联失粘，各联内平仄都合：当作折腰体看（如王维《渭城曲》），以上诸处即无不合。`,
  }),
  gujue: (f) => ({
    message: `古绝：押平声韵，平仄不依近体，按${f.form}看有${f.count}处不合；古绝本不论平仄粘对。`,
    suggestion: `要写成${f.form}，指定体裁（form: ${f.form}）再查，逐处指出。`,
  }),
  'gujue-oblique': (f) => ({
    message: `古绝：押仄声韵（${f.group}部）；近体绝句押平声韵，古绝平仄皆可押，也不论粘对。`,
    suggestion: `要写成${f.form}，改押平声韵，指定体裁（form: ${f.form}）再查。`,
  }),
  'gujue-possible': () => ({
    message: '若不求近体，可作古绝看：用韵无误，而平仄不依格律。',
  }),
  'guti-possible': () => ({
    message: '若不求近体，可作古体看：用韵无误，而平仄不依格律。',
  }),
  guti: (f) => ({
    message: `古体：押平声韵，平仄不依近体，按${f.form}看有${f.count}处不合；古体本不论平仄粘对。`,
    suggestion: `要写成${f.form}，指定体裁（form: ${f.form}）再查，逐处指出。`,
  }),
  'guti-oblique': (f) => ({
    message: `古体：押仄声韵（${f.group}部）；近体诗押平声韵，古体平仄皆可押，也不论粘对。`,
    suggestion: `要写成${f.form}，改押平声韵，指定体裁（form: ${f.form}）再查。`,
  }),
  'guti-free': (f) => ({ message: `古体：全诗${f.count}句，句数、句式与换韵都自由，不依近体平仄。` }),
};
