/**
 * The same request in a sentence, for general chat models (Qwen, Llama …): 「请写一首七言绝句，题为《秋夜》，押平水韵“尤”部。」
 * One wording only: the template used in training must be the one used afterwards.
 */
import type { PoemRequest } from './poem-request.ts';

const FORM_NAMES: Readonly<Record<string, string>> = {
  五绝: '五言绝句',
  七绝: '七言绝句',
  五律: '五言律诗',
  七律: '七言律诗',
  五排: '五言排律',
  七排: '七言排律',
  古: '古体诗',
  词: '词',
};

export function instructionPrompt(request: PoemRequest): string {
  const parts: string[] = [];
  const kind = request.tune === undefined ? (FORM_NAMES[request.form ?? ''] ?? '诗') : `词，词牌《${request.tune}》`;
  const manner = request.author === undefined ? '' : `仿${request.author}的风格，`;
  parts.push(`请${manner}写一首${kind}`);
  if (request.title !== undefined) parts.push(`题为《${request.title}》`);
  if (request.theme !== undefined) parts.push(`主题是${request.theme}`);
  if (request.rhyme !== undefined) {
    parts.push(request.rhyme.startsWith('第') ? `押词林正韵${request.rhyme}` : `押平水韵“${request.rhyme}”部`);
  }
  if (request.start !== undefined) parts.push(request.start);
  if (request.firstLineRhymes !== undefined) parts.push(request.firstLineRhymes ? '首句入韵' : '首句不入韵');
  return `${parts.join('，')}。只写正文，用逗号和句号断句。`;
}
