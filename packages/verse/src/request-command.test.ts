import { describe, expect, it } from 'vitest';
import { VerseError } from './errors.ts';
import { requestCommand } from './request-command.ts';
import { compileRequest, type WritingRequest } from './request-plan.ts';
import { createTokenInventory } from './token-inventory.ts';
import { createPoetTokenizer } from './verse-model.case.ts';

describe('requestCommand', () => {
  it('names every wish as its flag, quoted where a shell needs it', () => {
    expect(
      requestCommand({
        form: '七律',
        rhyme: '東',
        start: '平起',
        firstLineRhymes: false,
        fixed: [
          { line: 3, position: 1, character: '明' },
          { line: 3, position: 3, character: '月' },
        ],
        noRepeatedCharacters: true,
        allowsDoubling: true,
        title: "it's 秋",
      }),
    ).toBe(
      "tuiqiao write --form 七律 --rhyme 东 --start 平起 --no-rhyme-first-line --keep '3:明□月' --repeats doubled --title 'it'\\''s 秋'",
    );
    expect(requestCommand({ form: '词', tune: '浣溪沙', variant: '钦定词谱 2' })).toBe(
      "tuiqiao write --tune 浣溪沙 --variant '钦定词谱 2' --repeats free",
    );
  });
});

describe('a request that cannot be satisfied', () => {
  it('is refused with the nearest one as a command, which can be', async () => {
    const { tokenizer } = await createPoetTokenizer();
    const tokens = createTokenInventory(tokenizer);
    // 東 is level: the second character of a poem that begins oblique cannot be it.
    const request: WritingRequest = {
      form: '五绝',
      start: '仄起',
      fixed: [{ line: 1, position: 2, character: '東' }],
    };
    let refusal: unknown;
    try {
      compileRequest(request, tokens);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(VerseError);
    expect((refusal as VerseError).hint).toBe(
      "leave out start: tuiqiao write --form 五绝 --keep '1:□東' --repeats free",
    );
    expect((refusal as VerseError).zh?.hint).toContain('tuiqiao write --form 五绝');
    const { start: _start, ...nearest } = request;
    expect(() => compileRequest(nearest, tokens)).not.toThrow();
  });
});
