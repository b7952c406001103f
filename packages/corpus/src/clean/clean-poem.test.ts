import { describe, expect, it } from 'vitest';
import type { RawPoem } from '../sources/read-records.ts';
import { cleanPoem } from './clean-poem.ts';
import { foldText, foldVariants } from './fold-variants.ts';
import { resolveComposedGlyphs } from './glyphs.ts';
import { characterCount, normalizePunctuation, splitLines, uniformLength } from './lines.ts';
import { hasLostCharacter } from './lost-character.ts';
import { joinParagraphs, stripNotes } from './strip-notes.ts';

const GLYPHS = new Map([['{上休下鳥}', '𪀪']]);

function raw(paragraphs: string[], more: Partial<RawPoem> = {}): RawPoem {
  return {
    id: 'x',
    source: 'shi.tang',
    dynasty: '唐',
    author: '某',
    title: '題',
    tune: null,
    paragraphs,
    tags: [],
    ...more,
  };
}

describe('notes', () => {
  it('are stripped across paragraph items', () => {
    const text = joinParagraphs(['闌風長雨（一作「東風細雨」）秋紛紛，（缺字，檢原卷。', '）四海八荒同一雲。']);
    expect(stripNotes(text)).toEqual({ text: '闌風長雨秋紛紛，四海八荒同一雲。', hadNote: true });
  });

  it('may be nested, and one that never closes runs to the end', () => {
    expect(stripNotes('春風（甲（乙）丙）起。').text).toBe('春風起。');
    expect(stripNotes('春風起。（見某書').text).toBe('春風起。');
  });

  it('leave an emended character in the text', () => {
    expect(stripNotes('[爽]節在重九，物華新雨餘。').text).toBe('爽節在重九，物華新雨餘。');
  });

  it('drop quotation marks without counting as a note', () => {
    expect(stripNotes('童子解吟《長恨曲》，')).toEqual({ text: '童子解吟長恨曲，', hadNote: false });
  });
});

describe('glyphs', () => {
  it('are mapped by the package list, others stay unresolved', () => {
    expect(resolveComposedGlyphs('見{上休下鳥}飛', GLYPHS)).toEqual({ text: '見𪀪飛', isUnresolved: false });
    expect(resolveComposedGlyphs('見{上/貝}飛', GLYPHS).isUnresolved).toBe(true);
  });
});

describe('variants', () => {
  it('fold print forms and simplified slips, and say which', () => {
    expect(foldVariants('黄河')).toEqual({ text: '黃河', hadVariant: true, hadSlip: false });
    expect(foldVariants('静来')).toEqual({ text: '靜來', hadVariant: false, hadSlip: true });
    expect(foldText('烟凉却峰隠髪')).toBe('煙涼卻峯隱髮');
  });

  it('leave characters that are words of their own', () => {
    const words = '千里雲云后後余餘干乾征徵游遊斗鬥才纔';
    expect(foldText(words)).toBe(words);
  });

  it('are idempotent over the whole basic plane', () => {
    for (let code = 0x3400; code < 0xfaff; code++) {
      const once = foldText(String.fromCharCode(code));
      expect(foldText(once)).toBe(once);
    }
  });
});

describe('lines', () => {
  it('end at every mark but the pause of ci', () => {
    expect(splitLines('試問閒愁、都幾許。一川煙草，')).toEqual(['試問閒愁都幾許', '一川煙草']);
  });

  it('count characters beyond the basic plane once', () => {
    expect(characterCount('𪀪飛')).toBe(2);
    expect(uniformLength(['𪀪飛', '見也'])).toBe(2);
  });

  it('are punctuated anew when equal, otherwise kept', () => {
    expect(normalizePunctuation('何如肆轍跡？萬里賞瑤池。', false)).toBe('何如肆轍跡，萬里賞瑤池。');
    expect(normalizePunctuation('美人兮美人！不知爲暮雨兮爲朝雲', false)).toBe('美人兮美人。不知爲暮雨兮爲朝雲。');
    expect(normalizePunctuation('惟是有、一波湘水，搖蕩湘雲。', true)).toBe('惟是有、一波湘水，搖蕩湘雲。');
  });

  it('reveal a lost character', () => {
    expect(hasLostCharacter(['白日依山盡', '黃河入海', '欲窮千里目', '更上一層樓'])).toBe(true);
    expect(hasLostCharacter(['白日依山盡', '黃河入海流', '欲窮千里目', '更上一層樓'])).toBe(false);
    expect(hasLostCharacter(['君不見', '黃河之水天上來'])).toBe(false);
  });
});

describe('cleanPoem', () => {
  it('keeps a poem and reports what it touched', () => {
    const poem = cleanPoem(
      raw(['白日依山盡，', '黄河入海流（一作奔）。', '欲窮千里目，更上一層樓。'], { title: '登樓（一作某詩）' }),
      GLYPHS,
    );
    expect(poem).toMatchObject({
      title: '登樓',
      text: '白日依山盡，黃河入海流。欲窮千里目，更上一層樓。',
      droppedBy: null,
      touched: ['notes', 'title-notes', 'print-variants'],
    });
  });

  it.each([
    ['gaps', ['冰□已鏤津，薄紅梅色冷。']],
    ['gaps', ['冰囗已鏤津，薄紅梅色冷。']],
    ['composed-glyphs', ['火{金靈}跳躍龍毛蓋，腦髮青青赮綷綷。']],
    ['private-use', ['身思狡兔\ue829，俱目似愁胡。']],
    ['foreign-characters', ['一ь杨柳掌中回，已愁共雪。']],
    ['foreign-characters', ['遊人得得過，⿰木養深黃狖小。']],
    ['empty', ['（失題）', '。']],
    ['lost-character', ['白日依山盡，黃河入海。欲窮千里目，更上一層樓。']],
    ['prose', ['李唐以文學第士尤重聲律碩儒俊彥罔不規斯道三百年間詩人千計，騰聲飛實。']],
  ] as const)('drops by %s', (rule, paragraphs) => {
    expect(cleanPoem(raw([...paragraphs]), GLYPHS).droppedBy).toBe(rule);
  });

  it('keeps a poem whose only gap is a zero in a note about it', () => {
    const poem = cleanPoem(raw(['春眠不覺曉，處處聞啼鳥。（陝西一○七七年刻。）']), GLYPHS);
    expect(poem.droppedBy).toBeNull();
    expect(poem.touched).toContain('gaps');
  });

  it('takes editors’ marks off authors', () => {
    expect(cleanPoem(raw(['春。'], { author: '曹菘〖1〗' }), GLYPHS).author).toBe('曹菘');
    expect(cleanPoem(raw(['春。'], { author: '杨适1', tune: '长相思' }), GLYPHS).author).toBe('杨适');
  });
});
