import { describe, expect, it } from 'vitest';
import { createChatTemplate } from './chat-template.ts';
import { createTokenizer } from './load-tokenizer.ts';

const render = (source: string, content: string) =>
  createChatTemplate(source, { eos_token: '</s>' })([{ role: 'user', content }]);

describe('createChatTemplate', () => {
  it.each([
    ["{{ messages[0].content.lstrip('\\n') }}|", '\n\n  a\n', '  a\n|'],
    ["{{ messages[0].content.rstrip('\\n') }}|", '\n a \n\n', '\n a |'],
    ["{{ messages[0].content.strip('xy') }}|", 'yx a xyx', ' a |'],
    ["{{ messages[0].content.split('-')[-1].lstrip('\\n').rstrip('b') }}|", 'a-\nbcb', 'bc|'],
    ['{{ messages[0].content.strip() }}|', ' \n a \n ', 'a|'],
    ["{% if messages[0].content.strip('a') == '' %}empty{% else %}{{ eos_token }}{% endif %}", 'aaa', 'empty'],
    ["{{ messages[0].content.strip('a') + eos_token }}", 'aaa', '</s>'],
  ])('%s does to %j what Python does', (source, content, expected) => {
    expect(render(source, content)).toBe(expected);
  });

  it('says what is wrong with a template, and what a template refuses', () => {
    expect(() => createChatTemplate('{% if %}', {})).toThrow(expect.objectContaining({ code: 'chat-template-failed' }));
    expect(() => render("{{ raise_exception('roles must alternate') }}", '')).toThrow(/roles must alternate/);
  });

  it('is refused where a tokenizer has none', () => {
    const model = { type: 'BPE', vocab: { a: 0, u: 1 }, merges: [], unk_token: 'u' };
    const tokenizer = createTokenizer({
      tokenizerJson: { model, added_tokens: [], decoder: { type: 'Fuse' } },
      tokenizerConfig: {},
    });
    expect(tokenizer.hasChatTemplate).toBe(false);
    expect(() => tokenizer.applyChatTemplate([])).toThrow(expect.objectContaining({ code: 'chat-template-failed' }));
  });
});
